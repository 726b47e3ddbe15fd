//! The kernel heap: the `talc` allocator behind a lock that interrupts cannot break into, growing page by page
//! in an area of its own.
//!
//! - [`KernelHeap`] is what the base image declares as `#[global_allocator]`. It has no state: there is one heap.
//! - It grows by mapping frames at the end of [`layout::HEAP`], with nothing between it and the frame allocator
//!   and the page tables: neither of them allocates from the heap, so growing never recurses.
//! - Out of memory is null, which Rust's collections turn into an error or a panic of the task that asked.
//! - Memory is never returned to the frame allocator in this version.
//!
//! One lock for all cores: the simplest sound form. A per-core heap takes its place behind the same type.
#![no_std]

mod grow;

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::null_mut;

use irq_lock::IrqLock;
use memory_types::{PAGE_SIZE, layout};
use page_allocator::Area;
use talc::DefaultBinning;
use talc::base::Talc;

use grow::Area as HeapArea;

static HEAP: IrqLock<Shared> = IrqLock::new("kernel heap", Shared(Talc::new(HeapArea::new(layout::HEAP))));

/// `talc`, movable between cores.
struct Shared(Talc<HeapArea, DefaultBinning>);

// SAFETY: it holds pointers into the heap's area, which is the same on every core, and is used by one core at a
// time, under the lock.
unsafe impl Send for Shared {}

/// The kernel's allocator.
///
/// ```no_run
/// #[global_allocator]
/// static ALLOCATOR: heap::KernelHeap = heap::KernelHeap;
/// # fn main() {}
/// ```
pub struct KernelHeap;

// SAFETY: `talc` returns memory that fits the layout and is not in use, under a lock; a null pointer otherwise.
// Nothing here unwinds: the lock panics only when an interrupt handler allocates, which none may.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller promises a size that is not 0.
        let memory = unsafe { HEAP.lock().0.allocate(layout) };
        memory.map_or(null_mut(), |memory| memory.as_ptr())
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller promises that the memory came from here with this layout.
        unsafe { HEAP.lock().0.deallocate(memory, layout) };
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above, and the new size is not 0.
        if unsafe { HEAP.lock().0.try_realloc_in_place(memory, layout, new_size) } {
            return memory;
        }
        // Shrinking always works in place, so this grows. The copy is done without the lock.
        // SAFETY: the caller promises that the new size, rounded up to the alignment, fits `isize`.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: its size is not 0.
        let new = unsafe { self.alloc(new_layout) };
        if !new.is_null() {
            // SAFETY: the new memory is at least as long as the old, apart from it, and both are the caller's.
            unsafe { new.copy_from_nonoverlapping(memory, layout.size()) };
            // SAFETY: as in `dealloc`.
            unsafe { self.dealloc(memory, layout) };
        }
        new
    }
}

/// How much memory the heap has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Bytes allocated, as their owners asked for them.
    pub used: usize,
    /// Bytes mapped.
    pub mapped: usize,
}

/// The heap's figures at the moment.
#[must_use]
pub fn stats() -> Stats {
    let heap = HEAP.lock();
    Stats { used: heap.0.counters().allocated_bytes, mapped: heap.0.source.mapped() }
}

/// What the `mem` command shows, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Physical memory that the kernel manages.
    pub total: usize,
    /// Of it, memory without an owner.
    pub free: usize,
    /// Allocated from the heap.
    pub heap_used: usize,
    /// Mapped for the heap.
    pub heap_mapped: usize,
    /// Address space in use for sections of loaded cells.
    pub cells: usize,
    /// Address space in use for mappings, stacks (guard pages included) and devices.
    pub dynamic: usize,
}

/// Sums up all of `mm/`.
#[must_use]
pub fn report() -> Report {
    let (frames, heap) = (frame_allocator::stats(), stats());
    Report {
        total: frames.total * PAGE_SIZE,
        free: frames.free * PAGE_SIZE,
        heap_used: heap.used,
        heap_mapped: heap.mapped,
        cells: page_allocator::stats(Area::Cells).used * PAGE_SIZE,
        dynamic: page_allocator::stats(Area::Dynamic).used * PAGE_SIZE,
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
