//! A lock-free allocator of numbered units, a bit for each: the core that the frame allocator and the page
//! allocator share.
//!
//! A set bit is a claimed unit. A claim sets bits by compare-and-swap, one 64-bit word at a time in
//! ascending order; a release clears them. So a claim within one word (every single frame or page) is one
//! atomic step. A longer one may meet a rival half-way; it then gives back what it took and looks on.
//!
//! **Why that is lock-free**: rivals take words in ascending order, so of those that block one another, the
//! one that has reached the highest word is blocked by nobody and completes.
//!
//! **What may fail spuriously**: while a long claim is being rolled back, its bits look claimed, and a rival
//! may report exhaustion although the bits are free a moment later. It never happens between claims of at
//! most 64 units that lie within a word.
//!
//! There is no counter of free units: it would be a cache line that every core writes. [`Bitmap::free_in`]
//! counts when someone asks.
#![no_std]
#![forbid(unsafe_code)]

mod word;

use core::fmt;
use core::ops::Range;

pub use word::AtomicWord;
use word::Masks;

/// Units in a word.
pub const BITS: usize = 64;
/// Units whose bits share a cache line; hints of different cores are best kept this far apart.
pub const UNITS_PER_LINE: usize = 512;

/// How many words hold `units` bits.
#[must_use]
pub const fn words_for(units: usize) -> usize {
    units.div_ceil(BITS)
}

/// A release of units that were not all claimed: a double free. Nothing was changed for units that were free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotClaimed {
    /// The first unit of the range that was free already.
    pub unit: usize,
}

impl fmt::Display for NotClaimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unit {} was freed twice; look for two owners of it", self.unit)
    }
}

/// The allocator over borrowed words.
pub struct Bitmap<'m> {
    words: &'m [AtomicWord],
    units: usize,
}

impl<'m> Bitmap<'m> {
    /// An allocator of units `0..units` over `words`, all of them claimed: a range becomes available by
    /// [`release`](Self::release). `None` if `words` are too few.
    #[must_use]
    pub fn all_claimed(words: &'m [AtomicWord], units: usize) -> Option<Self> {
        let words = words.get(..words_for(units))?;
        for word in words {
            word.fill();
        }
        Some(Self { words, units })
    }

    /// How many units there are, claimed or not.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// Makes `start..end` available, whatever it was: for building from a description that may repeat itself.
    /// Units that do not exist are ignored. Not for units that someone holds.
    pub fn make_available(&self, start: usize, end: usize) {
        for (index, mask) in Masks::new(start.min(self.units), end.min(self.units)) {
            self.words[index].clear(mask);
        }
    }

    /// Takes `start..end` out of circulation, whatever it was. Units that do not exist are ignored.
    pub fn withdraw(&self, start: usize, end: usize) {
        for (index, mask) in Masks::new(start.min(self.units), end.min(self.units)) {
            self.words[index].set(mask);
        }
    }

    /// Claims `count` successive units that lie in `within`, the first a multiple of `align` (1 or a power of two).
    /// Looks from `hint` upwards first, then below it. Returns the first unit, or `None` if there are none,
    /// or if `count` or `align` make no sense.
    #[must_use]
    pub fn claim(&self, count: usize, align: usize, within: Range<usize>, hint: usize) -> Option<usize> {
        let end = within.end.min(self.units);
        if count == 0 || !align.is_power_of_two() || within.start >= end {
            return None;
        }
        let hint = if (within.start..end).contains(&hint) { hint } else { within.start };
        self.claim_between(count, align, hint, end).or_else(|| {
            // A run may begin below the hint and reach over it.
            let end = hint.saturating_add(count - 1).min(end);
            self.claim_between(count, align, within.start, end)
        })
    }

    /// Claims exactly `start..start + count`; `false` if any of them is claimed or does not exist.
    #[must_use]
    pub fn claim_exactly(&self, start: usize, count: usize) -> bool {
        count > 0
            && start.checked_add(count).is_some_and(|end| end <= self.units)
            && self.try_claim(start, count).is_ok()
    }

    /// Gives units back.
    ///
    /// # Errors
    /// If one of them was not claimed, or does not exist. The claimed ones among them are free afterwards all the same.
    pub fn release(&self, start: usize, count: usize) -> Result<(), NotClaimed> {
        let end = start.saturating_add(count);
        if end > self.units {
            return Err(NotClaimed { unit: self.units.max(start) });
        }
        let mut result = Ok(());
        for (index, mask) in Masks::new(start, end) {
            let before = self.words[index].clear(mask);
            if before & mask != mask && result.is_ok() {
                let unit = index * BITS + (mask & !before).trailing_zeros() as usize;
                result = Err(NotClaimed { unit });
            }
        }
        result
    }

    /// How many units of `within` are free; other cores may change it meanwhile.
    #[must_use]
    pub fn free_in(&self, within: Range<usize>) -> usize {
        Masks::new(within.start, within.end.min(self.units))
            .map(|(index, mask)| (!self.words[index].load() & mask).count_ones() as usize)
            .sum()
    }

    /// Whether `unit` exists and is claimed.
    #[must_use]
    pub fn is_claimed(&self, unit: usize) -> bool {
        unit < self.units && self.words[unit / BITS].load() >> (unit % BITS) & 1 == 1
    }

    fn claim_between(&self, count: usize, align: usize, mut from: usize, end: usize) -> Option<usize> {
        loop {
            let start = self.find(count, align, from, end)?;
            match self.try_claim(start, count) {
                Ok(()) => return Some(start),
                Err(taken) => from = taken + 1,
            }
        }
    }

    /// The first free run in `from..end`, as it looks at the moment.
    fn find(&self, count: usize, align: usize, from: usize, end: usize) -> Option<usize> {
        let mut from = from;
        loop {
            let start = self.next_free(from, end)?.checked_next_multiple_of(align)?;
            let run_end = start.checked_add(count).filter(|&run_end| run_end <= end)?;
            match self.last_claimed(start, run_end) {
                None => return Some(start),
                Some(claimed) => from = claimed + 1,
            }
        }
    }

    fn next_free(&self, from: usize, end: usize) -> Option<usize> {
        Masks::new(from, end).find_map(|(index, mask)| {
            let free = !self.words[index].load() & mask;
            (free != 0).then(|| index * BITS + free.trailing_zeros() as usize)
        })
    }

    /// The last claimed unit of `from..end`: from the back, so that the search skips as far as it can.
    fn last_claimed(&self, from: usize, end: usize) -> Option<usize> {
        Masks::new(from, end).rev().find_map(|(index, mask)| {
            let claimed = self.words[index].load() & mask;
            (claimed != 0).then(|| index * BITS + claimed.ilog2() as usize)
        })
    }

    /// Claims the run or nothing; `Err` names a unit in it that someone else holds.
    fn try_claim(&self, start: usize, count: usize) -> Result<(), usize> {
        for (index, mask) in Masks::new(start, start + count) {
            if let Err(taken) = self.words[index].claim(mask) {
                for (index, mask) in Masks::new(start, index * BITS) {
                    self.words[index].clear(mask);
                }
                return Err(index * BITS + taken as usize);
            }
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
