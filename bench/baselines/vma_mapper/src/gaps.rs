//! What is not mapped: gaps by where they are, so that neighbours are found and merged, and by how long they are, so
//! that room is found without a walk.
//!
//! The smallest gap that fits is used, and of equal ones the lowest (best fit). Linux keeps the longest gap of each
//! subtree in the tree of areas instead and takes the highest that fits; both take logarithmic time.
//!
//! A gap's key is some address in it, not its start: then a gap that grows or shrinks at either end keeps its place in
//! the first tree, and only the second changes. Pages are taken from a gap's end, as Linux does.

use alloc::collections::{BTreeMap, BTreeSet};
use core::mem;

use page_allocator::Pages;

/// The gaps of an address space. No two touch.
#[derive(Default)]
pub(crate) struct Gaps {
    /// By an address inside of each. No two overlap, so it orders them as their starts would.
    by_place: BTreeMap<u64, Pages>,
    /// Length, and key in `by_place`.
    by_length: BTreeSet<(usize, u64)>,
}

impl Gaps {
    /// Takes `count` pages (not 0) out of the smallest gap that has them.
    pub(crate) fn take(&mut self, count: usize) -> Option<Pages> {
        let &(length, key) = self.by_length.range((count, 0)..).next()?;
        let taken = self.change(key, |gap| gap.split_off(length - count))?;
        let Some(taken) = taken else { return self.remove(key) };
        if key >= taken.start().as_u64()
            && let Some(rest) = self.remove(key)
        {
            // The key went with the pages.
            self.insert(rest);
        }
        Some(taken)
    }

    /// Takes pages back, and makes them one gap with those on either side.
    pub(crate) fn put(&mut self, mut pages: Pages) {
        let (start, end) = (pages.start().as_u64(), end(&pages));
        let before = self.by_place.range(..start).next_back();
        let before = before.filter(|(_, gap)| self::end(gap) == start).map(|(&key, _)| key);
        let after = self.by_place.range(end..).next();
        let after = after.filter(|(_, gap)| gap.start().as_u64() == end).map(|(&key, _)| key);
        // They touch; if they did not, none would be lost. So below.
        let apart = match (before, after) {
            (Some(before), after) => {
                let after = after.and_then(|key| self.remove(key));
                let apart = after.and_then(|after| pages.append(after).err());
                if let Some(apart) = apart {
                    self.insert(apart);
                }
                self.change(before, |gap| gap.append(pages).err())
            }
            (None, Some(after)) => self.change(after, |gap| {
                let old = mem::replace(gap, pages);
                gap.append(old).err()
            }),
            (None, None) => return self.insert(pages),
        };
        if let Some(apart) = apart.flatten() {
            self.insert(apart);
        }
    }

    /// Changes a gap at its ends, and keeps the record of its length.
    fn change<R>(&mut self, key: u64, change: impl FnOnce(&mut Pages) -> R) -> Option<R> {
        let gap = self.by_place.get_mut(&key)?;
        let old = gap.count();
        let result = change(gap);
        let new = gap.count();
        if new != old {
            self.by_length.remove(&(old, key));
            self.by_length.insert((new, key));
        }
        Some(result)
    }

    /// How many pages all gaps have.
    pub(crate) fn pages(&self) -> usize {
        self.by_length.iter().map(|&(count, _)| count).sum()
    }

    fn insert(&mut self, pages: Pages) {
        let start = pages.start().as_u64();
        self.by_length.insert((pages.count(), start));
        self.by_place.insert(start, pages);
    }

    fn remove(&mut self, key: u64) -> Option<Pages> {
        let pages = self.by_place.remove(&key)?;
        self.by_length.remove(&(pages.count(), key));
        Some(pages)
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        assert_eq!(self.by_place.len(), self.by_length.len());
        let mut end = 0;
        for (key, pages) in &self.by_place {
            let start = pages.start().as_u64();
            assert!(self.by_length.contains(&(pages.count(), *key)));
            assert!(end < start, "two gaps touch or overlap");
            end = self::end(pages);
            assert!((start..end).contains(key), "a gap whose key is elsewhere");
        }
    }
}

/// The address after the last of `pages`.
fn end(pages: &Pages) -> u64 {
    pages.start().as_u64() + pages.range().len() as u64
}
