//! What can be wrong with a command's arguments.

use cell_api::CommandError;
use core::fmt;

/// What is wrong with the arguments. `Display` is the one line that the console prints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArgError<'a> {
    /// The command has no such option.
    UnknownOption(&'a str),
    /// The option is there more than once.
    Twice(&'static str),
    /// The option needs a value and has none.
    NoValue(&'static str),
    /// The option takes no value and has one.
    NeedsNoValue {
        /// The option.
        option: &'static str,
        /// What was given.
        value: &'a str,
    },
    /// A positional word is missing, by its name in the usage.
    Missing(&'static str),
    /// One word too many.
    Unexpected(&'a str),
    /// Not a whole number, or outside the bounds.
    BadNumber {
        /// The option, or the positional word's name in the usage.
        what: &'static str,
        /// What was given.
        word: &'a str,
        /// The least that is accepted.
        least: u64,
        /// The most that is accepted; `u64::MAX` for no bound.
        most: u64,
    },
    /// Not one of the words that are accepted.
    NoSuchChoice {
        /// The positional word's name in the usage.
        what: &'static str,
        /// What was given.
        word: &'a str,
        /// What is accepted.
        choices: &'static [&'static str],
    },
}

impl fmt::Display for ArgError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownOption(word) => write!(f, "unknown option `{word}`"),
            Self::Twice(option) => write!(f, "`{option}` is given more than once"),
            Self::NoValue(option) => write!(f, "`{option}` needs a value"),
            Self::NeedsNoValue { option, value } => {
                write!(f, "`{option}` takes no value, but `{value}` was given")
            }
            Self::Missing(what) => write!(f, "{what} is missing"),
            Self::Unexpected(word) => write!(f, "unexpected argument `{word}`"),
            Self::BadNumber { what, word, least, most: u64::MAX } => {
                write!(f, "{what} must be a whole number of at least {least}, not `{word}`")
            }
            Self::BadNumber { what, word, least, most } => {
                write!(f, "{what} must be a whole number from {least} to {most}, not `{word}`")
            }
            Self::NoSuchChoice { what, word, choices } => {
                write!(f, "{what} must be ")?;
                for (index, choice) in choices.iter().enumerate() {
                    let separator = match index {
                        0 => "",
                        _ if index + 1 == choices.len() => " or ",
                        _ => ", ",
                    };
                    write!(f, "{separator}{choice}")?;
                }
                write!(f, ", not `{word}`")
            }
        }
    }
}
impl core::error::Error for ArgError<'_> {}

impl From<ArgError<'_>> for CommandError {
    fn from(error: ArgError<'_>) -> Self {
        Self::usage(error)
    }
}
