//! From bytes to keys: what a serial terminal sends for the arrows and the like are sequences (ECMA-48, and what xterm,
//! the Linux console and screen make of it).

/// A key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// A printable ASCII character.
    Char(u8),
    /// Return.
    Enter,
    /// Tab.
    Tab,
    /// Delete to the left.
    Backspace,
    /// Delete to the right.
    Delete,
    /// Cursor keys.
    Left,
    /// See [`Key::Left`].
    Right,
    /// The line before in the history.
    Up,
    /// The line after in the history.
    Down,
    /// To the start of the line.
    Home,
    /// To its end.
    End,
    /// Delete to the end of the line (Ctrl-K).
    KillToEnd,
    /// Delete to its start (Ctrl-U).
    KillToStart,
    /// Delete the word to the left (Ctrl-W).
    KillWord,
    /// Clear the screen (Ctrl-L).
    Clear,
    /// Interrupt (Ctrl-C).
    Interrupt,
}

/// Where in a sequence the decoder is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Ground,
    /// A return came: a line feed right behind it belongs to it.
    Return,
    /// ESC came.
    Escape,
    /// ESC O came.
    Single,
    /// ESC [ came, and this number, saturating.
    Control(u8),
    /// A sequence that is not known is read to its end.
    Skip,
}

/// Decodes a stream of bytes.
#[derive(Clone, Debug, Default)]
pub struct Decoder(State);

impl Decoder {
    /// Takes one byte; returns the key that it completes.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        let state = core::mem::take(&mut self.0);
        match (state, byte) {
            // Control characters are themselves even inside of a sequence, which they end.
            (_, 0x1b) => self.go(State::Escape),
            (_, b'\r') => {
                self.0 = State::Return;
                Some(Key::Enter)
            }
            (State::Return, b'\n') => None,
            (_, b'\n') => Some(Key::Enter),
            (_, b'\t') => Some(Key::Tab),
            (_, 0x08 | 0x7f) => Some(Key::Backspace),
            (_, 0x00..0x20) => control(byte),
            (State::Escape, b'[') => self.go(State::Control(0)),
            (State::Escape, b'O') => self.go(State::Single),
            (State::Escape, _) => None,
            (State::Single, _) => letter(byte),
            (State::Control(n), b'0'..=b'9') => {
                self.go(State::Control(n.saturating_mul(10).saturating_add(byte - b'0')))
            }
            (State::Control(n), b'~') => match n {
                1 | 7 => Some(Key::Home),
                3 => Some(Key::Delete),
                4 | 8 => Some(Key::End),
                _ => None,
            },
            (State::Control(_), 0x40..=0x7e) => letter(byte),
            (State::Control(_) | State::Skip, 0x20..0x40) => self.go(State::Skip),
            (State::Control(_) | State::Skip, _) => None,
            (State::Ground | State::Return, 0x20..0x7f) => Some(Key::Char(byte)),
            (State::Ground | State::Return, _) => None,
        }
    }

    fn go(&mut self, state: State) -> Option<Key> {
        self.0 = state;
        None
    }
}

fn control(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::Delete,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x0b => Key::KillToEnd,
        0x0c => Key::Clear,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::KillToStart,
        0x17 => Key::KillWord,
        _ => return None,
    })
}

fn letter(byte: u8) -> Option<Key> {
    Some(match byte {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'F' => Key::End,
        b'H' => Key::Home,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{vec, vec::Vec};
    use proptest::prelude::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::default();
        bytes.iter().filter_map(|&b| decoder.feed(b)).collect()
    }

    #[test]
    fn sequences_are_keys() {
        assert_eq!(keys(b"\x1b[A\x1b[B\x1bOC\x1b[D"), [Key::Up, Key::Down, Key::Right, Key::Left]);
        assert_eq!(
            keys(b"\x1b[1~\x1b[3~\x1b[4~\x1b[H\x1bOF"),
            [Key::Home, Key::Delete, Key::End, Key::Home, Key::End]
        );
        assert_eq!(keys(b"a\x1b[99;5~b\x1b[1;5Cc\x1bzd"), [b'a', b'b', b'c', b'd'].map(Key::Char));
    }

    #[test]
    fn line_ends_count_once() {
        assert_eq!(keys(b"\r\n\r\r\n\n"), vec![Key::Enter; 4]);
    }

    #[test]
    fn an_interrupt_gets_through_a_sequence() {
        assert_eq!(keys(b"\x1b[\x03"), [Key::Interrupt]);
        assert_eq!(keys(b"\x1b\x1b[A"), [Key::Up]);
        assert_eq!(keys(&[0xc3, 0xa4, b'x']), [Key::Char(b'x')], "no ASCII, no key");
    }

    proptest! {
        /// After any bytes, two Returns are at least one Enter: no sequence swallows the line end.
        #[test]
        fn return_always_gets_through(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let mut decoder = Decoder::default();
            for byte in bytes { decoder.feed(byte); }
            prop_assert_eq!(decoder.feed(b'\r'), Some(Key::Enter));
        }
    }
}
