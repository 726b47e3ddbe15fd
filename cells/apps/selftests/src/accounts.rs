//! Where all frames are, before and after.
//!
//! A frame is free, or it is a page table, or an entry of a page table names it, or it was taken for ever at boot. So the
//! sum of the first three never changes, whatever tasks do meanwhile, unless a frame gets lost.

use crate::failure::Failure;
use memory_types::PAGE_SIZE;

/// How often and how long to wait until what a test has left is cleared away (the reaper's work): 3 s in all.
const LOOKS: u32 = 300;
const NAP_NS: u64 = 10_000_000;

/// Frames at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Accounts {
    free: usize,
    tables: usize,
    heap: usize,
    /// Named by entries for 4 KiB pages.
    named: usize,
}

impl Accounts {
    /// The frames now. Meaningful when nothing else maps or unmaps.
    pub fn now() -> Self {
        let audit = paging::audit().unwrap_or_default();
        let pages = [audit.read_only, audit.read_write, audit.read_execute, audit.write_execute];
        Self {
            free: frame_allocator::stats().free,
            tables: audit.tables,
            heap: heap::stats().mapped / PAGE_SIZE,
            named: pages.iter().map(|count| count.small).sum::<usize>() + audit.reserve + audit.stale,
        }
    }

    /// Waits until all frames are back but `allowed`: those that new page tables and a larger heap keep do not count.
    ///
    /// # Errors
    /// How many are missing.
    pub fn settle(self, allowed: i64) -> Result<(), Failure> {
        let mut left = LOOKS;
        loop {
            let now = Self::now();
            let difference = |before: usize, after: usize| before as i64 - after as i64;
            let frames = difference(self.free + self.tables + self.heap, now.free + now.tables + now.heap);
            let lost = difference(self.free + self.tables + self.named, now.free + now.tables + now.named);
            if frames.abs() <= allowed && lost == 0 {
                return Ok(());
            }
            if left == 0 {
                return Err(Failure::Missing { frames, lost });
            }
            left -= 1;
            scheduler::sleep(NAP_NS);
        }
    }
}
