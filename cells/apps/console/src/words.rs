//! Splits a line into words.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a line is no command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OpenQuote;

impl fmt::Display for OpenQuote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a quote is not closed")
    }
}

/// Splits `line` at white space. `"…"` keeps spaces together; there is no escape.
///
/// # Errors
/// [`OpenQuote`].
pub fn split(line: &str) -> Result<Vec<String>, OpenQuote> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                // An empty pair of quotes is a word too.
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    if quoted { Err(OpenQuote) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_quotes_and_nothing() {
        assert_eq!(split("  swap  a \"b c\"d \"\" ").unwrap(), ["swap", "a", "b cd", ""]);
        assert!(split(" \t ").unwrap().is_empty());
        assert_eq!(split("say \"hello"), Err(OpenQuote));
    }
}
