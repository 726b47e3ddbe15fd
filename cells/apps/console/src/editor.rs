//! A line editor for a VT100 terminal: bytes in, echo out, a line when it is complete.
//!
//! Keys: arrows, Home, End, Delete, Backspace, and Emacs' Ctrl-A B C D E F H K L N P U W. It edits printable ASCII; what else comes is
//! ignored, so that no byte sequence can put the terminal into a strange state. Anything between an escape and its final byte
//! belongs to the escape sequence (ECMA-48, §5.4) and is dropped if it is not a known key.

use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::{self, Write};

/// A longer line takes no more input.
pub const MAX_LINE: usize = 1024;
/// Older lines are forgotten.
pub const MAX_HISTORY: usize = 100;

/// What a byte brought about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Event {
    /// Nothing yet.
    None,
    /// A whole line.
    Line(String),
    /// Ctrl-C: the line was given up.
    Interrupted,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Escape {
    No,
    /// ESC came.
    Started,
    /// ESC [ or ESC O came, and this number.
    Sequence(u8),
}

/// The editor's state between bytes.
#[derive(Debug)]
pub struct Editor {
    prompt: &'static str,
    line: String,
    /// Byte index in `line`, which is ASCII.
    cursor: usize,
    history: VecDeque<String>,
    /// Which line of the history is shown; its length when none is.
    shown: usize,
    /// What was being written before the history was looked at.
    draft: String,
    escape: Escape,
    /// A line just ended with CR: an LF right behind it belongs to it.
    after_return: bool,
}

impl Editor {
    /// An editor with an empty history.
    #[must_use]
    pub fn new(prompt: &'static str) -> Self {
        Self {
            prompt,
            line: String::new(),
            cursor: 0,
            history: VecDeque::new(),
            shown: 0,
            draft: String::new(),
            escape: Escape::No,
            after_return: false,
        }
    }

    /// Prints the prompt, and what has been written already.
    ///
    /// # Errors
    /// The writer's, here and below.
    pub fn redraw(&self, out: &mut dyn Write) -> fmt::Result {
        write!(out, "\r{}{}\x1b[K", self.prompt, self.line)?;
        self.move_left(self.line.len() - self.cursor, out)
    }

    fn move_left(&self, by: usize, out: &mut dyn Write) -> fmt::Result {
        if by > 0 { write!(out, "\x1b[{by}D") } else { Ok(()) }
    }

    /// Takes one byte from the terminal.
    ///
    /// # Errors
    /// The writer's.
    pub fn feed(&mut self, byte: u8, out: &mut dyn Write) -> Result<Event, fmt::Error> {
        let after_return = core::mem::take(&mut self.after_return);
        match self.escape {
            Escape::No => {}
            Escape::Started => {
                self.escape = if matches!(byte, b'[' | b'O') { Escape::Sequence(0) } else { Escape::No };
                return Ok(Event::None);
            }
            Escape::Sequence(number) => {
                self.escape = Escape::No;
                match byte {
                    b'0'..=b'9' => {
                        let number = number.saturating_mul(10).saturating_add(byte - b'0');
                        self.escape = Escape::Sequence(number);
                    }
                    // Parameters and intermediates of a sequence that is not known.
                    0x20..=0x3f => self.escape = Escape::Sequence(0xff),
                    final_byte => self.key(final_byte, number, out)?,
                }
                return Ok(Event::None);
            }
        }
        match byte {
            b'\n' if after_return => {}
            b'\r' | b'\n' => {
                self.after_return = byte == b'\r';
                return self.finish(out).map(Event::Line);
            }
            0x1b => self.escape = Escape::Started,
            0x01 => self.go_to(0, out)?,
            0x05 => self.go_to(self.line.len(), out)?,
            0x02 => self.go_to(self.cursor.saturating_sub(1), out)?,
            0x06 => self.go_to(self.cursor + 1, out)?,
            0x03 => {
                out.write_str("^C\n")?;
                self.clear();
                return Ok(Event::Interrupted);
            }
            0x04 => self.remove(self.cursor, self.cursor + 1, out)?,
            0x08 | 0x7f => self.remove(self.cursor.saturating_sub(1), self.cursor, out)?,
            0x0b => self.remove(self.cursor, self.line.len(), out)?,
            0x0c => {
                out.write_str("\x1b[2J\x1b[H")?;
                self.redraw(out)?;
            }
            0x0e => self.recall(1, out)?,
            0x10 => self.recall(-1, out)?,
            0x15 => self.remove(0, self.cursor, out)?,
            0x17 => self.remove(self.word_start(), self.cursor, out)?,
            0x20..=0x7e if self.line.len() < MAX_LINE => {
                self.line.insert(self.cursor, char::from(byte));
                self.cursor += 1;
                if self.cursor == self.line.len() {
                    out.write_char(char::from(byte))?;
                } else {
                    self.redraw(out)?;
                }
            }
            _ => {}
        }
        Ok(Event::None)
    }

    /// A key that sends an escape sequence ending in `final_byte`.
    fn key(&mut self, final_byte: u8, number: u8, out: &mut dyn Write) -> fmt::Result {
        match (final_byte, number) {
            (b'A', 0) => self.recall(-1, out),
            (b'B', 0) => self.recall(1, out),
            (b'C', 0) => self.go_to(self.cursor + 1, out),
            (b'D', 0) => self.go_to(self.cursor.saturating_sub(1), out),
            (b'H', 0) | (b'~', 1 | 7) => self.go_to(0, out),
            (b'F', 0) | (b'~', 4 | 8) => self.go_to(self.line.len(), out),
            (b'~', 3) => self.remove(self.cursor, self.cursor + 1, out),
            _ => Ok(()),
        }
    }

    fn go_to(&mut self, position: usize, out: &mut dyn Write) -> fmt::Result {
        self.cursor = position.min(self.line.len());
        self.redraw(out)
    }

    /// Removes from `start` to `end` (cut to the line), where the cursor then stands.
    fn remove(&mut self, start: usize, end: usize, out: &mut dyn Write) -> fmt::Result {
        let end = end.min(self.line.len());
        if start < end {
            self.line.drain(start..end);
            self.cursor = start;
            self.redraw(out)?;
        }
        Ok(())
    }

    /// Start of the word before the cursor.
    fn word_start(&self) -> usize {
        let before = self.line[..self.cursor].trim_end();
        before.rfind(' ').map_or(0, |space| space + 1)
    }

    fn recall(&mut self, step: isize, out: &mut dyn Write) -> fmt::Result {
        let Some(shown) = self.shown.checked_add_signed(step).filter(|&shown| shown <= self.history.len()) else {
            return Ok(());
        };
        if self.shown == self.history.len() {
            self.draft = core::mem::take(&mut self.line);
        }
        self.shown = shown;
        self.line = self.history.get(shown).unwrap_or(&self.draft).clone();
        self.cursor = self.line.len();
        self.redraw(out)
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<String, fmt::Error> {
        out.write_char('\n')?;
        let line = core::mem::take(&mut self.line);
        if !line.trim().is_empty() && self.history.back() != Some(&line) {
            if self.history.len() == MAX_HISTORY {
                self.history.pop_front();
            }
            self.history.push_back(line.clone());
        }
        self.clear();
        Ok(line)
    }

    fn clear(&mut self) {
        self.line.clear();
        self.draft.clear();
        self.cursor = 0;
        self.shown = self.history.len();
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    /// The lines that come out when these bytes go in.
    fn lines(editor: &mut Editor, bytes: &[u8]) -> Vec<String> {
        let mut out = String::new();
        let events = bytes.iter().map(|&byte| editor.feed(byte, &mut out).unwrap());
        events.filter_map(|event| if let Event::Line(line) = event { Some(line) } else { None }).collect()
    }

    fn one(bytes: &[u8]) -> String {
        lines(&mut Editor::new("> "), bytes).remove(0)
    }

    #[test]
    fn editing_keys() {
        assert_eq!(one(b"cores\r"), "cores");
        assert_eq!(one(b"coxres\x1b[D\x1b[D\x1b[D\x7f\r"), "cores");
        assert_eq!(one(b"ores\x01c\x05!\r"), "cores!");
        assert_eq!(one(b"\x1b[Hb\x1b[Da\x1b[Fc\r"), "abc");
        assert_eq!(one(b"axbc\x01\x06\x1b[3~\r"), "abc");
        assert_eq!(one(b"keep drop this\x17\x17\r"), "keep ");
        assert_eq!(one(b"abc\x15def\r"), "def");
        assert_eq!(one(b"abcdef\x02\x02\x0b\r"), "abcd");
    }

    #[test]
    fn history_goes_up_and_down_and_keeps_the_draft() {
        let mut editor = Editor::new("> ");
        assert_eq!(lines(&mut editor, b"one\rtwo\rtwo\r"), ["one", "two", "two"]);
        assert_eq!(lines(&mut editor, b"\x1b[A\x1b[A\r"), ["one"]);
        assert_eq!(lines(&mut editor, b"dra\x1b[A\x1b[Bft\r"), ["draft"]);
        assert_eq!(lines(&mut editor, b"\x10\x10\x10\x10\x10\x10\r"), ["one"]);
    }

    #[test]
    fn line_ends_of_all_kinds() {
        let mut editor = Editor::new("> ");
        assert_eq!(lines(&mut editor, b"a\r\nb\nc\r\r"), ["a", "b", "c", ""]);
    }

    #[test]
    fn control_c_gives_the_line_up() {
        let mut editor = Editor::new("> ");
        let mut out = String::new();
        editor.feed(b'x', &mut out).unwrap();
        assert_eq!(editor.feed(3, &mut out).unwrap(), Event::Interrupted);
        assert_eq!(lines(&mut editor, b"y\r"), ["y"]);
    }

    #[test]
    fn unknown_sequences_leave_no_trace() {
        assert_eq!(one(b"a\x1b[1;5Cb\x1bOPc\x1b[200~d\r"), "abcd");
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
            let mut editor = Editor::new("> ");
            for line in lines(&mut editor, &bytes) {
                prop_assert!(line.len() <= MAX_LINE && line.bytes().all(|b| (0x20..0x7f).contains(&b)));
            }
        }
    }
}
