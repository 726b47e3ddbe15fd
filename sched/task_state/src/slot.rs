//! A task's result on its way to whoever joins it.
//!
//! ```text
//!             register                    complete
//!   EMPTY ───────────────▶ WAITING ──────────────────▶ DONE (the waiter is handed to the completer)
//!     │  │     complete       │
//!     │  └────────────────────┼──────────────────────▶ DONE
//!     └───────────────────────┴──▶ DETACHED (receiver dropped: the sender gets its value back)
//! ```
//!
//! The value belongs to the sender until it swaps DONE in, and to the receiver from then on. The waiter belongs to the
//! receiver until WAITING is in, and from then on to whoever takes the word out of WAITING.

#[cfg(not(loom))]
use alloc::sync::Arc;
use core::fmt;
#[cfg(loom)]
use loom::sync::Arc;

use crate::atomics::{AtomicU32, Ordering::*};
use cell::UnsafeCell;

/// Loom checks accesses to its own cell; elsewhere the same interface over core's.
mod cell {
    #[cfg(loom)]
    pub use loom::cell::UnsafeCell;

    #[cfg(not(loom))]
    pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);
    #[cfg(not(loom))]
    impl<T> UnsafeCell<T> {
        pub const fn new(value: T) -> Self {
            UnsafeCell(core::cell::UnsafeCell::new(value))
        }

        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

const EMPTY: u32 = 0;
const WAITING: u32 = 1;
const DONE: u32 = 2;
const DETACHED: u32 = 3;

struct Slot<T, W> {
    state: AtomicU32,
    value: UnsafeCell<Option<T>>,
    waiter: UnsafeCell<Option<W>>,
}

// SAFETY: the state word hands value and waiter from one side to the other as drawn above; neither is ever
// touched by both sides at once, and both may be sent.
unsafe impl<T: Send, W: Send> Send for Slot<T, W> {}
// SAFETY: as above.
unsafe impl<T: Send, W: Send> Sync for Slot<T, W> {}

impl<T, W> Slot<T, W> {
    /// # Safety
    /// The caller's side owns the value at this moment.
    unsafe fn value(&self) -> Option<T> {
        // SAFETY: the caller's.
        self.value.with_mut(|value| unsafe { (*value).take() })
    }

    /// # Safety
    /// The caller's side owns the waiter at this moment.
    unsafe fn waiter(&self) -> Option<W> {
        // SAFETY: the caller's.
        self.waiter.with_mut(|waiter| unsafe { (*waiter).take() })
    }
}

/// The two ends of a slot for one result of type `T`; a waiting receiver leaves a `W` to be woken by.
pub fn result_slot<T, W>() -> (ResultSender<T, W>, ResultReceiver<T, W>) {
    let slot = Arc::new(Slot {
        state: AtomicU32::new(EMPTY),
        value: UnsafeCell::new(None),
        waiter: UnsafeCell::new(None),
    });
    (ResultSender { slot: Some(slot.clone()) }, ResultReceiver { slot })
}

/// What the sender has to do after it completed.
#[derive(Debug)]
#[must_use]
pub enum Completed<T, W> {
    /// Nobody waits yet; the receiver finds the value.
    Delivered,
    /// Wake this one.
    Wake(W),
    /// The receiver is gone: here is the value back, to be dropped where dropping is safe.
    Detached(Option<T>),
}

/// The end that brings the result. Dropping it without [`ResultSender::complete`] delivers that there is none.
pub struct ResultSender<T, W> {
    slot: Option<Arc<Slot<T, W>>>,
}

impl<T, W> ResultSender<T, W> {
    /// Delivers the result.
    pub fn complete(mut self, value: T) -> Completed<T, W> {
        match self.slot.take() {
            Some(slot) => finish(&slot, Some(value)),
            None => unreachable!("the slot is taken by `complete`, which consumes the sender, and by `drop`"),
        }
    }
}

fn finish<T, W>(slot: &Slot<T, W>, value: Option<T>) -> Completed<T, W> {
    // SAFETY: the value is the sender's until the swap below.
    slot.value.with_mut(|place| unsafe { *place = value });
    // AcqRel: releases the value to the receiver, and acquires the waiter from it.
    match slot.state.swap(DONE, AcqRel) {
        // SAFETY: the swap took the word out of WAITING, so the waiter is ours.
        WAITING => match unsafe { slot.waiter() } {
            Some(waiter) => Completed::Wake(waiter),
            None => Completed::Delivered,
        },
        // SAFETY: the receiver left before, and does not look at the value.
        DETACHED => Completed::Detached(unsafe { slot.value() }),
        _ => Completed::Delivered,
    }
}

impl<T, W> Drop for ResultSender<T, W> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            // A waiter cannot be woken from here (this crate knows no way), so the scheduler always completes;
            // a sender is dropped only with a task that was never started, whose receiver nobody has yet.
            let _ = finish(&slot, None);
        }
    }
}

/// Whether a waiter was left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub enum Registered {
    /// The completer will wake it.
    Waiting,
    /// The result is there.
    Done,
}

/// The end that takes the result. Dropping it detaches: the result goes back to the sender.
pub struct ResultReceiver<T, W> {
    slot: Arc<Slot<T, W>>,
}

impl<T, W> ResultReceiver<T, W> {
    /// Whether the result is there.
    pub fn is_done(&self) -> bool {
        self.slot.state.load(Acquire) == DONE
    }

    /// Leaves a waiter for the completer to wake, unless the result is there. A second call keeps the first waiter.
    pub fn register(&mut self, waiter: impl FnOnce() -> W) -> Registered {
        match self.slot.state.load(Acquire) {
            DONE => return Registered::Done,
            WAITING => return Registered::Waiting,
            _ => {}
        }
        let waiter = waiter();
        // SAFETY: the state is EMPTY or DONE by now, and in neither does the sender look at the waiter.
        self.slot.waiter.with_mut(|place| unsafe { *place = Some(waiter) });
        if self.slot.state.compare_exchange(EMPTY, WAITING, AcqRel, Acquire).is_ok() {
            return Registered::Waiting;
        }
        // SAFETY: the sender completed before it could see a waiter, so that one is still ours.
        drop(unsafe { self.slot.waiter() });
        Registered::Done
    }

    /// Takes the result: `None` before it is there, `Some(None)` if the sender was dropped without one, or if it
    /// has been taken.
    pub fn take(&mut self) -> Option<Option<T>> {
        // SAFETY: once DONE is in, the value is the receiver's.
        self.is_done().then(|| unsafe { self.slot.value() })
    }
}

impl<T, W> Drop for ResultReceiver<T, W> {
    fn drop(&mut self) {
        let mut state = self.slot.state.load(Acquire);
        while state != DONE {
            match self.slot.state.compare_exchange_weak(state, DETACHED, AcqRel, Acquire) {
                Ok(_) => {
                    // SAFETY: we took the word out of WAITING (or there is no waiter), so the waiter is ours.
                    drop(unsafe { self.slot.waiter() });
                    return;
                }
                Err(now) => state = now,
            }
        }
        // SAFETY: DONE: the value is ours. It is dropped here, where a receiver is dropped.
        drop(unsafe { self.slot.value() });
    }
}

impl<T, W> fmt::Debug for ResultSender<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultSender").finish_non_exhaustive()
    }
}

impl<T, W> fmt::Debug for ResultReceiver<T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResultReceiver").field("done", &self.is_done()).finish_non_exhaustive()
    }
}
