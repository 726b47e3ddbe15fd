//! [`Frames`]: the right to a run of physical frames.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;

use memory_types::state::{Allocated, Free, Mapped, State, Unmapped};
use memory_types::{PAGE_SIZE, PhysAddr, Region};

/// Sole owner of `count` successive 4 KiB frames that are in state `S`. See [`memory_types::state`].
///
/// An `Allocated` range returns to the allocator when it is dropped. A range that is `Mapped` or `Unmapped`
/// does not: somebody may still reach it, so losing it is a leak and no more.
///
/// ```compile_fail
/// // An owner cannot be copied.
/// fn twice(frames: frame_allocator::Frames) -> (frame_allocator::Frames, frame_allocator::Frames) {
///     (frames, frames)
/// }
/// ```
/// ```compile_fail
/// // A frame that was unmapped, but perhaps not flushed from every TLB, cannot be freed.
/// use memory_types::state::Unmapped;
/// fn free_early(frames: frame_allocator::Frames<Unmapped>) {
///     frames.free();
/// }
/// ```
/// ```compile_fail
/// // Nor can a mapped one.
/// use memory_types::state::Mapped;
/// fn free_mapped(frames: frame_allocator::Frames<Mapped>) {
///     frames.free();
/// }
/// ```
#[must_use = "dropping allocated frames frees them"]
pub struct Frames<S: State = Allocated> {
    first: usize,
    count: usize,
    state: PhantomData<S>,
}

/// A split beyond the end of a range; the range comes back unchanged.
#[derive(Debug)]
pub struct OutOfRange<T>(pub T);

/// Two ranges that were to be merged do not touch; both come back unchanged.
#[derive(Debug)]
pub struct NotAdjacent<T>(pub T, pub T);

impl<T> fmt::Display for OutOfRange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the range is shorter than the part asked for")
    }
}

impl<T> fmt::Display for NotAdjacent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the second range does not begin where the first ends")
    }
}

impl<S: State> Frames<S> {
    const fn make(first: usize, count: usize) -> Self {
        Self { first, count, state: PhantomData }
    }

    /// Takes the range apart without running its destructor.
    fn dissolve(self) -> (usize, usize) {
        let range = ManuallyDrop::new(self);
        (range.first, range.count)
    }

    /// The first byte.
    #[must_use]
    pub fn start(&self) -> PhysAddr {
        PhysAddr::new((self.first * PAGE_SIZE) as u64)
    }

    /// How many frames.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The bytes it covers.
    #[must_use]
    pub fn region(&self) -> Region {
        let start = self.start().as_u64();
        Region { start, end: start + (self.count * PAGE_SIZE) as u64 }
    }

    /// The first `count` frames, and the rest.
    ///
    /// # Errors
    /// If the range has fewer than `count` frames, or if a part would be empty.
    pub fn split_at(self, count: usize) -> Result<(Self, Self), OutOfRange<Self>> {
        if count == 0 || count >= self.count {
            return Err(OutOfRange(self));
        }
        let (first, all) = self.dissolve();
        Ok((Self::make(first, count), Self::make(first + count, all - count)))
    }

    /// One range out of this and the one that follows it.
    ///
    /// # Errors
    /// If `next` does not begin where this ends.
    pub fn merge(self, next: Self) -> Result<Self, NotAdjacent<Self>> {
        if self.first + self.count != next.first {
            return Err(NotAdjacent(self, next));
        }
        let (first, count) = self.dissolve();
        let (_, more) = next.dissolve();
        Ok(Self::make(first, count + more))
    }
}

impl Frames<Allocated> {
    /// The owner of a run that was claimed from the allocator.
    ///
    /// # Safety
    /// The caller has just claimed the run, and makes one owner of it.
    pub(crate) unsafe fn from_claimed(first: usize, count: usize) -> Self {
        Self::make(first, count)
    }

    /// Returns the frames to the allocator, which dropping them does too.
    pub fn free(self) {
        let (first, count) = self.dissolve();
        drop(Frames::<Free>::make(first, count));
    }

    /// Hands the frames over to page-table entries, which name them from now on.
    ///
    /// # Safety
    /// The caller stores the frames in page-table entries of pages that it owns, or never uses them again.
    pub unsafe fn into_mapped(self) -> Frames<Mapped> {
        let (first, count) = self.dissolve();
        Frames::make(first, count)
    }
}

impl Frames<Unmapped> {
    /// The owner of frames that were found in page-table entries which have been made not present.
    ///
    /// # Safety
    /// The frames came from [`Frames::into_mapped`], the entry that named them has been made not present, and
    /// no other owner is made of them.
    pub unsafe fn from_entry(start: PhysAddr, count: usize) -> Self {
        Self::make((start.as_u64() / PAGE_SIZE as u64) as usize, count)
    }

    /// Makes the frames usable again.
    ///
    /// # Safety
    /// No core's TLB holds a translation to them any more.
    pub unsafe fn assume_flushed(self) -> Frames<Allocated> {
        let (first, count) = self.dissolve();
        Frames::make(first, count)
    }
}

impl<S: State> Drop for Frames<S> {
    fn drop(&mut self) {
        if S::FREED_ON_DROP {
            crate::release(self.first, self.count);
        }
    }
}

impl<S: State> fmt::Debug for Frames<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frames({:#x}, {} frames)", self.start(), self.count)
    }
}
