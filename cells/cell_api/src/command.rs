//! A console command: what it is called, what it says about itself, and what it does.

use alloc::string::String;
use core::fmt;

/// One command of the console. `help` prints `usage` and `summary`, `help NAME` the `example` too.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// The word that calls it, lower case.
    pub name: &'static str,
    /// How it is called: the name and its arguments, capitals for what the caller fills in, `[…]` for what may be left out.
    pub usage: &'static str,
    /// What it does, in a few words, for the list.
    pub summary: &'static str,
    /// One call that works.
    pub example: &'static str,
    /// Does it. Runs in a task of its own and may block. The cell stays loaded until it returns.
    pub run: fn(&mut Invocation<'_>) -> Result<(), CommandError>,
}

/// One call of a command.
pub struct Invocation<'a> {
    /// The words behind the command's name, without `--json`.
    pub args: &'a [&'a str],
    /// Whether `--json` was among them: then the result is one JSON object on one line, and nothing else is printed.
    pub json: bool,
    /// Where the result goes.
    pub out: &'a mut dyn fmt::Write,
}

impl fmt::Debug for Invocation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("args", &self.args)
            .field("json", &self.json)
            .finish_non_exhaustive()
    }
}

/// Why a command failed. `Display` is the one line that the console prints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CommandError {
    /// The caller's words were wrong: says what was wrong. The console adds the usage.
    Usage(String),
    /// The words were right and it still did not work: says why.
    Failed(String),
    /// The output could not be written.
    Output,
}

impl CommandError {
    /// The caller's words were wrong.
    #[must_use]
    pub fn usage(what: impl fmt::Display) -> Self {
        Self::Usage(alloc::format!("{what}"))
    }

    /// It did not work; `why` is mostly an error with a `Display` of its own.
    #[must_use]
    pub fn failed(why: impl fmt::Display) -> Self {
        Self::Failed(alloc::format!("{why}"))
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(what) | Self::Failed(what) => f.write_str(what),
            Self::Output => f.write_str("the output could not be written"),
        }
    }
}
impl core::error::Error for CommandError {}

impl From<fmt::Error> for CommandError {
    fn from(_: fmt::Error) -> Self {
        Self::Output
    }
}
