//! What can go wrong, an enum for each kind of operation.

use core::fmt;

use memory_types::{Permissions, PhysAddr};
use page_allocator::OutOfPages;

/// Why memory was not mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapError {
    /// Zero bytes were asked for.
    Empty,
    /// No virtual pages.
    OutOfPages(OutOfPages),
    /// No frames, or no page tables.
    Map(paging::MapError),
    /// The physical range is memory, or not a range.
    NotADevice(PhysAddr),
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a mapping needs at least one byte"),
            Self::OutOfPages(error) => error.fmt(f),
            Self::Map(error) => error.fmt(f),
            Self::NotADevice(start) => {
                write!(
                    f,
                    "physical address {start:#x} is ordinary memory or out of range, not a device's registers"
                )
            }
        }
    }
}

impl core::error::Error for MapError {}

/// Why memory could not be viewed as asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ViewError {
    /// The view would reach beyond the mapping.
    OutOfBounds {
        /// Where it begins.
        offset: usize,
        /// How many bytes it needs; `usize::MAX` if that is more than there are addresses.
        bytes: usize,
        /// How many bytes are mapped.
        len: usize,
    },
    /// The place is not aligned for the type.
    Misaligned {
        /// Where it begins.
        offset: usize,
        /// What it should be a multiple of.
        align: usize,
    },
    /// A writable view of memory that is not writable.
    NotWritable(Permissions),
    /// A view of device registers, or a register access to memory.
    WrongKind,
}

impl fmt::Display for ViewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds { offset, bytes, len } => {
                write!(f, "{bytes} bytes at offset {offset} reach beyond the {len} bytes that are mapped")
            }
            Self::Misaligned { offset, align } => write!(f, "offset {offset} is not a multiple of {align}"),
            Self::NotWritable(permissions) => {
                write!(f, "the memory is {permissions}; make it read-write with protect first")
            }
            Self::WrongKind => f.write_str(
                "device registers are used by read_register and write_register, memory by views; this is the other kind",
            ),
        }
    }
}

impl core::error::Error for ViewError {}
