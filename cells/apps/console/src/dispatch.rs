//! From a line to a command that ran.

use crate::words::{self, OpenQuote};
use alloc::string::String;
use alloc::vec::Vec;
use cell_api::{CommandError, Invocation};
use core::fmt::{self, Write};
use scheduler::{Builder, Death, SpawnError};

/// Why a line failed. `Display` is the one line that is printed.
pub enum Failure {
    /// It cannot be split into words.
    Words(OpenQuote),
    /// No cell brings such a command.
    Unknown(String),
    /// The command says so; its name, and how it is used if the caller got that wrong.
    Command { name: String, error: CommandError, usage: &'static str },
    /// There is no task for it.
    Spawn(SpawnError),
    /// It died.
    Died { name: String, death: Death },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words(error) => error.fmt(f),
            Self::Unknown(name) => write!(f, "unknown command `{name}`; `help` lists what there is"),
            Self::Command { name, error: error @ CommandError::Usage(_), usage } => {
                write!(f, "{name}: {error}; usage: {usage}")
            }
            Self::Command { name, error, .. } => write!(f, "{name}: {error}"),
            Self::Spawn(error) => write!(f, "no task for the command: {error}"),
            Self::Died { name, death } => write!(f, "{name} ended: {death}"),
        }
    }
}

/// Collects text until a line is whole, so that lines of different tasks do not mix.
struct LineOut(String);

impl Write for LineOut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(text);
        if let Some(end) = self.0.rfind('\n') {
            serial::write_str(&self.0[..=end]);
            self.0.drain(..=end);
        }
        Ok(())
    }
}

impl Drop for LineOut {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            serial::println!("{}", self.0);
        }
    }
}

/// Runs one line, to its end. An empty line succeeds.
pub fn run(line: &str) -> Result<(), Failure> {
    let words = words::split(line).map_err(Failure::Words)?;
    let Some((name, args)) = words.split_first() else { return Ok(()) };
    let name = name.clone();
    let Some(command) = namespace::find_command(&name) else { return Err(Failure::Unknown(name)) };
    let usage_owner = command.clone();
    let args: Vec<String> = args.to_vec();
    let job = move || {
        let json = args.iter().any(|arg| arg == "--json");
        let args: Vec<&str> = args.iter().map(String::as_str).filter(|&arg| arg != "--json").collect();
        let mut out = LineOut(String::new());
        (command.run)(&mut Invocation { args: &args, json, out: &mut out })
    };
    let task = Builder::new(name.clone()).spawn(job).map_err(Failure::Spawn)?;
    match task.join() {
        Ok(Ok(())) => Ok(()),
        // The text lies in the command's cell, which is not freed as long as it is live; the pin is held until it is copied.
        Ok(Err(error)) => Err(Failure::Command { name, error, usage: usage_owner.usage }),
        Err(death) => Err(Failure::Died { name, death }),
    }
}
