//! The vocabulary of `mm/`: addresses, sizes, permissions, the states of a range of memory, and the map
//! of the kernel's address space.
//!
//! It holds types and constants alone, so that the allocators, the page tables and their users agree
//! without depending on one another. Addresses are those of the `x86_64` crate, which keep "canonical"
//! and "fits in 52 bits" as invariants.
#![no_std]
#![forbid(unsafe_code)]

pub mod layout;
pub mod range;
pub mod state;

use core::fmt;

pub use range::{PageRange, Region};
pub use x86_64::{PhysAddr, VirtAddr};

/// Bytes in a page and in a frame. Larger leaves (2 MiB, 1 GiB) are runs of these.
pub const PAGE_SIZE: usize = 4096;

/// How many pages `bytes` bytes need.
#[must_use]
pub const fn pages_for(bytes: usize) -> usize {
    bytes.div_ceil(PAGE_SIZE)
}

/// What may be done with a page. There is no value for "writable and executable": W^X is a property of
/// the type, not of a check.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Permissions {
    /// Constants: no writes, no execution.
    ReadOnly,
    /// Data: no execution.
    ReadWrite,
    /// Code: no writes.
    ReadExecute,
}

impl Permissions {
    /// Whether a store to such a page succeeds.
    #[must_use]
    pub const fn writable(self) -> bool {
        matches!(self, Self::ReadWrite)
    }

    /// Whether instructions can be fetched from such a page.
    #[must_use]
    pub const fn executable(self) -> bool {
        matches!(self, Self::ReadExecute)
    }
}

impl fmt::Display for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadOnly => "read-only",
            Self::ReadWrite => "read-write",
            Self::ReadExecute => "read-execute",
        })
    }
}

/// How the processor may cache a page (Intel SDM volume 3, chapter 13, with the PAT as it is after reset).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Caching {
    /// Ordinary memory.
    WriteBack,
    /// Device registers: every access reaches the device, in program order.
    Uncached,
}
