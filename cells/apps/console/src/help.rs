//! `help`: what can be typed, and what was probably meant.

use alloc::vec::Vec;
use cell_api::Command;
use core::fmt::{self, Write};

/// Prints all commands, sorted, one a line.
pub fn list<'a>(out: &mut dyn Write, commands: impl Iterator<Item = &'a Command>) -> fmt::Result {
    let mut commands: Vec<&Command> = commands.collect();
    commands.sort_unstable_by_key(|c| c.name);
    let width = commands.iter().map(|c| c.usage.chars().count()).filter(|&w| w <= WIDEST).max().unwrap_or(0);
    for command in commands {
        writeln!(out, "{:width$}  {}", command.usage, command.summary)?;
    }
    writeln!(
        out,
        "\n`help COMMAND` shows an example; commands on one line are separated by `;`; Ctrl-C stops one."
    )
}

/// A usage wider than this does not push the summaries of all others to the right.
const WIDEST: usize = 34;

/// Prints one command.
pub fn one(out: &mut dyn Write, command: &Command) -> fmt::Result {
    writeln!(out, "{}: {}", command.name, command.summary)?;
    writeln!(out, "  usage:   {}", command.usage)?;
    writeln!(out, "  example: {}", command.example)
}

/// The name that `typed` is most likely meant to be: one that begins so, or differs in at most two places.
pub fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.map(|name| {
        let begins = !typed.is_empty() && name.starts_with(typed);
        (if begins { 0 } else { distance(typed, name) }, name)
    });
    // A word of two letters is within two changes of far too much.
    let most = if typed.len() < 4 { 1 } else { 2 };
    scored.filter(|(distance, _)| *distance <= most).min().map(|(_, name)| name)
}

/// Damerau's distance, in the restricted form: letters added, dropped, changed, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let mut best = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = core::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    const NAMES: [&str; 6] = ["cells", "cores", "mem", "poweroff", "policy", "swap"];

    #[test]
    fn near_misses_are_understood() {
        for (typed, meant) in [
            ("cell", Some("cells")),
            ("crles", Some("cells")),
            ("pwoeroff", Some("poweroff")),
            ("swpa", Some("swap")),
            ("po", Some("policy")),
            ("mme", Some("mem")),
            ("x", None),
            ("reload", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, NAMES.into_iter()), meant, "{typed}");
        }
    }

    #[test]
    fn help_is_sorted_and_aligned() {
        let command =
            |name, usage| Command { name, usage, summary: "does it", example: "e", run: |_| Ok(()) };
        let commands = [command("swap", "swap OLD NEW"), command("mem", "mem")];
        let mut out = String::new();
        list(&mut out, commands.iter()).expect("strings take everything");
        assert!(out.starts_with("mem           does it\nswap OLD NEW  does it\n"), "{out}");
        out.clear();
        one(&mut out, &commands[0]).expect("strings take everything");
        assert_eq!(out, "swap: does it\n  usage:   swap OLD NEW\n  example: e\n");
    }
}
