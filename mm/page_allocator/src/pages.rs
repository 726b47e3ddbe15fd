//! [`Pages`]: the right to a run of virtual pages.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use memory_types::state::{Allocated, Mapped, State, Unmapped};
use memory_types::{PageRange, VirtAddr};

/// Sole owner of a run of virtual pages in state `S`. See [`memory_types::state`].
///
/// ```compile_fail
/// // An owner cannot be copied.
/// fn twice(pages: page_allocator::Pages) -> (page_allocator::Pages, page_allocator::Pages) {
///     (pages, pages)
/// }
/// ```
/// ```compile_fail
/// // Pages that a TLB may still translate are not pages that can be mapped again.
/// use memory_types::state::{Mapped, Unmapped};
/// use page_allocator::Pages;
/// fn reuse(pages: Pages<Unmapped>) -> Pages<Mapped> {
///     pages.into_mapped()
/// }
/// ```
#[must_use = "dropping allocated pages frees them"]
pub struct Pages<S: State = Allocated> {
    range: PageRange,
    state: PhantomData<S>,
}

impl<S: State> Pages<S> {
    const fn make(range: PageRange) -> Self {
        Self { range, state: PhantomData }
    }

    fn dissolve(self) -> PageRange {
        ManuallyDrop::new(self).range
    }

    /// Which pages.
    #[must_use]
    pub fn range(&self) -> PageRange {
        self.range
    }

    /// The first address.
    #[must_use]
    pub fn start(&self) -> VirtAddr {
        self.range.start()
    }

    /// How many pages.
    #[must_use]
    pub fn count(&self) -> usize {
        self.range.count()
    }

    /// Splits the pages from number `at` on off. `None`, and nothing happens, if either part would be empty.
    pub fn split_off(&mut self, at: usize) -> Option<Self> {
        let first = self.range.slice(0, at).filter(|first| !first.is_empty())?;
        let rest = self.range.slice(at, self.count()).filter(|rest| !rest.is_empty())?;
        self.range = first;
        Some(Self::make(rest))
    }

    /// Adds the pages that follow directly.
    ///
    /// # Errors
    /// If they do not: then they come back.
    pub fn append(&mut self, next: Self) -> Result<(), Self> {
        let end = self.range.start().as_u64().checked_add(self.range.len() as u64);
        match PageRange::new(self.range.start(), self.count() + next.count()) {
            Some(both) if end == Some(next.range.start().as_u64()) => {
                next.dissolve();
                self.range = both;
                Ok(())
            }
            _ => Err(next),
        }
    }
}

impl Pages<Allocated> {
    /// # Safety
    /// The caller has just claimed the range, and makes one owner of it.
    pub(crate) unsafe fn from_claimed(range: PageRange) -> Self {
        Self::make(range)
    }

    /// Pages that may have page-table entries from now on, so that dropping them no longer frees them.
    pub fn into_mapped(self) -> Pages<Mapped> {
        Pages::make(self.dissolve())
    }
}

impl Pages<Mapped> {
    /// Pages whose entries have been made not present.
    pub fn into_unmapped(self) -> Pages<Unmapped> {
        Pages::make(self.dissolve())
    }
}

impl Pages<Unmapped> {
    /// Makes the pages usable again.
    ///
    /// # Safety
    /// Their entries are empty, and no core's TLB holds a translation of them any more.
    pub unsafe fn assume_flushed(self) -> Pages<Allocated> {
        Pages::make(self.dissolve())
    }
}

impl<S: State> Drop for Pages<S> {
    fn drop(&mut self) {
        if S::FREED_ON_DROP {
            crate::release(self.range.start(), self.range.count());
        }
    }
}

impl<S: State> fmt::Debug for Pages<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pages({:#x}, {} pages)", self.range.start(), self.range.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is released in this test's process: there is no allocator that was initialised.
    fn pages(number: u64, count: usize) -> Pages {
        let range = PageRange::new(VirtAddr::new(number << 12), count).unwrap();
        // SAFETY: no page-table entry is made of these pages, so it does not matter who else has them.
        unsafe { Pages::from_claimed(range) }
    }

    fn numbers(pages: &Pages) -> (u64, usize) {
        (pages.start().as_u64() >> 12, pages.count())
    }

    #[test]
    fn what_is_split_can_be_put_together() {
        let mut first = pages(8, 10);
        let rest = first.split_off(3).unwrap();
        assert_eq!((numbers(&first), numbers(&rest)), ((8, 3), (11, 7)));
        first.append(rest).unwrap();
        assert_eq!(numbers(&first), (8, 10));
    }

    #[test]
    fn no_part_is_empty_and_only_neighbours_join() {
        let mut first = pages(8, 10);
        for at in [0, 10, 11, usize::MAX] {
            assert!(first.split_off(at).is_none());
        }
        for (number, count) in [(19, 1), (17, 1), (7, 1), (8, 10)] {
            let back = first.append(pages(number, count)).unwrap_err();
            assert_eq!(numbers(&back), (number, count));
        }
        assert_eq!(numbers(&first), (8, 10));
    }
}
