//! The allocator of frame numbers, apart from the static instance and from real memory, so that tests can
//! make as many as they like.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bitmap::{AtomicWord, Bitmap, NotClaimed, UNITS_PER_LINE};
use core_local::{CachePadded, CoreId, MAX_CORES};
use memory_types::Region;

use crate::plan::{LOW_FRAMES, Plan};

/// Which frames have an owner.
pub struct BitmapAllocator<'m> {
    bitmap: Bitmap<'m>,
    total: usize,
    /// Frames from here on cannot be reached through the window yet.
    ceiling: AtomicUsize,
    /// For each core, where it looks first. Apart from one another, so that cores do not share lines.
    hints: [CachePadded<AtomicUsize>; MAX_CORES],
}

impl<'m> BitmapAllocator<'m> {
    /// The allocator that `plan` describes: all of `usable` that no region of `reserved` touches, without
    /// frame 0 and the bitmap's own storage.
    ///
    /// # Panics
    /// If `words` are fewer than the plan says.
    #[must_use]
    pub fn new<U, R>(words: &'m [AtomicWord], plan: &Plan, usable: U, reserved: R) -> Self
    where
        U: Iterator<Item = Region>,
        R: Iterator<Item = Region>,
    {
        let frames = plan.frames();
        let bitmap =
            Bitmap::all_claimed(words, frames).expect("the caller gives as many words as the plan says");
        for region in usable {
            let (first, end) = region.frames_inside();
            bitmap.make_available(first as usize, end as usize);
        }
        for (first, end) in reserved.chain([plan.storage()]).map(|region| region.frames_touched()) {
            bitmap.withdraw(first as usize, end as usize);
        }
        bitmap.withdraw(0, 1);
        let hint = |core: usize| {
            let spread = frames / MAX_CORES * core;
            CachePadded::new(AtomicUsize::new(spread / UNITS_PER_LINE * UNITS_PER_LINE))
        };
        Self {
            total: bitmap.free_in(0..frames),
            bitmap,
            ceiling: AtomicUsize::new(plan.reachable_frames()),
            hints: core::array::from_fn(hint),
        }
    }

    /// Claims `count` frames at or above 1 MiB, the first a multiple of `align`. The search begins where `core`
    /// found its last one.
    #[must_use]
    pub fn claim(&self, count: usize, align: usize, core: CoreId) -> Option<usize> {
        let hint = &self.hints[core.index()];
        let within = LOW_FRAMES as usize..self.ceiling.load(Relaxed);
        let first = self.bitmap.claim(count, align, within, hint.load(Relaxed))?;
        hint.store(first + count, Relaxed);
        Some(first)
    }

    /// Claims `count` frames below 1 MiB.
    #[must_use]
    pub fn claim_low(&self, count: usize) -> Option<usize> {
        self.bitmap.claim(count, 1, 0..LOW_FRAMES as usize, 0)
    }

    /// Claims `count` frames between 1 MiB and frame `limit`.
    #[must_use]
    pub fn claim_below(&self, count: usize, align: usize, limit: usize) -> Option<usize> {
        let within = LOW_FRAMES as usize..self.ceiling.load(Relaxed).min(limit);
        self.bitmap.claim(count, align, within, 0)
    }

    /// Gives frames back.
    ///
    /// # Errors
    /// If one of them was free already.
    pub fn release(&self, first: usize, count: usize, core: CoreId) -> Result<(), NotClaimed> {
        self.bitmap.release(first, count)?;
        // Reuse it soon, while it is in the cache; but only in this core's own line of the bitmap, or the hints
        // of cores that free one another's frames would all meet in one place.
        let hint = &self.hints[core.index()];
        let current = hint.load(Relaxed);
        if first < current && first / UNITS_PER_LINE == (current - 1) / UNITS_PER_LINE {
            hint.store(first, Relaxed);
        }
        Ok(())
    }

    /// Lets frames be claimed that could not be reached before.
    pub fn lift_ceiling(&self) {
        self.ceiling.store(self.bitmap.units(), Relaxed);
    }

    /// Frames under this allocator's care.
    #[must_use]
    pub fn total(&self) -> usize {
        self.total
    }

    /// Frames without an owner.
    #[must_use]
    pub fn free(&self) -> usize {
        self.bitmap.free_in(0..self.bitmap.units())
    }

    /// Frames without an owner below 1 MiB.
    #[must_use]
    pub fn free_low(&self) -> usize {
        self.bitmap.free_in(0..LOW_FRAMES as usize)
    }

    /// The first frame above all memory.
    #[must_use]
    pub fn top(&self) -> usize {
        self.bitmap.units()
    }

    /// Whether a frame that `region` touches is free at the moment.
    #[must_use]
    pub fn has_free_in(&self, region: Region) -> bool {
        let (first, end) = region.frames_touched();
        self.bitmap.free_in(first as usize..end as usize) > 0
    }
}

#[cfg(all(test, not(loom)))]
#[path = "tests.rs"]
mod tests;
