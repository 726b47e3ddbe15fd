//! Command lines: `swap round_robin priority; cells --json`.
//!
//! Commands are separated by `;`, words by spaces; a word in double quotes may hold both. `--json` may stand anywhere and
//! is taken out, because every command that reports figures knows it.

use alloc::{borrow::Cow, string::String, vec::Vec};
use core::fmt;

/// One command of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// What was typed, trimmed.
    pub text: &'a str,
    /// The command's name.
    pub name: Cow<'a, str>,
    /// The other words.
    pub args: Vec<Cow<'a, str>>,
    /// Whether `--json` was among them.
    pub json: bool,
}

/// A quote that is not closed, in this command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenQuote<'a>(pub &'a str);

impl fmt::Display for OpenQuote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a quote is not closed in: {}", self.0)
    }
}

/// Splits `text` into commands at each `;` that is not in quotes. Empty ones are left out.
pub fn commands(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let split = text.split(move |c| {
        quoted ^= c == '"';
        c == ';' && !quoted
    });
    split.map(str::trim).filter(|command| !command.is_empty())
}

/// Splits one command, which is not empty, into words.
///
/// # Errors
/// [`OpenQuote`].
pub fn words(text: &str) -> Result<Option<Line<'_>>, OpenQuote<'_>> {
    let mut words: Vec<Cow<'_, str>> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let mut quoted = false;
        let end = rest.find(|c: char| {
            quoted ^= c == '"';
            c.is_whitespace() && !quoted
        });
        let end = end.unwrap_or(rest.len());
        if quoted {
            return Err(OpenQuote(text));
        }
        let (word, after) = rest.split_at(end);
        words.push(match word.contains('"') {
            true => word.chars().filter(|&c| c != '"').collect::<String>().into(),
            false => word.into(),
        });
        rest = after.trim_start();
    }
    if words.is_empty() {
        return Ok(None);
    }
    let name = words.remove(0);
    let before = words.len();
    words.retain(|word| word != "--json");
    Ok(Some(Line { text, name, json: words.len() != before, args: words }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn split(text: &str) -> (Cow<'_, str>, Vec<Cow<'_, str>>, bool) {
        let line = words(text).expect("quotes are closed").expect("not empty");
        (line.name, line.args, line.json)
    }

    #[test]
    fn commands_and_words() {
        assert_eq!(
            commands("cores; mem --json ;;\" ; \" x;").collect::<Vec<_>>(),
            ["cores", "mem --json", "\" ; \" x"]
        );
        assert_eq!(split("swap  a\tb"), ("swap".into(), vec!["a".into(), "b".into()], false));
        assert_eq!(split("bench --json yield"), ("bench".into(), vec!["yield".into()], true));
        assert_eq!(
            split("say \"a b\" c\"d e\"f \"\""),
            ("say".into(), vec!["a b".into(), "cd ef".into(), "".into()], false)
        );
        assert_eq!(words("  "), Ok(None));
        assert_eq!(words("say \"a"), Err(OpenQuote("say \"a")));
    }

    proptest! {
        #[test]
        fn any_text_is_split_or_refused(text in ".{0,60}") {
            for command in commands(&text) {
                prop_assert!(!command.is_empty());
                if let Ok(line) = words(command) { prop_assert!(line.is_some()); }
            }
        }
    }
}
