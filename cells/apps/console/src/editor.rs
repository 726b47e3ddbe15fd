//! The line editor: keys in, a line out, and what the terminal must show meanwhile.
//!
//! It draws relative to the cursor and needs no terminal size, so a line should fit in a row; a longer one is
//! edited correctly but looks odd after it wrapped. Lines end at [`LONGEST`] bytes.

use crate::history::History;
use crate::keys::{Decoder, Key};
use alloc::string::String;
use core::fmt::Write;

/// No line is longer, in bytes.
pub const LONGEST: usize = 400;

/// What a byte led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The line is being edited.
    Editing,
    /// This line was entered.
    Line(String),
    /// The line was given up with Ctrl-C.
    Interrupted,
}

/// Calls its argument with each name that can be completed.
pub type Names<'a> = dyn FnMut(&mut dyn FnMut(&str)) + 'a;

/// Edits one line after the other. Everything is ASCII, so bytes are columns.
#[derive(Debug)]
pub struct Editor {
    prompt: &'static str,
    keys: Decoder,
    history: History,
    line: String,
    cursor: usize,
}

impl Editor {
    /// An editor with this prompt.
    pub fn new(prompt: &'static str) -> Self {
        Self { prompt, keys: Decoder::default(), history: History::default(), line: String::new(), cursor: 0 }
    }

    /// Shows the prompt and the line.
    pub fn show(&self, out: &mut dyn Write) {
        // Nothing can be done about a terminal that does not take output.
        // The prompt comes last on an empty line: the host tool waits for output that ends so.
        let _ = write!(out, "\r\x1b[K{}{}", self.prompt, self.line);
        back(out, self.line.len() - self.cursor);
    }

    /// Takes one byte from the terminal, writes to it what changes. `names` are completed by Tab at the first word.
    pub fn feed(&mut self, byte: u8, names: &mut Names<'_>, out: &mut dyn Write) -> Event {
        let Some(key) = self.keys.feed(byte) else { return Event::Editing };
        match key {
            Key::Char(c) => self.insert(char::from(c).encode_utf8(&mut [0; 4]), out),
            Key::Enter => {
                let _ = out.write_char('\n');
                self.cursor = 0;
                let line = core::mem::take(&mut self.line);
                self.history.add(&line);
                return Event::Line(line);
            }
            Key::Interrupt => {
                let _ = out.write_str("^C\n");
                self.cursor = 0;
                self.line.clear();
                return Event::Interrupted;
            }
            Key::Tab => self.complete(names, out),
            Key::Backspace if self.cursor > 0 => {
                back(out, 1);
                self.delete(self.cursor - 1, self.cursor, out);
            }
            Key::Delete if self.cursor < self.line.len() => self.delete(self.cursor, self.cursor + 1, out),
            Key::KillToEnd => self.delete(self.cursor, self.line.len(), out),
            Key::KillToStart => self.delete_left(0, out),
            Key::KillWord => {
                let word = self.line[..self.cursor].trim_end();
                self.delete_left(word.rfind(' ').map_or(0, |space| space + 1), out);
            }
            Key::Left if self.cursor > 0 => self.go_to(self.cursor - 1, out),
            Key::Right if self.cursor < self.line.len() => self.go_to(self.cursor + 1, out),
            Key::Home => self.go_to(0, out),
            Key::End => self.go_to(self.line.len(), out),
            Key::Up => {
                let line = self.history.older(&self.line).map(String::from);
                self.replace(line, out);
            }
            Key::Down => {
                let line = self.history.newer().map(String::from);
                self.replace(line, out);
            }
            Key::Clear => {
                let _ = out.write_str("\x1b[H\x1b[2J");
                self.show(out);
            }
            Key::Backspace | Key::Delete | Key::Left | Key::Right => bell(out),
        }
        Event::Editing
    }

    fn insert(&mut self, text: &str, out: &mut dyn Write) {
        if self.line.len() + text.len() > LONGEST {
            return bell(out);
        }
        self.line.insert_str(self.cursor, text);
        let _ = out.write_str(&self.line[self.cursor..]);
        self.cursor += text.len();
        back(out, self.line.len() - self.cursor);
    }

    /// Deletes from `start` to `end`, the terminal's cursor being at `start`.
    fn delete(&mut self, start: usize, end: usize, out: &mut dyn Write) {
        self.line.replace_range(start..end, "");
        self.cursor = start;
        let _ = write!(out, "{}\x1b[K", &self.line[start..]);
        back(out, self.line.len() - start);
    }

    fn delete_left(&mut self, start: usize, out: &mut dyn Write) {
        back(out, self.cursor - start);
        self.delete(start, self.cursor, out);
    }

    fn go_to(&mut self, column: usize, out: &mut dyn Write) {
        back(out, self.cursor.saturating_sub(column));
        if column > self.cursor {
            let _ = write!(out, "\x1b[{}C", column - self.cursor);
        }
        self.cursor = column;
    }

    fn replace(&mut self, line: Option<String>, out: &mut dyn Write) {
        let Some(line) = line else { return bell(out) };
        back(out, self.cursor);
        self.cursor = line.len();
        self.line = line;
        let _ = write!(out, "{}\x1b[K", self.line);
    }

    /// Completes the first word as far as all names that begin so agree; a single name gets a space behind it.
    fn complete(&mut self, names: &mut Names<'_>, out: &mut dyn Write) {
        let typed = &self.line[..self.cursor];
        if typed.contains(' ') || self.cursor != self.line.len() {
            return bell(out);
        }
        let mut common: Option<String> = None;
        let mut found = 0;
        names(&mut |name| {
            if !name.starts_with(typed) {
                return;
            }
            found += 1;
            match &mut common {
                None => common = Some(name.into()),
                Some(common) => {
                    let same = common.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
                    common.truncate(same);
                }
            }
        });
        let rest = common.as_deref().and_then(|c| c.get(self.cursor..)).unwrap_or_default();
        match (found, rest) {
            (0, _) => bell(out),
            (1, rest) => self.insert(&alloc::format!("{rest} "), out),
            (_, "") => {
                let typed = self.line.clone();
                let _ = out.write_char('\n');
                names(&mut |name| {
                    if name.starts_with(&typed) {
                        let _ = write!(out, "{name}  ");
                    }
                });
                let _ = out.write_char('\n');
                self.show(out);
            }
            (_, rest) => self.insert(&String::from(rest), out),
        }
    }
}

fn bell(out: &mut dyn Write) {
    let _ = out.write_char('\x07');
}

/// Moves the terminal's cursor to the left.
fn back(out: &mut dyn Write, columns: usize) {
    if columns > 0 {
        let _ = write!(out, "\x1b[{columns}D");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};
    use proptest::prelude::*;

    /// A terminal of one endless row: what a person would see.
    #[derive(Default)]
    struct Screen {
        row: Vec<char>,
        column: usize,
        escape: Option<String>,
    }

    impl Write for Screen {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            for c in text.chars() {
                match &mut self.escape {
                    Some(sequence) if c.is_ascii_alphabetic() => {
                        let n = sequence.trim_start_matches('[').parse().unwrap_or(1);
                        self.escape = None;
                        match c {
                            'D' => self.column = self.column.checked_sub(n).expect("not beyond the edge"),
                            'C' => self.column += n,
                            'K' => self.row.truncate(self.column),
                            'H' | 'J' => (self.row, self.column) = (vec![], 0),
                            other => panic!("sequence {other}"),
                        }
                    }
                    Some(sequence) => sequence.push(c),
                    None => match c {
                        '\x1b' => self.escape = Some(String::new()),
                        '\r' => self.column = 0,
                        '\n' => (self.row, self.column) = (vec![], 0),
                        '\x07' => {}
                        c => {
                            self.row.resize(self.row.len().max(self.column + 1), ' ');
                            self.row[self.column] = c;
                            self.column += 1;
                        }
                    },
                }
            }
            Ok(())
        }
    }

    fn names(each: &mut dyn FnMut(&str)) {
        ["cells", "cores", "poweroff", "policy"].into_iter().for_each(each);
    }

    /// Types `bytes`; returns the events other than `Editing`.
    fn type_in(editor: &mut Editor, screen: &mut Screen, bytes: &[u8]) -> Vec<Event> {
        let events = bytes.iter().map(|&b| editor.feed(b, &mut names, screen));
        events.filter(|e| *e != Event::Editing).collect()
    }

    fn after(bytes: &[u8]) -> (String, String) {
        let (mut editor, mut screen) = (Editor::new(""), Screen::default());
        type_in(&mut editor, &mut screen, bytes);
        (editor.line.clone(), screen.row.iter().collect())
    }

    #[test]
    fn lines_are_edited_in_place() {
        for (typed, line) in [
            (&b"swap a b"[..], "swap a b"),
            (b"swp\x1b[D\x1b[Da\x1b[C\x7fw", "sawp"),
            (b"abc\x01x\x05y", "xabcy"),
            (b"one two\x17", "one "),
            (b"one two  \x17", "one "),
            (b"one two\x1b[D\x1b[D\x0b", "one t"),
            (b"one two\x1b[D\x15", "o"),
            (b"abc\x1b[D\x1b[3~", "ab"),
            (b"\x7f\x1b[D\x1b[C\x04", ""),
        ] {
            let (edited, seen) = after(typed);
            assert_eq!(edited, line);
            assert_eq!(seen.trim_end(), line.trim_end());
        }
    }

    #[test]
    fn enter_and_interrupt_end_the_line() {
        let (mut editor, mut screen) = (Editor::new("keel> "), Screen::default());
        editor.show(&mut screen);
        assert_eq!(
            type_in(&mut editor, &mut screen, b"mem\r\ncor\x03x\r"),
            [Event::Line("mem".into()), Event::Interrupted, Event::Line("x".into())]
        );
        assert_eq!(type_in(&mut editor, &mut screen, b"typed\x1b[A\x1b[A\r"), [Event::Line("mem".into())]);
    }

    #[test]
    fn tab_completes_as_far_as_it_can() {
        assert_eq!(after(b"ce\t").0, "cells ");
        assert_eq!(after(b"p\t").0, "po");
        assert_eq!(after(b"pol\t").0, "policy ");
        assert_eq!(after(b"x\t").0, "x");
        assert_eq!(after(b"cells c\t").0, "cells c");
        let (line, seen) = after(b"c\t");
        assert_eq!((line.as_str(), seen.as_str()), ("c", "c"));
    }

    #[test]
    fn lines_have_a_limit() {
        assert_eq!(after(&[b'a'; 1000]).0.len(), LONGEST);
    }

    proptest! {
        /// Whatever is typed, what the terminal shows is the line, and its cursor is where the editor's is.
        #[test]
        fn the_screen_shows_the_line(bytes in prop::collection::vec(prop_oneof![
            any::<u8>(), b'a'..=b'c', Just(b' '), Just(b'\t'), Just(0x7f), Just(1u8), Just(2u8), Just(6u8), Just(4u8),
            Just(0x10u8), Just(0x0e), Just(0x17), Just(b'\r'), Just(0x15), Just(0x0b)
        ], 0..80)) {
            let (mut editor, mut screen) = (Editor::new("> "), Screen::default());
            editor.show(&mut screen);
            for byte in bytes {
                if editor.feed(byte, &mut names, &mut screen) != Event::Editing {
                    editor.show(&mut screen);
                }
                let seen: String = screen.row.iter().collect();
                prop_assert_eq!(seen, alloc::format!("> {}", editor.line));
                prop_assert_eq!(screen.column, 2 + editor.cursor);
                prop_assert!(editor.line.len() <= LONGEST && editor.line.is_ascii());
            }
        }
    }
}
