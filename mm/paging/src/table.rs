//! Tables, and the memory they live in: real memory through the window at `PHYS_OFFSET`, or, in tests, a
//! simulated one. The walker is the same code over both.

use core::sync::atomic::{AtomicU64, Ordering};

use frame_allocator::OutOfFrames;
use memory_types::layout::PHYS_OFFSET;
use memory_types::{PAGE_SIZE, PhysAddr, VirtAddr};

use crate::entry::Entry;

/// Entries in a table, at every level.
pub const ENTRIES: usize = 512;

/// A page table of any level. The processor reads it at any time; another core may insert into it.
#[repr(C, align(4096))]
pub struct Table(pub(crate) [AtomicU64; ENTRIES]);

/// A level of the hierarchy. `Four` is the top.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Leaves of 4 KiB.
    One,
    /// Leaves of 2 MiB.
    Two,
    /// Leaves of 1 GiB.
    Three,
    /// No leaves.
    Four,
}

impl Level {
    /// The next lower level, where the tables are that this one's entries refer to.
    #[must_use]
    pub const fn below(self) -> Option<Self> {
        match self {
            Self::One => None,
            Self::Two => Some(Self::One),
            Self::Three => Some(Self::Two),
            Self::Four => Some(Self::Three),
        }
    }

    const fn shift(self) -> u32 {
        12 + 9 * self as u32
    }

    /// Bytes that one entry of this level covers.
    #[must_use]
    pub const fn span(self) -> u64 {
        1 << self.shift()
    }

    /// Which entry of a table of this level translates `address`.
    #[must_use]
    pub fn index(self, address: VirtAddr) -> usize {
        (address.as_u64() >> self.shift()) as usize % ENTRIES
    }
}

impl Table {
    /// The entry at `index`. `Acquire`: a table that it refers to is seen zeroed, as it was made.
    pub(crate) fn get(&self, index: usize) -> Entry {
        Entry(self.0[index].load(Ordering::Acquire))
    }

    /// Writes an entry that belongs to the caller.
    pub(crate) fn set(&self, index: usize, entry: Entry) {
        self.0[index].store(entry.0, Ordering::Release);
    }

    /// Writes an entry if it is empty; otherwise returns what is there.
    pub(crate) fn insert(&self, index: usize, entry: Entry) -> Result<(), Entry> {
        self.0[index]
            .compare_exchange(0, entry.0, Ordering::AcqRel, Ordering::Acquire)
            .map(|_| ())
            .map_err(Entry)
    }
}

/// Memory that holds page tables.
///
/// # Safety
/// `new_table` returns the address of a zeroed table that nobody else uses, and [`table`](Self::table) gives
/// access to it until it is discarded.
pub unsafe trait TableMemory {
    /// The table at `at`.
    ///
    /// # Safety
    /// `at` is a table made by this memory's `new_table`, or an equally valid one, and not discarded.
    unsafe fn table(&self, at: PhysAddr) -> &Table;

    /// A new, empty table.
    ///
    /// # Errors
    /// If there is no memory for it.
    fn new_table(&self) -> Result<PhysAddr, OutOfFrames>;

    /// Gives a table back that no entry has ever referred to.
    ///
    /// # Safety
    /// `at` came from `new_table` and is referred to by nothing.
    unsafe fn discard(&self, at: PhysAddr);
}

/// Real memory, through the window.
#[derive(Clone, Copy)]
pub struct Window;

// SAFETY: `new_table` takes an owned frame, zeroes it, and forgets the owner, so nobody else has it.
// The window maps it for ever.
unsafe impl TableMemory for Window {
    unsafe fn table(&self, at: PhysAddr) -> &Table {
        // SAFETY: the caller says that a table is there; the window maps it, page-aligned; the entries are atomic.
        unsafe { &*((PHYS_OFFSET + at.as_u64()) as *const Table) }
    }

    fn new_table(&self) -> Result<PhysAddr, OutOfFrames> {
        let frames = frame_allocator::allocate(1, 1)?;
        zero(frames.start());
        // SAFETY: the table stays reachable from the tables for ever; `discard` is the only way back.
        Ok(unsafe { frames.into_mapped() }.start())
    }

    unsafe fn discard(&self, at: PhysAddr) {
        // SAFETY: by the caller's promise, this frame came from `new_table` above and nothing refers to it: no
        // TLB ever saw it.
        drop(unsafe { frame_allocator::Frames::from_entry(at, 1).assume_flushed() });
    }
}

/// Fills a frame that the caller owns with zeros, through the window.
pub(crate) fn zero(frame: PhysAddr) {
    let start = (PHYS_OFFSET + frame.as_u64()) as *mut u8;
    // SAFETY: the caller owns the frame and has not mapped it; the window maps it writable.
    unsafe { core::ptr::write_bytes(start, 0, PAGE_SIZE) };
}
