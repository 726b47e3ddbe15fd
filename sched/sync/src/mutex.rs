//! Mutual exclusion for tasks.
//!
//! ```text
//!   0                     free
//!   2 × (holder's id + 1) held
//!   the same + 1          held, and somebody may wait
//! ```
//!
//! The word names the holder for a reason beyond messages: a task that faults can lose the destructors of its innermost frame, a
//! guard among them. Whoever waits looks from time to time whether the holder still lives, and if it does not, takes the lock over, poisoned. So no
//! lock is held by the dead for ever.

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};

use crate::WaitQueue;

/// How often a waiter looks whether the holder still lives, in nanoseconds.
const HOLDER_CHECK_NS: u64 = 50_000_000;

const WAITERS: u64 = 1;

/// The word of a lock that the caller holds. (The boot context has the number 0.)
#[inline]
fn mine() -> u64 {
    (scheduler::current_id() + 1) << 1
}

/// The number of the task that holds the lock, if it is held.
fn holder(word: u64) -> Option<u64> {
    (word >> 1).checked_sub(1)
}

/// Data that one task at a time may use; the others sleep.
pub struct Mutex<T: ?Sized> {
    word: AtomicU64,
    poisoned: AtomicBool,
    queue: WaitQueue,
    data: UnsafeCell<T>,
}

// SAFETY: the lock hands the data from task to task.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as above: one task at a time has access.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}

/// The lock was held by a task that died or unwound, so the data may be half changed. The guard is inside, for who can cope.
pub struct Poisoned<G>(G);

impl<G> Poisoned<G> {
    /// The guard; the caller takes the data as it is.
    pub fn into_inner(self) -> G {
        self.0
    }
}

impl<G> fmt::Debug for Poisoned<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Poisoned(..)")
    }
}

impl<G> fmt::Display for Poisoned<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task died while it held this lock; check the data, then `clear_poison`")
    }
}

impl<G> core::error::Error for Poisoned<G> {}

impl<T> Mutex<T> {
    /// A free lock around `data`.
    pub const fn new(data: T) -> Self {
        Mutex {
            word: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
            queue: WaitQueue::new(),
            data: UnsafeCell::new(data),
        }
    }

    /// The data, when nobody else can have it any more.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the lock is free, and takes it.
    ///
    /// # Errors
    /// [`Poisoned`], with the guard, if a task died while it held the lock.
    ///
    /// # Panics
    /// If the calling task holds it already. As [`scheduler::park`], if it is not free.
    #[inline]
    pub fn lock(&self) -> Result<MutexGuard<'_, T>, Poisoned<MutexGuard<'_, T>>> {
        let me = mine();
        if self.word.compare_exchange(0, me, Acquire, Relaxed).is_err() {
            self.lock_slow(me);
        }
        self.guard()
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// As [`Mutex::lock`].
    #[inline]
    pub fn try_lock(&self) -> Option<Result<MutexGuard<'_, T>, Poisoned<MutexGuard<'_, T>>>> {
        let me = mine();
        self.word.compare_exchange(0, me, Acquire, Relaxed).ok().map(|_| self.guard())
    }

    #[inline]
    fn guard(&self) -> Result<MutexGuard<'_, T>, Poisoned<MutexGuard<'_, T>>> {
        let guard = MutexGuard { mutex: self, in_unwind: scheduler::is_unwinding(), not_send: PhantomData };
        if self.poisoned.load(Relaxed) { Err(Poisoned(guard)) } else { Ok(guard) }
    }

    #[cold]
    fn lock_slow(&self, me: u64) {
        loop {
            let taken =
                self.queue.wait_until_timeout(HOLDER_CHECK_NS, || self.take_or_mark(me).then_some(()));
            if taken.is_some() {
                return;
            }
            let word = self.word.load(Relaxed);
            // The holder's death happened before it left the registry, whose lock orders it before us.
            if let Some(holder) = holder(word)
                && !scheduler::is_alive(holder)
                && self.word.compare_exchange(word, me | WAITERS, Acquire, Relaxed).is_ok()
            {
                self.poisoned.store(true, Relaxed);
                return;
            }
        }
    }

    /// Takes the lock if it is free, keeping the mark that others may wait; else leaves the mark.
    fn take_or_mark(&self, me: u64) -> bool {
        let mut word = self.word.load(Relaxed);
        loop {
            assert!(word & !WAITERS != me, "the task holds this mutex already, and would wait for itself");
            let next = if word == 0 { me | WAITERS } else { word | WAITERS };
            if word == next {
                return false;
            }
            match self.word.compare_exchange_weak(word, next, Acquire, Relaxed) {
                Ok(_) => return word == 0,
                Err(now) => word = now,
            }
        }
    }

    /// Whether a task died while it held the lock.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Relaxed)
    }

    /// Says that the data has been checked or put right.
    pub fn clear_poison(&self) {
        self.poisoned.store(false, Relaxed);
    }

    /// The data, through an exclusive reference.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Mutex");
        match self.try_lock() {
            Some(Ok(guard)) => out.field("data", &&*guard),
            Some(Err(poisoned)) => out.field("data (poisoned)", &&*poisoned.into_inner()),
            None => out.field("data", &format_args!("<locked>")),
        };
        out.finish()
    }
}

/// The right to use the data; dropping it frees the lock. If it is dropped by an unwind, the lock is poisoned.
#[must_use = "the lock is held only while the guard lives"]
pub struct MutexGuard<'a, T: ?Sized> {
    mutex: &'a Mutex<T>,
    /// The lock was taken by a destructor during an unwind: then its end is not a sign of a half-done change.
    in_unwind: bool,
    /// The word names the task that took it.
    not_send: PhantomData<*const ()>,
}

// SAFETY: sharing the guard shares the data.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists only while this task holds the lock.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed exclusively.
        unsafe { &mut *self.mutex.data.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if scheduler::is_unwinding() && !self.in_unwind {
            self.mutex.poisoned.store(true, Relaxed); // published by the Release below
        }
        if self.mutex.word.swap(0, Release) & WAITERS != 0 {
            self.mutex.queue.wake_one();
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
