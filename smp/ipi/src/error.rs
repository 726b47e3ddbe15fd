//! What can go wrong: cores that do not answer.

use core::fmt;

use core_local::{CoreId, CoreSet};

/// Cores that did not take a call in time. They have not run the function and never will.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unanswered {
    /// Which cores.
    pub cores: CoreSet,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} did not answer an inter-processor call in time: hung with interrupts off, or halted",
            self.cores
        )
    }
}

impl core::error::Error for Unanswered {}

/// Why a rendezvous did not happen. Nothing has run, and every core goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RendezvousError {
    /// These cores did not stop in time.
    Unanswered(CoreSet),
    /// This core held one rendezvous after another, or one too long, for all of our time.
    Busy(CoreId),
}

impl fmt::Display for RendezvousError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(cores) => {
                write!(
                    f,
                    "{cores} did not stop for the rendezvous in time; all cores were let go and nothing was done"
                )
            }
            Self::Busy(owner) => {
                write!(f, "a rendezvous of {owner} went on for too long; nothing was done, try again")
            }
        }
    }
}

impl core::error::Error for RendezvousError {}
