//! A baseline: a heap with one list of free blocks behind a spin lock, to compare `heap` with.
//!
//! It is the heap that most small kernels begin with: free blocks form a list in the order of their addresses, in
//! the free memory itself; to allocate takes the first block that is large enough and cuts it; to free walks to where
//! the block belongs and joins it with its neighbours. Both take time in proportion to the free blocks before it, and
//! all cores wait for one another at the lock. The list is the registry's `linked_list_allocator`; the lock is the
//! kernel's own, so that an interrupt cannot find it held by whom it interrupted.
//!
//! Its memory is a `MappedPages`, which it owns. It is no global allocator but lends owned blocks, whose lifetimes end
//! before its own, so its users need no `unsafe`:
//!
//! ```
//! # paging::host::start();
//! # use list_heap::ListHeap;
//! # use mapped_pages::MappedPages;
//! # use memory_types::Permissions;
//! let memory = MappedPages::allocate(65536, Permissions::ReadWrite)?;
//! let heap = ListHeap::new(memory)?;
//! let mut answer = heap.allocate(41u64)?;
//! *answer += 1;
//! assert_eq!(*answer, 42);
//! drop(answer); // frees it
//! assert_eq!(heap.used(), 0);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//! A block cannot outlive the heap:
//! ```compile_fail
//! # use list_heap::ListHeap;
//! fn outlive(heap: ListHeap) -> impl Sized {
//!     heap.allocate_bytes(8)
//! }
//! ```
#![no_std]

#[cfg(test)]
extern crate std;

#[cfg(test)]
mod tests;

use core::alloc::Layout;
use core::fmt;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use irq_lock::IrqLock;
use linked_list_allocator::Heap;
use mapped_pages::{MappedPages, ViewError};

/// First-fit blocks out of an owned region.
pub struct ListHeap {
    list: IrqLock<Heap>,
    /// Unmapped when the heap is dropped; its blocks borrow the heap and are gone by then.
    _memory: MappedPages,
}

/// No free block is large enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full {
    /// Bytes asked for.
    pub bytes: usize,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the list heap has no free block of {} bytes; free some, or give it more memory",
            self.bytes
        )
    }
}

impl core::error::Error for Full {}

impl ListHeap {
    /// A heap in all of `memory`.
    ///
    /// # Errors
    /// If it is not writable memory.
    pub fn new(mut memory: MappedPages) -> Result<Self, ViewError> {
        let bytes = memory.bytes_mut()?;
        let (start, len) = (bytes.as_mut_ptr(), bytes.len());
        // SAFETY:
        // 1. `start..start + len` is memory that can be written, until `memory` is dropped or protected; the heap owns
        //    it, does neither before its own end, and lends no view of it.
        // 2. "Valid for 'static" is what the list needs of memory that it touches; it touches none when it is dropped,
        //    and blocks borrow the heap, so nothing uses the memory after the heap.
        // 3. A mapping has at least a page, which is enough for the list's own record of one hole.
        let list = unsafe { Heap::new(start, len) };
        Ok(Self { list: IrqLock::new("list heap", list), _memory: memory })
    }

    /// Puts `value` on the heap.
    ///
    /// # Errors
    /// If there is no room for it.
    #[inline]
    pub fn allocate<T>(&self, value: T) -> Result<ListBox<'_, T>, Full> {
        let place = self.take(Layout::new::<T>())?.cast::<T>();
        // SAFETY: the list gave this memory out just now for this layout: it can be written, and it is ours alone.
        unsafe { place.write(value) };
        Ok(ListBox { value: place, heap: self })
    }

    /// A block of `len` bytes, aligned to 8. What is in them is what the last owner left there.
    ///
    /// # Errors
    /// If there is no room for it.
    #[inline]
    pub fn allocate_bytes(&self, len: usize) -> Result<ListBytes<'_>, Full> {
        let layout = Layout::from_size_align(len, 8).map_err(|_| Full { bytes: len })?;
        Ok(ListBytes { start: self.take(layout)?, layout, heap: self })
    }

    /// Bytes that are in use, with what rounding adds.
    #[must_use]
    pub fn used(&self) -> usize {
        self.list.lock().used()
    }

    #[inline]
    fn take(&self, layout: Layout) -> Result<NonNull<u8>, Full> {
        self.list.lock().allocate_first_fit(layout).map_err(|()| Full { bytes: layout.size() })
    }

    /// # Safety
    /// `block` came from [`take`](Self::take) of this heap with this layout, and nobody uses it any more.
    #[inline]
    unsafe fn give_back(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: that is what the list asks for.
        unsafe { self.list.lock().deallocate(block, layout) };
    }
}

/// A value in a [`ListHeap`], owned. Dropping it frees it.
pub struct ListBox<'h, T> {
    value: NonNull<T>,
    heap: &'h ListHeap,
}

impl<T> Deref for ListBox<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: it was initialized when it was allocated, and is ours until we are dropped.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for ListBox<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above; the borrow is exclusive.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for ListBox<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the value is valid, and dropped once: nothing uses it after this.
        unsafe { self.value.drop_in_place() };
        // SAFETY: it came from this heap with this layout.
        unsafe { self.heap.give_back(self.value.cast(), Layout::new::<T>()) };
    }
}

/// Bytes in a [`ListHeap`], owned. Dropping it frees them.
pub struct ListBytes<'h> {
    start: NonNull<u8>,
    layout: Layout,
    heap: &'h ListHeap,
}

impl Deref for ListBytes<'_> {
    type Target = [MaybeUninit<u8>];

    fn deref(&self) -> &[MaybeUninit<u8>] {
        // SAFETY: so many bytes are ours until we are dropped; uninitialized bytes are allowed in this type.
        unsafe { core::slice::from_raw_parts(self.start.as_ptr().cast(), self.layout.size()) }
    }
}

impl DerefMut for ListBytes<'_> {
    fn deref_mut(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: as above; the borrow is exclusive.
        unsafe { core::slice::from_raw_parts_mut(self.start.as_ptr().cast(), self.layout.size()) }
    }
}

impl Drop for ListBytes<'_> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it came from this heap with this layout, and nothing uses it after this.
        unsafe { self.heap.give_back(self.start, self.layout) };
    }
}
