//! How the heap gets more memory: frames mapped at the end of its area, for ever.

use core::alloc::Layout;
use core::ptr::NonNull;

use memory_types::range::AddressRange;
use memory_types::{PAGE_SIZE, PageRange, VirtAddr, pages_for};
use paging::Backing;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

/// The least that the heap grows by: often enough to be small, seldom enough not to matter.
const STEP_PAGES: usize = 64;
/// What `talc` needs besides the block itself: tags around it, and, in the first heap, its lists (about 1 KiB).
const OVERHEAD: usize = 2 * PAGE_SIZE;

/// The heap's part of the address space, mapped from the front.
#[derive(Debug)]
pub(crate) struct Area {
    range: AddressRange,
    mapped_pages: usize,
    /// The end of what `talc` has been given; `None` before the first growth.
    end: Option<NonNull<u8>>,
}

impl Area {
    pub(crate) const fn new(range: AddressRange) -> Self {
        Self { range, mapped_pages: 0, end: None }
    }

    /// Bytes mapped so far.
    pub(crate) fn mapped(&self) -> usize {
        self.mapped_pages * PAGE_SIZE
    }

    /// Maps up to `pages` more pages, one by one, so that what there is gets used when there is not enough.
    /// Returns the address after the last mapped page, if any was.
    fn extend(&mut self, pages: usize) -> Option<*mut u8> {
        let before = self.mapped_pages;
        let pages = pages.min(self.range.pages() - before);
        for _ in 0..pages {
            let next = VirtAddr::new(self.range.start + self.mapped() as u64);
            let Some(page) = PageRange::new(next, 1) else { break };
            // SAFETY: the pages of the heap's area are this value's alone, and each is mapped once.
            if unsafe { paging::attach_owned(page, Backing::Raw) }.is_err() {
                break;
            }
            self.mapped_pages += 1;
        }
        (self.mapped_pages > before).then_some((self.range.start + self.mapped() as u64) as *mut u8)
    }
}

// SAFETY: growing uses page tables and frames only; neither allocates from the heap.
unsafe impl Source for Area {
    fn acquire<B: Binning>(heap: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let needed = layout
            .size()
            .checked_add(layout.align())
            .and_then(|bytes| bytes.checked_add(OVERHEAD))
            .ok_or(())?;
        let pages = pages_for(needed);
        // An allocation that can never be met must not eat all memory first. Counting takes time, so small
        // ones are not checked.
        if pages > STEP_PAGES && pages > frame_allocator::stats().free {
            return Err(());
        }
        // Fails when not one page was to be had, so that `talc` asks again only after progress.
        let new_end = heap.source.extend(pages.max(STEP_PAGES)).ok_or(())?;
        let end = match heap.source.end {
            // SAFETY: the memory from the old end to the new was mapped just now, and is the heap's alone.
            Some(end) => Some(unsafe { heap.extend(end, new_end) }),
            None => {
                let start = heap.source.range.start as *mut u8;
                // SAFETY: as above, from the start of the area.
                unsafe { heap.claim(start, new_end as usize - start as usize) }
            }
        };
        heap.source.end = end;
        // `None`: less than `talc` needs to begin with. It is tried again with more.
        if end.is_some() { Ok(()) } else { Err(()) }
    }
}
