//! What is not mapped: gaps by where they are, so that neighbours are found and merged, and by how long they are, so
//! that room is found without a walk.
//!
//! The smallest gap that fits is used, and of equal ones the lowest (best fit). Linux keeps the longest gap of each
//! subtree in the tree of areas instead and takes the highest that fits; both take logarithmic time.

use alloc::collections::{BTreeMap, BTreeSet};

use page_allocator::Pages;

/// The gaps of an address space. No two touch.
#[derive(Default)]
pub(crate) struct Gaps {
    by_start: BTreeMap<u64, Pages>,
    by_length: BTreeSet<(usize, u64)>,
}

impl Gaps {
    /// Takes `count` pages (not 0) out of the smallest gap that has them.
    pub(crate) fn take(&mut self, count: usize) -> Option<Pages> {
        let &(_, start) = self.by_length.range((count, 0)..).next()?;
        let mut pages = self.remove(start)?;
        if let Some(rest) = pages.split_off(count) {
            self.insert(rest);
        }
        Some(pages)
    }

    /// Takes pages back, and makes them one gap with those on either side.
    pub(crate) fn put(&mut self, mut pages: Pages) {
        // They touch; if they did not, none would be lost. So below.
        if let Some(after) = self.remove(end(&pages))
            && let Err(apart) = pages.append(after)
        {
            self.insert(apart);
        }
        let start = pages.start().as_u64();
        match self.by_start.range_mut(..start).next_back() {
            Some((&at, before)) if end(before) == start => {
                let old = before.count();
                let apart = before.append(pages).err();
                let new = before.count();
                self.by_length.remove(&(old, at));
                self.by_length.insert((new, at));
                if let Some(apart) = apart {
                    self.insert(apart);
                }
            }
            _ => self.insert(pages),
        }
    }

    /// How many pages all gaps have.
    pub(crate) fn pages(&self) -> usize {
        self.by_length.iter().map(|&(count, _)| count).sum()
    }

    fn insert(&mut self, pages: Pages) {
        let start = pages.start().as_u64();
        self.by_length.insert((pages.count(), start));
        self.by_start.insert(start, pages);
    }

    fn remove(&mut self, start: u64) -> Option<Pages> {
        let pages = self.by_start.remove(&start)?;
        self.by_length.remove(&(pages.count(), start));
        Some(pages)
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        assert_eq!(self.by_start.len(), self.by_length.len());
        let mut end = 0;
        for (&start, pages) in &self.by_start {
            assert_eq!(start, pages.start().as_u64());
            assert!(self.by_length.contains(&(pages.count(), start)));
            assert!(end < start, "two gaps touch or overlap");
            end = self::end(pages);
        }
    }
}

/// The address after the last of `pages`.
fn end(pages: &Pages) -> u64 {
    pages.start().as_u64() + pages.range().len() as u64
}
