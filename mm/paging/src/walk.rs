//! Finding the entry of an address, and making the tables on the way.
//!
//! Nothing here takes a lock. A missing table is made and inserted by compare-and-swap; the loser of a race
//! discards its own and uses the winner's. Tables are never removed, so a table that was seen stays valid. The
//! top level never changes after it was built: all copies of it (one more exists for starting cores) agree.

use core::fmt;

use frame_allocator::OutOfFrames;
use memory_types::{Caching, PhysAddr, VirtAddr};

use crate::entry::Entry;
use crate::table::{Level, Table, TableMemory};

/// A hierarchy of tables.
pub struct Mapper<M> {
    pub(crate) memory: M,
    root: PhysAddr,
}

/// Why the entry of an address cannot be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WalkError {
    /// The address is in no region of the kernel's layout.
    NoTopLevel(VirtAddr),
    /// A 2 MiB or 1 GiB page is in the way.
    HugePage(VirtAddr),
    /// There is no memory for a table.
    OutOfFrames(OutOfFrames),
}

impl fmt::Display for WalkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTopLevel(address) => {
                write!(
                    f,
                    "{address:#x} is in no region of the kernel's address space; see memory_types::layout"
                )
            }
            Self::HugePage(address) => {
                write!(f, "{address:#x} lies in a large page, which cannot be changed page by page")
            }
            Self::OutOfFrames(error) => write!(f, "no memory for a page table: {error}"),
        }
    }
}

impl core::error::Error for WalkError {}

/// What an address translates to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Translation {
    /// The physical address.
    pub address: PhysAddr,
    /// Bytes in the page: 4 KiB, 2 MiB or 1 GiB.
    pub page_size: u64,
    /// Whether every level allows stores.
    pub writable: bool,
    /// Whether every level allows execution.
    pub executable: bool,
    /// Whether every level allows ring 3.
    pub user: bool,
    /// How the page is cached.
    pub caching: Caching,
}

impl<M: TableMemory> Mapper<M> {
    /// The hierarchy under `root`.
    ///
    /// # Safety
    /// `root` is a top-level table, and it and all tables below are tables of `memory`, never removed while this lives.
    pub unsafe fn new(memory: M, root: PhysAddr) -> Self {
        Self { memory, root }
    }

    /// Where the top-level table is.
    #[must_use]
    pub fn root_address(&self) -> PhysAddr {
        self.root
    }

    /// The top-level table.
    pub(crate) fn root(&self) -> &Table {
        // SAFETY: `new` was promised so.
        unsafe { self.memory.table(self.root) }
    }

    /// The table that a present, non-leaf `entry` refers to.
    pub(crate) fn below(&self, entry: Entry) -> &Table {
        // SAFETY: `new` was promised that all tables below the root are valid, and all that this crate
        // inserts are.
        unsafe { self.memory.table(entry.address()) }
    }

    /// What `address` translates to, if anything. Reads what the processor would read, TLBs left aside.
    pub fn translate(&self, address: VirtAddr) -> Option<Translation> {
        let (mut table, mut level) = (self.root(), Level::Four);
        let (mut writable, mut executable, mut user) = (true, true, true);
        loop {
            let entry = table.get(level.index(address));
            if !entry.is_present() {
                return None;
            }
            writable &= entry.is_writable();
            executable &= entry.is_executable();
            user &= entry.is_user();
            match level.below() {
                Some(below) if !entry.is_huge() => (table, level) = (self.below(entry), below),
                _ => {
                    let page_size = level.span();
                    let address = entry.frame(page_size) + address.as_u64() % page_size;
                    let caching = entry.caching();
                    return Some(Translation { address, page_size, writable, executable, user, caching });
                }
            }
        }
    }

    /// The table of level `target` that translates `address`, or `None` if there is none.
    ///
    /// # Errors
    /// If a large page is in the way.
    pub(crate) fn find(&self, address: VirtAddr, target: Level) -> Result<Option<&Table>, WalkError> {
        let (mut table, mut level) = (self.root(), Level::Four);
        while let Some(below) = level.below()
            && level > target
        {
            let entry = table.get(level.index(address));
            if !entry.is_present() {
                return Ok(None);
            }
            if entry.is_huge() {
                return Err(WalkError::HugePage(address));
            }
            (table, level) = (self.below(entry), below);
        }
        Ok(Some(table))
    }

    /// The table of level `target` that translates `address`, made if need be, but for the top level's entries.
    pub(crate) fn find_or_make(&self, address: VirtAddr, target: Level) -> Result<&Table, WalkError> {
        let (mut table, mut level) = (self.root(), Level::Four);
        while let Some(below) = level.below()
            && level > target
        {
            let index = level.index(address);
            let mut entry = table.get(index);
            if entry == Entry::EMPTY {
                if level == Level::Four {
                    return Err(WalkError::NoTopLevel(address));
                }
                entry = self.make_table(table, index)?;
            }
            if entry.is_huge() {
                return Err(WalkError::HugePage(address));
            }
            (table, level) = (self.below(entry), below);
        }
        Ok(table)
    }

    /// Inserts a new table, or finds that another core was faster.
    pub(crate) fn make_table(&self, into: &Table, index: usize) -> Result<Entry, WalkError> {
        let new = self.memory.new_table().map_err(WalkError::OutOfFrames)?;
        let entry = Entry::table(new);
        into.insert(index, entry).map(|()| entry).or_else(|theirs| {
            // SAFETY: `new` was made just now and was not inserted.
            unsafe { self.memory.discard(new) };
            Ok(theirs)
        })
    }
}
