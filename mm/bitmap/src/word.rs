//! One word of the bitmap, and the walk over the words that a range of units touches.
//!
//! A claim is `Acquire` and a clear is `Release`: what the former owner of a unit did with it happens
//! before what the next owner does. Searches read `Relaxed`: they only guess, the claim decides.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

#[cfg(not(loom))]
use core::sync::atomic::AtomicU64;
#[cfg(loom)]
use loom::sync::atomic::AtomicU64;

/// The state of 64 units: bit set, unit claimed.
#[repr(transparent)]
pub struct AtomicWord(AtomicU64);

impl AtomicWord {
    /// A word of claimed units.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    /// A word of claimed units.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }

    pub(crate) fn fill(&self) {
        self.0.store(u64::MAX, Relaxed);
    }

    pub(crate) fn load(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Sets the bits of `mask` if all are clear; otherwise changes nothing and returns the number of a set one.
    pub(crate) fn claim(&self, mask: u64) -> Result<(), u32> {
        let mut current = self.load();
        loop {
            if current & mask != 0 {
                return Err((current & mask).ilog2());
            }
            match self.0.compare_exchange_weak(current, current | mask, Acquire, Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => current = now,
            }
        }
    }

    /// Sets the bits of `mask`, whatever they were.
    pub(crate) fn set(&self, mask: u64) {
        self.0.fetch_or(mask, Acquire);
    }

    /// Clears the bits of `mask`; returns the word as it was.
    pub(crate) fn clear(&self, mask: u64) -> u64 {
        self.0.fetch_and(!mask, Release)
    }
}

impl Default for AtomicWord {
    fn default() -> Self {
        Self::new()
    }
}

/// The words that units `start..end` touch, each with the mask of those units.
pub(crate) struct Masks {
    start: usize,
    end: usize,
}

impl Masks {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end: end.max(start) }
    }
}

impl Iterator for Masks {
    type Item = (usize, u64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.start == self.end {
            return None;
        }
        let (index, low) = (self.start / 64, self.start % 64);
        let count = (self.end - self.start).min(64 - low);
        self.start += count;
        Some((index, (u64::MAX >> (64 - count)) << low))
    }
}

impl DoubleEndedIterator for Masks {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.start == self.end {
            return None;
        }
        let index = (self.end - 1) / 64;
        let first = self.start.max(index * 64);
        let count = self.end - first;
        self.end = first;
        Some((index, (u64::MAX >> (64 - count)) << (first % 64)))
    }
}
