//! What can go wrong, an enum for each operation.

use core::fmt;

use memory_types::VirtAddr;

/// What is said of an address space whose lock is poisoned.
const POISONED: &str = "a task died while it changed this address space; drop it and make another";

/// Why nothing was mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapError {
    /// Zero pages were asked for.
    Empty,
    /// No gap has so many pages.
    NoRoom {
        /// Pages asked for.
        count: usize,
    },
    /// No frames, or no page tables.
    Map(paging::MapError),
    /// A task died in the middle of a change.
    Poisoned,
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a mapping needs at least one page"),
            Self::NoRoom { count } => {
                write!(f, "no gap of {count} pages; unmap something, or make a larger address space")
            }
            Self::Map(error) => error.fmt(f),
            Self::Poisoned => f.write_str(POISONED),
        }
    }
}

impl core::error::Error for MapError {}

/// Why permissions were not changed everywhere.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtectError {
    /// No pages, or not pages.
    NotARange {
        /// Where it was to begin.
        start: VirtAddr,
        /// How many pages it was to have.
        count: usize,
    },
    /// This page of the range is not mapped; nothing was changed.
    NotMapped {
        /// The first such page.
        address: VirtAddr,
    },
    /// A core did not answer.
    Protect(paging::ProtectError),
    /// A task died in the middle of a change.
    Poisoned,
}

impl fmt::Display for ProtectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARange { start, count } => not_a_range(f, *start, *count),
            Self::NotMapped { address } => {
                write!(f, "page {address:#x} is not mapped; permissions are those of mapped pages")
            }
            Self::Protect(error) => error.fmt(f),
            Self::Poisoned => f.write_str(POISONED),
        }
    }
}

impl core::error::Error for ProtectError {}

/// Why a range was not unmapped, or not all of it cleanly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnmapError {
    /// No pages, or not pages.
    NotARange {
        /// Where it was to begin.
        start: VirtAddr,
        /// How many pages it was to have.
        count: usize,
    },
    /// A core did not answer; what it may still reach is lost.
    Unmap(paging::UnmapError),
    /// A task died in the middle of a change.
    Poisoned,
}

impl fmt::Display for UnmapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotARange { start, count } => not_a_range(f, *start, *count),
            Self::Unmap(error) => error.fmt(f),
            Self::Poisoned => f.write_str(POISONED),
        }
    }
}

impl core::error::Error for UnmapError {}

fn not_a_range(f: &mut fmt::Formatter<'_>, start: VirtAddr, count: usize) -> fmt::Result {
    write!(f, "{count} pages from {start:#x} are no range; it needs a page's address and at least one page")
}
