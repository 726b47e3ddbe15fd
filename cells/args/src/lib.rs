//! Reads the arguments of a console command, and says in one line what is wrong with them.
//!
//! A command takes its options first, by name, then its positional words in order, then calls [`Args::finish`].
//! What starts with a dash and was not taken as an option is unknown, so a misspelt option never becomes a
//! positional word. An option's value follows it as a word of its own or after `=`.
//!
//! ```
//! use args::Args;
//!
//! let mut args = Args::new(&["load", "300", "--steps", "50"]);
//! let steps = args.number("--steps", 1..=1_000_000)?;
//! let kind = args.word("KIND")?;
//! let count = args.optional_number("COUNT", 1..=10_000)?;
//! args.finish()?;
//! assert_eq!((kind, count, steps), ("load", Some(300), Some(50)));
//! # Ok::<(), cell_api::CommandError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod error;
#[cfg(test)]
mod tests;

pub use error::ArgError;

use alloc::vec::Vec;
use cell_api::{CommandError, Invocation};
use core::ops::RangeInclusive;

/// The words that have not been taken yet.
#[derive(Clone, Debug)]
pub struct Args<'a> {
    words: Vec<&'a str>,
}

impl<'a> Args<'a> {
    /// The arguments of an [`Invocation`].
    #[must_use]
    pub fn new(words: &[&'a str]) -> Self {
        Self { words: words.to_vec() }
    }

    /// Takes the option `name` (`"--all"`), which has no value. Says whether it was there.
    ///
    /// # Errors
    /// If it is given twice, or with a value.
    pub fn flag(&mut self, name: &'static str) -> Result<bool, ArgError<'a>> {
        match self.take(name)? {
            None => Ok(false),
            Some((_, None)) => Ok(true),
            Some((_, Some(value))) => Err(ArgError::NeedsNoValue { option: name, value }),
        }
    }

    /// Takes the option `name` and its value.
    ///
    /// # Errors
    /// If it is given twice, or without a value.
    pub fn value(&mut self, name: &'static str) -> Result<Option<&'a str>, ArgError<'a>> {
        let Some((at, value)) = self.take(name)? else { return Ok(None) };
        if let Some(value) = value {
            return if value.is_empty() { Err(ArgError::NoValue(name)) } else { Ok(Some(value)) };
        }
        match self.words.get(at) {
            Some(word) if !is_option(word) => Ok(Some(self.words.remove(at))),
            _ => Err(ArgError::NoValue(name)),
        }
    }

    /// Takes the option `name` and its value, a whole number within `range`.
    ///
    /// # Errors
    /// If it is given twice, without a value, or its value is not such a number.
    pub fn number(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ArgError<'a>> {
        self.value(name)?.map(|word| number(name, word, range)).transpose()
    }

    /// Takes the next positional word, if there is one.
    ///
    /// # Errors
    /// If an option is left that nobody took.
    pub fn optional_word(&mut self) -> Result<Option<&'a str>, ArgError<'a>> {
        if let Some(option) = self.words.iter().find(|word| is_option(word)) {
            return Err(ArgError::UnknownOption(option));
        }
        Ok((!self.words.is_empty()).then(|| self.words.remove(0)))
    }

    /// Takes the next positional word; `what` is its name in the command's usage.
    ///
    /// # Errors
    /// If there is none, or an option is left that nobody took.
    pub fn word(&mut self, what: &'static str) -> Result<&'a str, ArgError<'a>> {
        self.optional_word()?.ok_or(ArgError::Missing(what))
    }

    /// Takes the next positional word, if there is one: a whole number within `range`.
    ///
    /// # Errors
    /// If it is not such a number, or an option is left that nobody took.
    pub fn optional_number(
        &mut self,
        what: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ArgError<'a>> {
        self.optional_word()?.map(|word| number(what, word, range)).transpose()
    }

    /// Takes the next positional word: one of `choices`. Returns its index.
    ///
    /// # Errors
    /// If there is none, it is another word, or an option is left that nobody took.
    pub fn choice(
        &mut self,
        what: &'static str,
        choices: &'static [&'static str],
    ) -> Result<usize, ArgError<'a>> {
        let word = self.word(what)?;
        choices.iter().position(|choice| *choice == word).ok_or(ArgError::NoSuchChoice {
            what,
            word,
            choices,
        })
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// If a word is left.
    pub fn finish(mut self) -> Result<(), ArgError<'a>> {
        self.optional_word()?.map_or(Ok(()), |word| Err(ArgError::Unexpected(word)))
    }

    /// Removes the option `name`. Returns where it stood, and what followed a `=`.
    fn take(&mut self, name: &'static str) -> Result<Option<(usize, Option<&'a str>)>, ArgError<'a>> {
        let mut found = self.words.iter().enumerate().filter_map(|(at, word)| {
            let rest = word.strip_prefix(name)?;
            let value = rest.strip_prefix('=');
            (rest.is_empty() || value.is_some()).then_some((at, value))
        });
        let Some((at, value)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(ArgError::Twice(name));
        }
        self.words.remove(at);
        Ok(Some((at, value)))
    }
}

/// For a command that takes no arguments.
///
/// # Errors
/// If there are any.
pub fn none<'a>(words: &[&'a str]) -> Result<(), ArgError<'a>> {
    Args::new(words).finish()
}

/// For a command that reports no figures: refuses `--json`.
///
/// # Errors
/// If it was given.
pub fn refuse_json(invocation: &Invocation<'_>) -> Result<(), CommandError> {
    if invocation.json {
        return Err(CommandError::usage("this command reports no figures, so it has no --json"));
    }
    Ok(())
}

/// A dash and more, unless it is a negative number: that shall be reported as one.
fn is_option(word: &str) -> bool {
    word.strip_prefix('-')
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn number<'a>(what: &'static str, word: &'a str, range: RangeInclusive<u64>) -> Result<u64, ArgError<'a>> {
    match word.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(ArgError::BadNumber { what, word, least: *range.start(), most: *range.end() }),
    }
}
