//! A baseline: memory mapped as conventional kernels map it, to compare `mapped_pages` with.
//!
//! An [`AddressSpace`] is one object that knows all its areas (VMAs). They stand in a balanced tree by their start,
//! behind one sleeping lock, as `mm_struct` with its maple tree and `mmap_lock` does in Linux, or `vm_map` in BSD. Its
//! users have addresses and no owners: [`map`](AddressSpace::map) gives an address, and
//! [`protect`](AddressSpace::protect) and [`unmap`](AddressSpace::unmap) take any range of pages, look up which areas
//! it touches, split those that it cuts and merge those that have become alike.
//!
//! ```text
//!   AddressSpace ── lock ──▶ areas: start ▶ (pages, permissions)    what is mapped
//!                            gaps:  place ▶ pages                   what is not
//!                                   (length, place)                 the smallest gap that fits, without a search
//! ```
//!
//! **What differs from `MappedPages` is the bookkeeping, and nothing else.** Page tables, frames, zeroing, shootdown
//! and its time-out are those of the `paging` crate in both. Here the state is the address space's: whoever knows an
//! address can unmap it under someone else's feet, as with `munmap`, so there are no typed views.
//!
//! **The trees** are `alloc`'s B-trees: a B-tree of ranges is also what Linux went to in 6.1, away from a red-black
//! tree, because it misses the cache less often. All operations take logarithmic time in the number of areas;
//! finding room does not walk over areas either.
//!
//! **The lock** sleeps, because a flush of other cores' TLBs happens under it: nobody else may change an area
//! between its entries and its record.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod areas;
mod errors;
mod gaps;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use memory_types::{PageRange, Permissions, VirtAddr};
use page_allocator::{Area, OutOfPages};
use paging::Backing;
use sync::{Mutex, MutexGuard};

use areas::{Areas, Vma};
pub use errors::{MapError, ProtectError, UnmapError};
use gaps::Gaps;

/// Whether an area may become one with its neighbours when they are alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Merging {
    /// As anonymous memory of a process does.
    #[default]
    WithNeighbours,
    /// The area stays one of its own, as those of different files, and of the kernel itself (`vmap`), do.
    Never,
}

/// An area, as one can look it up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VmaInfo {
    /// Its pages.
    pub range: PageRange,
    /// What may be done with them.
    pub permissions: Permissions,
}

/// A part of the kernel's address space with its areas. Dropping it unmaps them all.
pub struct AddressSpace {
    inner: Mutex<Inner>,
}

struct Inner {
    areas: Areas,
    gaps: Gaps,
}

impl AddressSpace {
    /// An address space of `pages` pages, all of them unmapped. They stay reserved for it until it is dropped.
    ///
    /// # Errors
    /// If there is no run of so many pages.
    pub fn new(pages: usize) -> Result<Self, OutOfPages> {
        let mut gaps = Gaps::default();
        gaps.put(page_allocator::allocate(Area::Dynamic, pages, 1)?);
        Ok(Self { inner: Mutex::new(Inner { areas: Areas::default(), gaps }) })
    }

    /// Maps `count` pages of zeros wherever there is room, and says where. Areas that touch and are alike become one.
    ///
    /// # Errors
    /// If there is no room, or no memory; then nothing is mapped.
    pub fn map(&self, count: usize, permissions: Permissions) -> Result<VirtAddr, MapError> {
        self.map_with(count, permissions, Merging::WithNeighbours)
    }

    /// [`map`](Self::map), with a say in whether the area may merge.
    ///
    /// # Errors
    /// As [`map`](Self::map).
    pub fn map_with(
        &self,
        count: usize,
        permissions: Permissions,
        merging: Merging,
    ) -> Result<VirtAddr, MapError> {
        if count == 0 {
            return Err(MapError::Empty);
        }
        let mut inner = self.lock().ok_or(MapError::Poisoned)?;
        let mut pages = inner.gaps.take(count).ok_or(MapError::NoRoom { count })?.into_mapped();
        let start = pages.start();
        if let Err(error) = paging::attach(&mut pages, 0..count, Backing::Zeroed(permissions)) {
            // Part of it may be mapped. What cannot be taken back is lost on purpose; the log says so.
            if let Ok(flushed) = paging::detach(pages).map_err(drop).and_then(|all| all.flush().map_err(drop))
            {
                inner.gaps.put(flushed.release(drop));
            }
            return Err(MapError::Map(error));
        }
        inner.areas.insert(Vma { pages, permissions, agreed: true, merging });
        Ok(start)
    }

    /// Changes what may be done with `count` pages from `start` on, on every core before this returns. All of them
    /// must be mapped; they may be parts of several areas.
    ///
    /// # Errors
    /// If not all of the range is mapped: then nothing was changed. If a core does not answer: then the areas before
    /// that one have changed, and it is read-only.
    pub fn protect(
        &self,
        start: VirtAddr,
        count: usize,
        permissions: Permissions,
    ) -> Result<(), ProtectError> {
        let range = whole(start, count).ok_or(ProtectError::NotARange { start, count })?;
        let mut inner = self.lock().ok_or(ProtectError::Poisoned)?;
        inner.areas.protect(range, permissions)
    }

    /// Unmaps `count` pages from `start` on, wherever they are mapped, on every core before this returns, and frees
    /// their frames. Pages that are not mapped are no error, as with `munmap`.
    ///
    /// # Errors
    /// If a core does not answer: what it may still reach is lost on purpose, and the rest is unmapped.
    pub fn unmap(&self, start: VirtAddr, count: usize) -> Result<(), UnmapError> {
        let range = whole(start, count).ok_or(UnmapError::NotARange { start, count })?;
        let mut inner = self.lock().ok_or(UnmapError::Poisoned)?;
        inner.unmap(range)
    }

    /// The area that `address` lies in.
    #[must_use]
    pub fn find(&self, address: VirtAddr) -> Option<VmaInfo> {
        self.lock()?.areas.find(address)
    }

    /// All areas, in the order of their addresses.
    #[must_use]
    pub fn areas(&self) -> Vec<VmaInfo> {
        self.lock().map_or_else(Vec::new, |inner| inner.areas.infos())
    }

    /// How many pages are not mapped.
    #[must_use]
    pub fn free_pages(&self) -> usize {
        self.lock().map_or(0, |inner| inner.gaps.pages())
    }

    /// `None` if a task died in the middle of a change: then the trees may be wrong, and are not used again.
    fn lock(&self) -> Option<MutexGuard<'_, Inner>> {
        self.inner.lock().ok()
    }
}

impl Inner {
    fn unmap(&mut self, range: PageRange) -> Result<(), UnmapError> {
        // The usual case: the whole of one area, which is found at once.
        if let Some(vma) = self.areas.take_whole(range) {
            return self.retire(vma);
        }
        let mut result = Ok(());
        self.areas.split_around(range);
        while let Some(vma) = self.areas.take_first_in(range) {
            // The first error is told.
            let retired = self.retire(vma);
            result = result.and(retired);
        }
        result
    }

    /// Makes an area that is out of the tree a gap. On failure its pages are neither area nor gap any more.
    fn retire(&mut self, vma: Vma) -> Result<(), UnmapError> {
        let unflushed = paging::detach(vma.pages).map_err(paging::UnmapError::Walk);
        let flushed = unflushed.and_then(|all| all.flush().map_err(paging::UnmapError::Unanswered));
        // Takes each frame out of its entry and frees it.
        self.gaps.put(flushed.map_err(UnmapError::Unmap)?.release(drop));
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        while let Some(vma) = self.areas.take_any() {
            // A failure is logged there, and what is lost by it is lost on purpose.
            let _ = paging::retire(vma.pages);
        }
    }
}

/// A range of at least a page.
fn whole(start: VirtAddr, count: usize) -> Option<PageRange> {
    PageRange::new(start, count).filter(|range| !range.is_empty())
}
