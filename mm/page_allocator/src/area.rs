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
    /// How many pages each core's slice has; 0 if there is but one, which is everybody's.
    slice: usize,
    /// For each slice, where to look first: the pages of the slice below are claimed, as far as is known. Only a hint: races may leave a
    /// free page below it, which is found when the search wraps round.
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
        Self { bitmap, area, slice, hints }
    }

    /// Claims `count` pages, the first a multiple of `align` from the start of the area. Low pages are reused first, and with
    /// them their page tables.
    #[must_use]
    pub fn claim(&self, count: usize, align: usize, core: CoreId) -> Option<PageRange> {
        let hint = &self.hints[if self.slice == 0 { 0 } else { core.index() }];
        let from = hint.load(Relaxed);
        let first = self.bitmap.claim(count, align, 0..self.bitmap.units(), from)?;
        // A single page was the first free one from the hint on; a longer run may have left some free before it.
        let is_lowest = first == from || (count == 1 && align == 1 && first > from);
        if is_lowest {
            // Fails if a lower page was released meanwhile: then that is the hint.
            let _ = hint.compare_exchange(from, first + count, Relaxed, Relaxed);
        }
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
        let first = (offset / PAGE_SIZE as u64) as usize;
        self.bitmap.release(first, count)?;
        let slice = first.checked_div(self.slice).unwrap_or(0).min(MAX_CORES - 1);
        let hint = &self.hints[slice];
        // Looked at first: most releases need not write the line, which may be another core's.
        if first < hint.load(Relaxed) {
            hint.fetch_min(first, Relaxed);
        }
        Ok(())
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
    fn the_lowest_free_page_is_next_however_many_are_claimed() {
        let words: Vec<_> = (0..words_for(DYNAMIC.pages())).map(|_| AtomicWord::new()).collect();
        let area = AreaAllocator::new(&words, DYNAMIC, true);
        let core = CoreId::new(3).unwrap();
        let single = || area.claim(1, 1, core).unwrap();
        let pages: Vec<_> = (0..1_000).map(|_| single()).collect();
        assert!(pages.windows(2).all(|pair| pair[0].start() + PAGE_SIZE as u64 == pair[1].start()));
        assert_eq!(area.hints[3].load(Relaxed), 3 * area.slice + 1_000, "no search over what is claimed");
        // A run that does not fit into a hole leaves the hole to be found.
        for hole in [700, 10, 300] {
            area.release(pages[hole].start(), 1).unwrap();
        }
        assert_eq!(area.claim(2, 1, core).unwrap().start(), pages[999].start() + PAGE_SIZE as u64);
        for hole in [10, 300, 700] {
            assert_eq!(single().start(), pages[hole].start());
        }
        assert_eq!(single().start(), pages[999].start() + 3 * PAGE_SIZE as u64);
        // Another core gives back what is not of its slice.
        area.release(pages[5].start(), 2).unwrap();
        assert_eq!(area.claim(2, 1, core).unwrap().start(), pages[5].start());
        assert_eq!(area.stats().used, 1_003);
    }

    #[test]
    fn an_area_without_slices_has_one_hint() {
        let words: Vec<_> = (0..words_for(CELLS.pages())).map(|_| AtomicWord::new()).collect();
        let area = AreaAllocator::new(&words, CELLS, false);
        let [one, two] = [1, 2].map(|core| CoreId::new(core).unwrap());
        let a = area.claim(1, 1, one).unwrap();
        let b = area.claim(1, 1, two).unwrap();
        assert_eq!((a.start().as_u64(), b.start()), (CELLS.start, a.start() + PAGE_SIZE as u64));
        area.release(a.start(), 1).unwrap();
        assert_eq!(area.claim(1, 1, two).unwrap().start(), a.start());
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
