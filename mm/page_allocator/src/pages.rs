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
