//! A baseline: the buddy allocator behind a spin lock, to compare `frame_allocator` with.
//!
//! Free frames stand in blocks of 2ⁿ frames, in one list for each n. To allocate takes a block from the shortest list
//! that has one, and halves it as often as need be; to free joins a block with its *buddy*, the other half of the
//! block that both came from, as often as that is free. One lock with interrupts off guards all of it, as `zone->lock`
//! does in Linux below its per-core lists.
//!
//! ```text
//!   heads[2] ─▶ [8..12)             allocate(1):  8 comes out, and what was halved goes to the lists:
//!   heads[1]  (empty)                             heads[1] ─▶ [10..12)   heads[0] ─▶ [9]
//!   heads[0]  (empty)               free(8):      9 is free: [8..10), and 10 is: [8..12)
//! ```
//!
//! The lists are doubly linked and run through an array that has an entry for each frame, as Linux's run through its
//! array of `struct page`: finding a block, and taking a buddy out of the middle of its list, takes constant time and no
//! memory. The registry's `buddy_system_allocator` keeps free frames in an ordered set for each n instead, in nodes on
//! the heap: nobody who prefers buddies would accept these searches and allocations as their case. The tests use it
//! as the judge of what is to be handed out.
//!
//! Frames are handed out by address and taken back by address: that they are given back once, and by whoever has
//! them, is up to its users, as with `__get_free_pages`. What is checked is that a block begins there and is in use.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod buddy;
#[cfg(test)]
mod tests;

use core::fmt;

use frame_allocator::Frames;
use irq_lock::IrqLock;
use memory_types::{PAGE_SIZE, PhysAddr};

use buddy::Buddy;

/// The largest block has 2 to the power of this many frames: 4 MiB, as `MAX_PAGE_ORDER` of Linux.
pub const MAX_ORDER: usize = 10;

/// Frames out of one run, by the buddy system. They go back to where the run came from when this is dropped.
pub struct LockedBuddy {
    frames: Frames,
    buddy: IrqLock<Buddy>,
}

/// What was to be freed is not in use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAllocated {
    /// Where it was said to begin.
    pub start: PhysAddr,
}

impl fmt::Display for NotAllocated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no block was allocated at {:#x}; free what `allocate` returned, once", self.start)
    }
}

impl core::error::Error for NotAllocated {}

impl LockedBuddy {
    /// An allocator of all frames of `frames`.
    #[must_use]
    pub fn new(frames: Frames) -> Self {
        let buddy = Buddy::new(first(&frames), frames.count());
        Self { frames, buddy: IrqLock::new("buddy", buddy) }
    }

    /// A block of 2 to the power of `order` frames, aligned to its size; `None` if none is free.
    #[inline]
    pub fn allocate(&self, order: usize) -> Option<PhysAddr> {
        let index = self.buddy.lock().allocate(order)?;
        Some(self.address(index))
    }

    /// Up to `count` blocks of 2 to the power of `order` frames, each given to `each`, and how many they were; fewer
    /// only if no more are free. The lock is taken once, as in Linux's `rmqueue_bulk`, which fills a core's list.
    /// `each` must not use this allocator: it would wait for itself.
    #[inline]
    pub fn allocate_batch(&self, order: usize, count: usize, mut each: impl FnMut(PhysAddr)) -> usize {
        let mut buddy = self.buddy.lock();
        (0..count).map_while(|_| buddy.allocate(order)).map(|index| each(self.address(index))).count()
    }

    /// Takes the block that begins at `start` back.
    ///
    /// # Errors
    /// If none that is in use begins there; then nothing was changed.
    #[inline]
    pub fn free(&self, start: PhysAddr) -> Result<(), NotAllocated> {
        let index = self.index(start)?;
        if self.buddy.lock().free(index) { Ok(()) } else { Err(NotAllocated { start }) }
    }

    /// Takes the blocks that begin at `starts` back. The lock is taken once, as in Linux's `free_pcppages_bulk`,
    /// which empties a core's list. `starts` must not use this allocator: it would wait for itself.
    ///
    /// # Errors
    /// At the first where none that is in use begins: those before it are free, it and those after it were left alone.
    #[inline]
    pub fn free_batch(&self, starts: impl IntoIterator<Item = PhysAddr>) -> Result<(), NotAllocated> {
        let mut buddy = self.buddy.lock();
        starts.into_iter().try_for_each(|start| {
            let index = self.index(start)?;
            if buddy.free(index) { Ok(()) } else { Err(NotAllocated { start }) }
        })
    }

    /// Where the run's frame with this number is.
    #[inline]
    fn address(&self, index: usize) -> PhysAddr {
        self.frames.start() + (index * PAGE_SIZE) as u64
    }

    /// The number of the run's frame that begins at `start`, if it may be one.
    #[inline]
    fn index(&self, start: PhysAddr) -> Result<usize, NotAllocated> {
        let offset = start.as_u64().checked_sub(self.frames.start().as_u64());
        let whole = offset.filter(|offset| offset.is_multiple_of(PAGE_SIZE as u64));
        whole.map(|offset| (offset / PAGE_SIZE as u64) as usize).ok_or(NotAllocated { start })
    }

    /// How many frames are free.
    #[must_use]
    pub fn free_frames(&self) -> usize {
        self.buddy.lock().free_frames()
    }
}

/// The number of the run's first frame.
fn first(frames: &Frames) -> usize {
    (frames.start().as_u64() / PAGE_SIZE as u64) as usize
}
