//! What `spawn`, `wait` and `kill` are asked for: their arguments, read and checked.

use args::{ArgError, Args};
use cell_api::CommandError;
use core::fmt;

/// What a background task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Computes and never gives the core away.
    Spin,
    /// Yields, over and over.
    Yield,
    /// Sleeps, over and over.
    Sleep,
    /// One of a load that checks itself.
    Load,
}

impl Kind {
    const NAMES: [&'static str; 4] = ["spin", "yield", "sleep", "load"];
    const ALL: [Self; 4] = [Self::Spin, Self::Yield, Self::Sleep, Self::Load];

    /// Its name: the argument of `spawn`, and what its tasks are called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spin => "spin",
            Self::Yield => "yield",
            Self::Sleep => "sleep",
            Self::Load => "load",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The arguments of `spawn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spawn {
    /// What the tasks do.
    pub kind: Kind,
    /// How many tasks.
    pub count: usize,
    /// The index of the one core that they may run on.
    pub core: Option<u32>,
    /// Their priority.
    pub priority: Option<u8>,
    /// After how many steps they return; `None` for never.
    pub steps: Option<u32>,
}

const MOST_TASKS: u64 = 10_000;
const MOST_STEPS: u64 = 100_000_000;
const LOAD_TASKS: u64 = 300;
const LOAD_STEPS: u64 = 200;
const DEFAULT_TIMEOUT_S: u64 = 60;
const MOST_TIMEOUT_S: u64 = 86_400;

impl Spawn {
    /// Reads the arguments, on a machine whose cores have the indices below `cores`.
    pub fn parse<'a>(words: &[&'a str], cores: usize) -> Result<Self, ArgError<'a>> {
        let mut args = Args::new(words);
        let last_core = (cores as u64).saturating_sub(1);
        let core = args.number("--core", 0..=last_core)?.map(|core| core as u32);
        let priority = args.number("--priority", 0..=255)?.map(|priority| priority as u8);
        let steps = args.number("--steps", 1..=MOST_STEPS)?;
        let kind = Kind::ALL[args.choice("KIND", &Kind::NAMES)?];
        let count = args.optional_number("COUNT", 1..=MOST_TASKS)?;
        args.finish()?;
        let is_load = kind == Kind::Load;
        let count = count.unwrap_or(if is_load { LOAD_TASKS } else { 1 }) as usize;
        let steps = steps.or(is_load.then_some(LOAD_STEPS)).map(|steps| steps as u32);
        Ok(Self { kind, count, core, priority, steps })
    }
}

/// The arguments of `wait`: how long, in nanoseconds.
pub fn wait_timeout_ns<'a>(words: &[&'a str]) -> Result<u64, ArgError<'a>> {
    let mut args = Args::new(words);
    let seconds = args.number("--timeout", 1..=MOST_TIMEOUT_S)?.unwrap_or(DEFAULT_TIMEOUT_S);
    args.finish()?;
    Ok(seconds * 1_000_000_000)
}

/// The argument of `kill`: which tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// The one with this number.
    Id(u64),
    /// All with this name.
    Name(&'a str),
}

impl<'a> Target<'a> {
    /// Reads the argument.
    pub fn parse(words: &[&'a str]) -> Result<Self, ArgError<'a>> {
        let mut args = Args::new(words);
        let word = args.word("TASK")?;
        args.finish()?;
        Ok(word.parse().map_or(Self::Name(word), Self::Id))
    }

    /// Whether this task is meant.
    pub fn means(&self, id: u64, name: &str) -> bool {
        match *self {
            Self::Id(wanted) => wanted == id,
            Self::Name(wanted) => wanted == name,
        }
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "task {id}"),
            Self::Name(name) => write!(f, "task called `{name}`"),
        }
    }
}

/// No task is meant by the argument of `kill`.
pub fn no_such_task(target: Target<'_>) -> CommandError {
    CommandError::failed(format_args!("there is no {target}; `tasks` lists them"))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::{String, ToString};

    #[test]
    fn a_load_has_defaults_of_its_own() {
        let load = Spawn::parse(&["load"], 8).expect("right");
        assert_eq!((load.kind, load.count, load.steps), (Kind::Load, 300, Some(200)));
        let spin = Spawn::parse(&["spin"], 8).expect("right");
        assert_eq!((spin.kind, spin.count, spin.steps), (Kind::Spin, 1, None));
        let all = ["yield", "3", "--core", "7", "--priority", "9", "--steps", "5"];
        let expected =
            Spawn { kind: Kind::Yield, count: 3, core: Some(7), priority: Some(9), steps: Some(5) };
        assert_eq!(Spawn::parse(&all, 8), Ok(expected));
        for (kind, name) in Kind::ALL.into_iter().zip(Kind::NAMES) {
            assert_eq!(kind.name(), name);
        }
    }

    #[test]
    fn mistakes_are_named() {
        let line = |words: &[&'static str]| -> String { Spawn::parse(words, 8).unwrap_err().to_string() };
        assert_eq!(line(&[]), "KIND is missing");
        assert_eq!(line(&["fork"]), "KIND must be spin, yield, sleep or load, not `fork`");
        assert_eq!(line(&["spin", "0"]), "COUNT must be a whole number from 1 to 10000, not `0`");
        assert_eq!(line(&["spin", "--core", "8"]), "--core must be a whole number from 0 to 7, not `8`");
        assert_eq!(line(&["spin", "1", "2"]), "unexpected argument `2`");
        let wait = wait_timeout_ns(&["--timeout", "0"]).unwrap_err().to_string();
        assert_eq!(wait, "--timeout must be a whole number from 1 to 86400, not `0`");
    }

    #[test]
    fn a_number_is_an_id_and_a_word_a_name() {
        let id = Target::parse(&["12"]).expect("right");
        assert!(id.means(12, "x") && !id.means(1, "12"));
        let name = Target::parse(&["load"]).expect("right");
        assert!(name.means(7, "load") && !name.means(7, "loads"));
        assert_eq!(no_such_task(id).to_string(), "there is no task 12; `tasks` lists them");
        assert_eq!(no_such_task(name).to_string(), "there is no task called `load`; `tasks` lists them");
    }
}
