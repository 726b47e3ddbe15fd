//! What the guest prints: as plain text where no terminal is, and kept as lines: the last of them for error messages,
//! the JSON objects for a file.

use std::collections::VecDeque;

/// How many lines are kept for an error message.
pub const KEPT: usize = 20;

/// Takes out of a byte stream what only a terminal understands: carriage returns and escape sequences of the form `ESC [ … letter`, which
/// is all that the console's line editor prints.
#[derive(Debug, Default)]
pub struct Plain {
    escape: Escape,
}

/// Where in an escape sequence the stream is.
#[derive(Debug, Default)]
enum Escape {
    #[default]
    Outside,
    Begun,
    Inside,
}

impl Plain {
    /// What is left of `bytes`.
    pub fn filter(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut left = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            self.escape = match (&self.escape, byte) {
                (_, 0x1b) => Escape::Begun,
                (Escape::Begun, b'[') => Escape::Inside,
                // A letter or the like is the last of the sequence.
                (Escape::Inside, 0x40..=0x7e) => Escape::Outside,
                (Escape::Inside, _) => Escape::Inside,
                (Escape::Outside | Escape::Begun, b'\r') => Escape::Outside,
                (Escape::Outside | Escape::Begun, _) => {
                    left.push(byte);
                    Escape::Outside
                }
            };
        }
        left
    }
}

/// Splits a byte stream into lines.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes in `bytes` and returns the lines that they complete, without line ends.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut complete = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.partial);
                complete.push(String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned());
            } else {
                self.partial.push(byte);
            }
        }
        complete
    }

    /// What has come after the last line end.
    pub fn partial(&self) -> String {
        String::from_utf8_lossy(&self.partial).into_owned()
    }
}

/// The last lines of a console.
#[derive(Debug, Default)]
pub struct Tail {
    lines: Lines,
    kept: VecDeque<String>,
}

impl Tail {
    /// Takes in `bytes` and returns the lines that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let lines = self.lines.push(bytes);
        self.kept.extend(lines.iter().cloned());
        while self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        lines
    }

    /// The last lines, each indented, the unfinished one too.
    pub fn text(&self) -> String {
        let partial = self.lines.partial();
        let last = (!partial.is_empty()).then_some(&partial);
        let lines: Vec<String> = self.kept.iter().chain(last).map(|line| format!("    {line}")).collect();
        if lines.is_empty() { "    (nothing)".to_owned() } else { lines.join("\n") }
    }

    /// The line that is being printed.
    pub fn partial(&self) -> String {
        self.lines.partial()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_left_out_across_pieces() {
        let mut plain = Plain::default();
        let pieces: [&[u8]; 4] = [b"\r\x1b[", b"Kkeel> a\x1b", b"[12", b"D\xc2\xb5s\r\n"];
        let left: Vec<u8> = pieces.iter().flat_map(|piece| plain.filter(piece)).collect();
        assert_eq!(left, "keel> aµs\n".as_bytes());
    }

    #[test]
    fn lines_are_found_across_pieces() {
        let mut lines = Lines::default();
        assert!(lines.push(b"one").is_empty());
        assert_eq!(lines.push(b" more\r\ntwo\nkeel> "), ["one more", "two"]);
        assert_eq!(lines.partial(), "keel> ");
    }

    #[test]
    fn the_tail_forgets_old_lines() {
        let mut tail = Tail::default();
        assert_eq!(tail.text(), "    (nothing)");
        for number in 0..100 {
            tail.push(format!("line {number}\n").as_bytes());
        }
        tail.push(b"unfinished");
        assert_eq!(tail.text().lines().count(), KEPT + 1);
        assert!(tail.text().starts_with("    line 80\n") && tail.text().ends_with("    unfinished"));
    }
}
