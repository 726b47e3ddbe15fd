//! Follows a guest that runs benchmarks from its start to its end, whichever system it is.
//!
//! What every such run needs is here: a time limit for each benchmark, Ctrl-C, and, when it does not go well, which benchmark ran on which
//! core and what the console said last. What the lines mean is the [`Listener`]'s business.

use crate::run::console::{Plain, Tail};
use crate::run::guest::{Event, Guest, Outcome};
use crate::run::signals::Stop;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

/// Whoever takes in the console's lines.
pub trait Listener {
    /// Takes in one line, and when it came, since the start of QEMU; whether it shows that things go on.
    ///
    /// # Errors
    /// A line that cannot be: says what is wrong with it. It ends the run.
    fn line(&mut self, line: &str, since_start: Duration) -> Result<bool, String>;

    /// What runs, as far as the lines tell: `benchmark yield on core 0`.
    fn running(&self) -> String;
}

/// Why a run broke off.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Its console broke off, or QEMU cannot be started.
    #[error("cannot talk to the guest: {0}")]
    Io(#[from] io::Error),
    /// It ended otherwise than it should.
    #[error("{running}: {outcome}; the console's last lines:\n{tail}")]
    Died {
        /// What was running.
        running: String,
        /// How the guest ended.
        outcome: Outcome,
        /// What it printed last.
        tail: String,
    },
    /// It hangs, or takes very long.
    #[error("{running}: not finished after {seconds} s (--timeout); the console's last lines:\n{tail}")]
    Timeout {
        /// What was running.
        running: String,
        /// The limit.
        seconds: u64,
        /// What it printed last.
        tail: String,
    },
    /// It printed something that it cannot have meant.
    #[error("{running}: {what}; the console's last lines:\n{tail}")]
    Line {
        /// What was running.
        running: String,
        /// What is wrong.
        what: String,
        /// What it printed last.
        tail: String,
    },
    /// Ctrl-C.
    #[error("interrupted; the guest was stopped")]
    Interrupted,
}

/// Runs `command` until the guest has ended in a way that `is_good` accepts. `limit` is the longest time between two lines that show that
/// things go on. Returns how it ended, and the console's last lines.
///
/// # Errors
/// Whatever else happens; the guest is gone then too.
pub fn follow(
    command: Command,
    limit: Duration,
    stop: &Stop,
    listener: &mut impl Listener,
    is_good: fn(Outcome) -> bool,
) -> Result<(Outcome, String), FollowError> {
    let started = Instant::now();
    let mut guest = Guest::start(command)?;
    let (mut plain, mut tail) = (Plain::default(), Tail::default());
    let mut deadline = started + limit;
    loop {
        if stop.wanted() {
            return Err(FollowError::Interrupted);
        }
        if Instant::now() >= deadline {
            let (running, seconds) = (listener.running(), limit.as_secs());
            return Err(FollowError::Timeout { running, seconds, tail: tail.text() });
        }
        match guest.next(Instant::now() + Duration::from_millis(50))? {
            Event::Console(bytes) => {
                for line in tail.push(&plain.filter(&bytes)) {
                    match listener.line(&line, started.elapsed()) {
                        Ok(true) => deadline = Instant::now() + limit,
                        Ok(false) => {}
                        Err(what) => {
                            let running = listener.running();
                            return Err(FollowError::Line { running, what, tail: tail.text() });
                        }
                    }
                }
            }
            Event::Error(bytes) => {
                tail.push(&bytes);
            }
            Event::Quiet => {}
            Event::Ended(outcome) if is_good(outcome) => return Ok((outcome, tail.text())),
            Event::Ended(outcome) => {
                return Err(FollowError::Died { running: listener.running(), outcome, tail: tail.text() });
            }
        }
    }
}
