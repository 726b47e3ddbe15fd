//! The list of locks that a core holds.
//!
//! A stack, linked through the locks' own headers, its head in the core's block. Only the holder's
//! core touches it, with interrupts off, so plain relaxed accesses do. Taking a lock costs one load
//! and two stores for it, all in lines that the core owns anyway.

use core::ptr;
use core::sync::atomic::Ordering;

use crate::atomics::{AtomicBool, AtomicPtr, AtomicU32};

/// What a lock is apart from its data.
pub(crate) struct Header {
    /// 0 when free, else the holder's [`core_local::executor`] number.
    pub holder: AtomicU32,
    pub poisoned: AtomicBool,
    /// The lock that the holder had taken before this one.
    below: AtomicPtr<Header>,
    pub name: &'static str,
}

impl Header {
    #[cfg(not(loom))]
    pub const fn new(name: &'static str) -> Self {
        Self {
            holder: AtomicU32::new(0),
            poisoned: AtomicBool::new(false),
            below: AtomicPtr::new(ptr::null_mut()),
            name,
        }
    }

    #[cfg(loom)]
    pub fn new(name: &'static str) -> Self {
        Self {
            holder: AtomicU32::new(0),
            poisoned: AtomicBool::new(false),
            below: AtomicPtr::new(ptr::null_mut()),
            name,
        }
    }
}

impl Drop for Header {
    /// A guard that is forgotten ends its borrow, so the lock can go while it is held. Interrupts have been off since
    /// then, so this is the core that took it.
    fn drop(&mut self) {
        if self.holder.load(Ordering::Relaxed) == core_local::executor() {
            remove(self);
        }
    }
}

/// Puts a lock that was just taken on this core's list. Interrupts are off.
#[inline]
pub(crate) fn push(header: &Header) {
    header.below.store(core_local::held_locks().cast::<Header>().cast_mut(), Ordering::Relaxed);
    core_local::set_held_locks(ptr::from_ref(header).cast());
}

/// Takes a lock that is about to be released off this core's list. Interrupts are off.
#[inline]
pub(crate) fn remove(header: &Header) {
    let below = header.below.load(Ordering::Relaxed);
    if ptr::eq(core_local::held_locks().cast::<Header>(), header) {
        core_local::set_held_locks(below.cast_const().cast());
    } else {
        remove_from_within(header, below);
    }
}

/// Guards may be dropped in another order than they were taken in, as long as the first one taken goes last.
#[cold]
fn remove_from_within(header: &Header, below: *mut Header) {
    let mut above = core_local::held_locks().cast::<Header>();
    while !above.is_null() {
        // SAFETY: a lock on the list is held, and a held lock is borrowed by its guard, so it lives. One whose
        // guard was forgotten has taken itself off the list if it is gone (`Header::drop`).
        let candidate = unsafe { &*above };
        let next = candidate.below.load(Ordering::Relaxed);
        if ptr::eq(next, header) {
            candidate.below.store(below, Ordering::Relaxed);
            return;
        }
        above = next;
    }
}

/// The name of the lock that this core took last and still holds. Only meaningful while pinned.
pub fn first_held() -> Option<&'static str> {
    let irq = core_local::irq_disable();
    let head = core_local::held_locks().cast::<Header>();
    // SAFETY: with interrupts off the head cannot be released under us; a lock on the list lives, as above.
    let name = (!head.is_null()).then(|| unsafe { (*head).name });
    drop(irq);
    name
}

/// Panics if this core holds an IRQ lock. Whoever is about to wait for another core calls this:
/// that core may itself be waiting for the lock, with its interrupts off.
#[inline]
#[track_caller]
pub fn assert_none_held(what: &str) {
    if !core_local::held_locks().is_null() {
        refuse(what);
    }
}

#[cold]
#[track_caller]
fn refuse(what: &str) -> ! {
    panic!(
        "{what} while holding the lock `{}`: another core may be waiting for that lock",
        first_held().unwrap_or("?")
    )
}

/// A lock that [`release_abandoned`] released: its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbandonedLock(pub &'static str);

/// Releases every lock that this core still holds and marks each as poisoned; `report` learns which.
///
/// After a CPU fault the frame that faulted has no landing pad, so the guards in it are never dropped.
/// Once the unwinder has reached the task's entry, any lock still on the list is such a lock.
/// Interrupts are still off then; the caller turns them on.
///
/// # Safety
/// No guard of a lock that this core holds will be used or dropped any more, and the locks
/// themselves still exist (they are statics, or in memory that is not freed by the unwinding).
pub unsafe fn release_abandoned(mut report: impl FnMut(AbandonedLock)) {
    let irq = core_local::irq_disable();
    let mut head = core_local::held_locks().cast::<Header>();
    core_local::set_held_locks(ptr::null());
    while !head.is_null() {
        // SAFETY: the caller promises that the locks exist.
        let header = unsafe { &*head };
        head = header.below.load(Ordering::Relaxed);
        header.poisoned.store(true, Ordering::Relaxed);
        header.holder.store(0, Ordering::Release);
        report(AbandonedLock(header.name));
    }
    drop(irq);
}
