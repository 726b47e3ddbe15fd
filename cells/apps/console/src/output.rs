//! Output to the serial line by whole lines, so that what several tasks print does not mix within one.

use alloc::string::String;
use core::fmt;

/// Longer lines are printed in pieces.
const LONGEST: usize = 4096;

/// Collects a line and prints it when it is complete; what is left when it is dropped, too.
#[derive(Debug, Default)]
pub struct Lines {
    line: String,
}

impl Lines {
    fn flush(&mut self) {
        serial::write_str(&self.line);
        self.line.clear();
    }
}

impl fmt::Write for Lines {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            if piece.ends_with('\n') || self.line.len() > LONGEST {
                self.flush();
            }
        }
        Ok(())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.line.push('\n');
            self.flush();
        }
    }
}

/// The terminal itself: the editor's echo, which is no lines.
#[derive(Debug)]
pub struct Terminal;

impl fmt::Write for Terminal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write_str(text);
        Ok(())
    }
}
