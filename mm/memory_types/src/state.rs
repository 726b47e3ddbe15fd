//! The states that a range of frames or pages passes through, as types.
//!
//! ```text
//!             claim                 map                  clear entries             shoot down
//!   [Free] ──────────▶ [Allocated] ─────▶ [Mapped] ─────────────────▶ [Unmapped] ─────────────┐
//!     ▲                     │  ▲                                                              │
//!     └─────── drop ────────┘  └──────────────────────────────────────────────────────────────┘
//! ```
//!
//! *Unmapped* is the state that matters: the page-table entry is gone, but another core's TLB may still
//! translate through it. A frame in it cannot be freed or mapped again; only the flush makes it
//! *Allocated*. Dropping a range while it is `Mapped` or `Unmapped` keeps it out of circulation for ever:
//! a leak is safe, reuse is not.

mod sealed {
    /// Keeps the set of states closed.
    pub trait Sealed {}
}

/// A state of a range of memory.
pub trait State: sealed::Sealed {
    /// Whether dropping a range in this state returns it to its allocator.
    const FREED_ON_DROP: bool;
}

/// Nobody's; on its way into the allocator.
#[derive(Debug)]
pub struct Free;
/// Owned by the holder, and mapped nowhere (but in the window onto physical memory).
#[derive(Debug)]
pub struct Allocated;
/// Reached through page-table entries.
#[derive(Debug)]
pub struct Mapped;
/// No longer reached through page-table entries, but perhaps still through a TLB.
#[derive(Debug)]
pub struct Unmapped;

impl sealed::Sealed for Free {}
impl sealed::Sealed for Allocated {}
impl sealed::Sealed for Mapped {}
impl sealed::Sealed for Unmapped {}

impl State for Free {
    const FREED_ON_DROP: bool = true;
}
impl State for Allocated {
    const FREED_ON_DROP: bool = true;
}
impl State for Mapped {
    const FREED_ON_DROP: bool = false;
}
impl State for Unmapped {
    const FREED_ON_DROP: bool = false;
}
