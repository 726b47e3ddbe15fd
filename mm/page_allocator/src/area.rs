//! The allocator of one area of the address space, apart from the static instances.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bitmap::{AtomicWord, Bitmap, NotClaimed, UNITS_PER_LINE};
use core_local::{CachePadded, CoreId, MAX_CORES};
use memory_types::range::AddressRange;
use memory_types::{PAGE_SIZE, PageRange, VirtAddr};

use crate::Stats;

/// Which pages of `area` have an owner.
pub struct AreaAllocator<'m> {
    bitmap: Bitmap<'m>,
    area: AddressRange,
    /// For each core, the page where it looks first.
    hints: [CachePadded<AtomicUsize>; MAX_CORES],
}

impl<'m> AreaAllocator<'m> {
    /// An allocator of all pages of `area`. With `spread`, each core starts in a slice of its own; without,
    /// all start at the front, which keeps what is allocated close together.
    ///
    /// # Panics
    /// If there are fewer words than pages need.
    #[must_use]
    pub fn new(words: &'m [AtomicWord], area: AddressRange, spread: bool) -> Self {
        let pages = area.pages();
        let bitmap = Bitmap::all_claimed(words, pages).expect("the caller gives a bit for each page");
        bitmap.make_available(0, pages);
        let slice = if spread { pages / MAX_CORES / UNITS_PER_LINE * UNITS_PER_LINE } else { 0 };
        let hints = core::array::from_fn(|core| CachePadded::new(AtomicUsize::new(core * slice)));
        Self { bitmap, area, hints }
    }

    /// Claims `count` pages, the first a multiple of `align` from the start of the area.
    #[must_use]
    pub fn claim(&self, count: usize, align: usize, core: CoreId) -> Option<PageRange> {
        let hint = self.hints[core.index()].load(Relaxed);
        // The hint stays where it is: low pages are reused first, and with them their page tables.
        let first = self.bitmap.claim(count, align, 0..self.bitmap.units(), hint)?;
        PageRange::new(VirtAddr::new(self.area.start + (first * PAGE_SIZE) as u64), count)
    }

    /// Gives pages back.
    ///
    /// # Errors
    /// If one of them was free already or is not of this area.
    pub fn release(&self, start: VirtAddr, count: usize) -> Result<(), NotClaimed> {
        let Some(offset) = start.as_u64().checked_sub(self.area.start) else {
            return Err(NotClaimed { unit: 0 });
        };
        self.bitmap.release((offset / PAGE_SIZE as u64) as usize, count)
    }

    /// How many pages there are and how many are claimed.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let total = self.bitmap.units();
        Stats { total, used: total - self.bitmap.free_in(0..total) }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;

    use super::*;
    use bitmap::words_for;
    use memory_types::layout::{CELLS, DYNAMIC};
    use std::vec::Vec;

    #[test]
    fn cores_start_apart_and_pages_are_reused() {
        let words: Vec<_> = (0..words_for(DYNAMIC.pages())).map(|_| AtomicWord::new()).collect();
        let area = AreaAllocator::new(&words, DYNAMIC, true);
        let [one, two] = [1, 2].map(|core| CoreId::new(core).unwrap());
        let a = area.claim(3, 1, one).unwrap();
        let b = area.claim(3, 1, two).unwrap();
        assert!(a.start().as_u64().abs_diff(b.start().as_u64()) >= 2 << 20);
        assert_eq!(area.stats().used, 6);
        area.release(a.start(), a.count()).unwrap();
        assert_eq!(area.claim(2, 1, one).unwrap().start(), a.start());
        assert!(area.release(VirtAddr::new(0), 1).is_err());
    }

    #[test]
    fn the_last_page_can_be_had_and_no_more() {
        let words: Vec<_> = (0..words_for(CELLS.pages())).map(|_| AtomicWord::new()).collect();
        let area = AreaAllocator::new(&words, CELLS, false);
        let all = area.claim(CELLS.pages(), 1, CoreId::BOOT).unwrap();
        assert_eq!(all.start().as_u64() + all.len() as u64, CELLS.end);
        assert!(area.claim(1, 1, CoreId::BOOT).is_none());
        area.release(all.start(), all.count()).unwrap();
        assert!(area.claim(CELLS.pages() + 1, 1, CoreId::BOOT).is_none());
    }
}
