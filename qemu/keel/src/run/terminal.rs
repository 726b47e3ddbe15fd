//! The terminal's settings, put back whatever happens to QEMU.
//!
//! QEMU itself switches the terminal to raw mode and back; killed, it cannot do the latter.

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use std::io::{self, IsTerminal};

/// Remembers how the terminal was set; restores it on drop.
pub struct Saved(Option<Termios>);

impl Saved {
    /// Remembers the current settings, if there is a terminal.
    pub fn new() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        if let Some(settings) = &self.0 {
            // Nothing is left to do about a terminal that has gone away.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, settings);
        }
    }
}

/// Whether a person sits at both ends.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}
