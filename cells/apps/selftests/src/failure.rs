//! What a test can find wrong.

use alloc::string::String;
use core::fmt;
use core_local::CoreId;
use memory_types::{Permissions, VirtAddr};
use scheduler::{Death, SpawnError};

/// Why a test failed.
#[derive(Debug)]
pub enum Failure {
    /// A task could not be made.
    Spawn(SpawnError),
    /// A test's task did not return.
    Died(CoreId, Death),
    /// Not all tasks of a test came to where they were to meet.
    Late(CoreId),
    /// Another task of the test failed, and says why.
    Abandoned,
    /// An operation that should have worked did not.
    Refused(&'static str, String),
    /// A core read what was at an address before it was mapped anew.
    Stale {
        /// The core that read.
        core: CoreId,
        /// Where.
        at: VirtAddr,
        /// What it read.
        found: u64,
        /// What is there.
        expected: u64,
    },
    /// Memory does not hold what its owner wrote.
    Overwritten {
        /// The owner's core.
        core: CoreId,
        /// Where.
        at: VirtAddr,
    },
    /// A frame is mapped for two owners, or for another one than it was.
    TwoOwners {
        /// The frame's number.
        frame: u64,
        /// The core whose task found out.
        core: CoreId,
    },
    /// A page's entry does not say what its owner was told.
    Permissions(VirtAddr, Permissions),
    /// The page tables break a rule.
    Unsound(String),
    /// Frames that are missing after the test.
    Missing {
        /// How many are not free again.
        frames: i64,
        /// Of these, how many no page-table entry names.
        lost: i64,
    },
    /// No address was used twice, so that nothing could have been stale.
    NothingTested,
    /// A function that was to run once on a core ran another number of times.
    Ran {
        /// Where.
        core: CoreId,
        /// How often.
        times: u32,
    },
    /// A core went on while all were to stand still.
    Moved(CoreId),
    /// Something about killed tasks that must not be.
    Kill(&'static str),
}

impl Failure {
    /// An operation that should have worked failed with `error`.
    pub fn refused(what: &'static str, error: impl fmt::Display) -> Self {
        Self::Refused(what, alloc::format!("{error}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spawn(error) => write!(f, "a task could not be spawned: {error}"),
            Self::Died(core, death) => write!(f, "the task on {core} ended: {death}"),
            Self::Late(core) => write!(f, "on {core}: the other tasks did not come in time"),
            Self::Abandoned => f.write_str("another task of the test failed"),
            Self::Refused(what, error) => write!(f, "could not {what}: {error}"),
            Self::Stale { core, at, found, expected } => write!(
                f,
                "{core} read {found:#x} at {at:#x}, where {expected:#x} is: its TLB holds a mapping that is gone"
            ),
            Self::Overwritten { core, at } => {
                write!(f, "memory of {core} at {at:#x} was overwritten; its frame has another user")
            }
            Self::TwoOwners { frame, core } => {
                write!(f, "frame {frame:#x} has two owners; the task on {core} is one of them")
            }
            Self::Permissions(at, permissions) => {
                write!(f, "the entry of page {at:#x} does not say {permissions}")
            }
            Self::Unsound(audit) => f.write_str(audit),
            Self::Missing { frames, lost } => write!(
                f,
                "{frames} frames did not come back, {lost} of them in no page table; \
                 other tasks may hold them: try it with nothing else running"
            ),
            Self::NothingTested => {
                f.write_str("no address was mapped twice, so this run shows nothing; try more rounds")
            }
            Self::Ran { core, times } => write!(f, "a function ran {times} times on {core}, not once"),
            Self::Kill(what) => f.write_str(what),
            Self::Moved(core) => write!(f, "{core} went on while all cores were to stand still"),
        }
    }
}
