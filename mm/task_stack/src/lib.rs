//! Stacks of tasks.
//!
//! ```text
//!   low                                                                       high
//!   [ guard, 1 page     ][ reserve, 8 pages              ][ usable                ] top
//!     no frame, no entry   frames held, not accessible      read-write
//! ```
//!
//! A task that uses up its stack touches the reserve first, and faults. The fault handler runs on a stack of
//! its own, calls [`open_reserve`](Stack::open_reserve), which only flips bits in page-table entries, and resumes
//! the task in the unwinder: so an overflowed task is unwound on its own stack, destructors and all. If it
//! runs out of the reserve as well, it faults in the guard, and nothing can be done for it.
//!
//! A frame larger than the reserve could jump over it and the guard; compiled Rust does not, as it probes
//! each page of a large frame in order.
//!
//! The memory is not zeroed: compiled code writes its stack before it reads it.
#![no_std]

use core::fmt;
use core::mem::ManuallyDrop;

use memory_types::state::Mapped;
use memory_types::{PAGE_SIZE, PageRange, VirtAddr, pages_for};
use page_allocator::{Area, OutOfPages, Pages};
use paging::{Backing, MapError, WalkError};

/// Pages below the reserve that are never mapped.
const GUARD_PAGES: usize = 1;
/// Pages for unwinding after an overflow: the unwinder's register and table state, and the destructors' own needs.
const RESERVE_PAGES: usize = RESERVE_BYTES / PAGE_SIZE;
/// Bytes for unwinding after an overflow.
pub const RESERVE_BYTES: usize = 32 * 1024;
/// The largest usable part: a limit that catches mistakes, far above any need.
pub const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Why there is no stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StackError {
    /// Zero bytes, or more than [`MAX_BYTES`].
    Size(usize),
    /// No virtual pages.
    OutOfPages(OutOfPages),
    /// No frames, or no page tables.
    Map(MapError),
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size(bytes) => {
                write!(f, "a stack cannot have {bytes} bytes; between 1 and {MAX_BYTES} are possible")
            }
            Self::OutOfPages(error) => error.fmt(f),
            Self::Map(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for StackError {}

/// An owned stack. Dropping it unmaps it, which waits for the other cores: never do so on the stack itself, or
/// with a spin lock held.
///
/// ```
/// # paging::host::start();
/// let stack = task_stack::Stack::allocate(16 * 1024)?;
/// assert_eq!(stack.usable().len(), 16 * 1024);
/// let below = stack.usable().start() - 8u64;
/// assert!(stack.overflowed(below));
/// # Ok::<(), task_stack::StackError>(())
/// ```
#[must_use = "dropping it unmaps the stack"]
pub struct Stack {
    pages: ManuallyDrop<Pages<Mapped>>,
}

impl Stack {
    /// A stack with at least `bytes` usable bytes, in whole pages.
    ///
    /// # Errors
    /// If memory or addresses run out, or if the size makes no sense.
    pub fn allocate(bytes: usize) -> Result<Self, StackError> {
        if bytes == 0 || bytes > MAX_BYTES {
            return Err(StackError::Size(bytes));
        }
        let usable = GUARD_PAGES + RESERVE_PAGES;
        let count = usable + pages_for(bytes);
        let pages = page_allocator::allocate(Area::Dynamic, count, 1).map_err(StackError::OutOfPages)?;
        // On failure `stack` is dropped, and takes back what was mapped so far.
        let mut stack = Self { pages: ManuallyDrop::new(pages.into_mapped()) };
        paging::attach(&mut stack.pages, GUARD_PAGES..usable, Backing::Reserve).map_err(StackError::Map)?;
        paging::attach(&mut stack.pages, usable..count, Backing::Raw).map_err(StackError::Map)?;
        Ok(stack)
    }

    /// The address after the last byte, a multiple of 4096: where the stack pointer begins.
    #[must_use]
    pub fn top(&self) -> VirtAddr {
        self.pages.start() + self.pages.range().len() as u64
    }

    /// The part that is always accessible.
    #[must_use]
    pub fn usable(&self) -> PageRange {
        self.part(GUARD_PAGES + RESERVE_PAGES, self.pages.count())
    }

    /// The part that is accessible once it was opened.
    #[must_use]
    pub fn reserve(&self) -> PageRange {
        self.part(GUARD_PAGES, GUARD_PAGES + RESERVE_PAGES)
    }

    fn part(&self, first: usize, end: usize) -> PageRange {
        self.pages.range().slice(first, end).expect("every stack has a guard, a reserve and a usable part")
    }

    /// Whether `address` lies in the usable part or the reserve, so that frames of this task may be there.
    #[must_use]
    pub fn contains(&self, address: VirtAddr) -> bool {
        self.usable().contains(address) || self.reserve().contains(address)
    }

    /// Whether a fault at `address` means that this stack was used up: it lies in the guard, or in the reserve
    /// while that is closed. With the reserve open already ([`reserve_is_open`](Self::reserve_is_open)) the task
    /// cannot be unwound on its stack any more.
    #[must_use]
    pub fn overflowed(&self, address: VirtAddr) -> bool {
        self.part(0, GUARD_PAGES).contains(address)
            || self.reserve().contains(address) && !self.reserve_is_open()
    }

    /// Whether the reserve was opened.
    #[must_use]
    pub fn reserve_is_open(&self) -> bool {
        paging::translate(self.reserve().start()).is_some()
    }

    /// Makes the reserve accessible. Takes no lock and allocates nothing: for the fault handler.
    ///
    /// # Errors
    /// Never for a stack that was made by [`allocate`](Self::allocate); the page tables would have to be damaged.
    ///
    /// # Safety
    /// Called on another stack than this one, while the task does not run: what its fault means has been decided.
    pub unsafe fn open_reserve(&self) -> Result<(), WalkError> {
        // SAFETY: the reserve's pages belong to this stack.
        unsafe { paging::open_reserve(self.reserve()) }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: a destructor runs once, and nothing uses the field after it.
        let pages = unsafe { ManuallyDrop::take(&mut self.pages) };
        // A failure is logged there, and what is lost by it is lost on purpose.
        let _ = paging::retire(pages);
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stack({:#x}..{:#x})", self.usable().start(), self.top())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;

    use super::*;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    fn machine() -> MutexGuard<'static, ()> {
        static ONE: Mutex<()> = Mutex::new(());
        let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        paging::host::start();
        guard
    }

    fn accessible(address: VirtAddr) -> bool {
        paging::translate(address).is_some_and(|found| found.writable && !found.executable)
    }

    #[test]
    fn only_the_usable_part_is_accessible_until_the_reserve_is_opened() {
        let _machine = machine();
        let stack = Stack::allocate(20_000).unwrap();
        assert_eq!((stack.usable().count(), stack.reserve().len()), (5, RESERVE_BYTES));
        assert!(stack.top().is_aligned(16u64));
        let (usable, reserve) = (stack.usable().start(), stack.reserve().start());
        let guard = reserve - PAGE_SIZE as u64;
        assert!(accessible(usable) && accessible(stack.top() - 1));
        assert!(!accessible(usable - 1) && !accessible(reserve) && !accessible(guard));
        assert!(stack.overflowed(usable - 1) && stack.overflowed(guard) && !stack.overflowed(usable));
        assert!(!stack.overflowed(guard - 1) && !stack.overflowed(stack.top()));
        assert!(stack.contains(usable - 1) && stack.contains(usable) && !stack.contains(stack.top()));

        let free = frame_allocator::stats().free;
        // SAFETY: no task runs on this stack.
        unsafe { stack.open_reserve().unwrap() };
        assert_eq!(frame_allocator::stats().free, free);
        assert!(
            stack.reserve_is_open() && accessible(usable - 1) && accessible(reserve) && !accessible(guard)
        );
        assert!(!stack.overflowed(usable - 1) && stack.overflowed(guard));
        // SAFETY: the whole of it is mapped now, and ours.
        unsafe { reserve.as_mut_ptr::<u8>().write_bytes(0x5a, RESERVE_BYTES + 20_000) };
    }

    #[test]
    fn all_of_it_is_returned_opened_or_not() {
        let _machine = machine();
        drop(Stack::allocate(1).unwrap());
        let (free, used) = (frame_allocator::stats().free, page_allocator::stats(Area::Dynamic).used);
        for open in [false, true] {
            let stack = Stack::allocate(4096).unwrap();
            assert_eq!(free - frame_allocator::stats().free, RESERVE_PAGES + 1);
            if open {
                // SAFETY: no task runs on this stack.
                unsafe { stack.open_reserve().unwrap() };
            }
            drop(stack);
            assert_eq!(
                (frame_allocator::stats().free, page_allocator::stats(Area::Dynamic).used),
                (free, used)
            );
        }
    }

    #[test]
    fn senseless_sizes_and_exhaustion_are_errors() {
        let _machine = machine();
        assert!(matches!(Stack::allocate(0), Err(StackError::Size(0))));
        assert!(matches!(Stack::allocate(usize::MAX), Err(StackError::Size(_))));
        let free = frame_allocator::stats().free;
        assert!(matches!(Stack::allocate(MAX_BYTES), Err(StackError::Map(_))), "the machine has 64 MiB");
        assert!(free - frame_allocator::stats().free < 64, "page tables may stay, frames may not");
    }
}
