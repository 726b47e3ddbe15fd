//! From the words of the caller to benchmarks.
//!
//! A word selects the benchmark of that name, or else all benchmarks of the group that the name begins
//! with: `alloc` is `alloc_8`, `alloc_64` and so on.

use alloc::{string::String, vec, vec::Vec};
use core::fmt;

/// A benchmark that was chosen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Choice {
    /// Its place among the names.
    pub index: usize,
    /// Whether the caller said its very name, rather than that of a group or none at all.
    pub by_name: bool,
}

/// A word that no benchmark answers to. `Display` is one line that names what is near.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Unknown {
    word: String,
    near: Vec<String>,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no benchmark is called `{}`; ", self.word)?;
        for (index, name) in self.near.iter().enumerate() {
            write!(f, "{} `{name}`", if index == 0 { "near it:" } else { "," })?;
        }
        f.write_str(if self.near.is_empty() { "" } else { "; " })?;
        f.write_str("`bench` lists all")
    }
}

/// What `words` select among `names`, in the order of the words and without repetition; without words,
/// everything.
///
/// # Errors
/// The first word that selects nothing.
pub(crate) fn select(words: &[&str], names: &[&str]) -> Result<Vec<Choice>, Unknown> {
    let mut chosen: Vec<Choice> = Vec::new();
    if words.is_empty() {
        chosen.extend((0..names.len()).map(|index| Choice { index, by_name: false }));
    }
    for word in words {
        let found = find(word, names);
        if found.is_empty() {
            return Err(Unknown { word: String::from(*word), near: near(word, names) });
        }
        for choice in found {
            match chosen.iter_mut().find(|earlier| earlier.index == choice.index) {
                Some(earlier) => earlier.by_name |= choice.by_name,
                None => chosen.push(choice),
            }
        }
    }
    Ok(chosen)
}

fn find(word: &str, names: &[&str]) -> Vec<Choice> {
    if let Some(index) = names.iter().position(|name| *name == word) {
        return vec![Choice { index, by_name: true }];
    }
    let in_group = |name: &str| name.strip_prefix(word).is_some_and(|rest| rest.starts_with('_'));
    let members = names.iter().enumerate().filter(|(_, name)| in_group(name));
    members.map(|(index, _)| Choice { index, by_name: false }).collect()
}

/// The names that a mistyped `word` may have meant: those with at most two wrong letters (and fewer than
/// half), and those that contain it.
fn near(word: &str, names: &[&str]) -> Vec<String> {
    let allowed = 2.min(word.chars().count().saturating_sub(1) / 2);
    // A group is near if its name is: `aloc` means the `alloc_…`.
    let groups = names.iter().filter_map(|name| Some(name.split_once('_')?.0));
    let mut near: Vec<String> = Vec::new();
    for name in names.iter().copied().chain(groups) {
        let close = distance(word, name) <= allowed || (word.len() > 1 && name.contains(word));
        if close && !near.iter().any(|earlier| earlier == name) {
            near.push(String::from(name));
        }
    }
    near
}

/// How many letters must be inserted, removed or replaced to make one word of the other (Levenshtein), row by
/// row.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    const NAMES: [&str; 9] =
        ["null", "yield", "spawn", "map_4k", "message", "message_cross", "alloc_8", "alloc_64", "swap_pause"];

    fn chosen(words: &[&str]) -> Vec<(&'static str, bool)> {
        let choices = select(words, &NAMES).expect("all words are known");
        choices.into_iter().map(|choice| (NAMES[choice.index], choice.by_name)).collect()
    }

    #[test]
    fn no_words_select_all_by_no_name() {
        let all = chosen(&[]);
        assert_eq!(all.len(), NAMES.len());
        assert!(all.iter().all(|(_, by_name)| !by_name));
    }

    #[test]
    fn a_word_is_a_name_or_a_group() {
        assert_eq!(chosen(&["message"]), [("message", true)]);
        assert_eq!(chosen(&["alloc"]), [("alloc_8", false), ("alloc_64", false)]);
        assert_eq!(chosen(&["map", "swap"]), [("map_4k", false), ("swap_pause", false)]);
    }

    #[test]
    fn nothing_runs_twice_and_a_name_outweighs_a_group() {
        assert_eq!(
            chosen(&["alloc", "null", "alloc_8"]),
            [("alloc_8", true), ("alloc_64", false), ("null", true)]
        );
    }

    #[test]
    fn an_unknown_word_gets_one_line_with_what_is_near() {
        let line = |word: &str| select(&["null", word], &NAMES).expect_err("no such name").to_string();
        assert_eq!(line("yeild"), "no benchmark is called `yeild`; near it: `yield`; `bench` lists all");
        assert_eq!(line("aloc"), "no benchmark is called `aloc`; near it: `alloc`; `bench` lists all");
        assert_eq!(
            line("cross"),
            "no benchmark is called `cross`; near it: `message_cross`; `bench` lists all"
        );
        assert_eq!(line("zzz"), "no benchmark is called `zzz`; `bench` lists all");
        assert_eq!(line(""), "no benchmark is called ``; `bench` lists all");
    }

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "abc", 3), ("yield", "yield", 0), ("yeild", "yield", 2), ("map", "mop", 1)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected));
        }
    }
}
