//! A counting semaphore.

use core::sync::atomic::{AtomicUsize, Ordering::*};

use crate::WaitQueue;

/// A number of permits. Taking the last one makes the next task wait.
#[derive(Debug)]
pub struct Semaphore {
    permits: AtomicUsize,
    queue: WaitQueue,
}

impl Semaphore {
    /// A semaphore with this many permits.
    pub const fn new(permits: usize) -> Self {
        Semaphore { permits: AtomicUsize::new(permits), queue: WaitQueue::new() }
    }

    /// Takes a permit for good, waiting for one if there is none. Somebody gives one back with [`Semaphore::up`].
    ///
    /// # Panics
    /// As [`scheduler::park`], if there is none.
    #[inline]
    pub fn down(&self) {
        if !self.try_down() {
            self.queue.wait_until(|| self.try_down().then_some(()));
        }
    }

    /// As [`Semaphore::down`], for at most `ns` nanoseconds. Returns whether a permit was taken.
    ///
    /// # Panics
    /// As [`scheduler::park`], if there is none.
    pub fn down_timeout(&self, ns: u64) -> bool {
        self.queue.wait_until_timeout(ns, || self.try_down().then_some(())).is_some()
    }

    /// Takes a permit if there is one.
    #[inline]
    pub fn try_down(&self) -> bool {
        let mut permits = self.permits.load(Relaxed);
        while permits != 0 {
            match self.permits.compare_exchange_weak(permits, permits - 1, Acquire, Relaxed) {
                Ok(_) => return true,
                Err(now) => permits = now,
            }
        }
        false
    }

    /// Adds a permit. Callable in interrupt handlers.
    ///
    /// # Panics
    /// If there are `usize::MAX` permits.
    #[inline]
    pub fn up(&self) {
        let before = self.permits.fetch_add(1, Release);
        assert!(before != usize::MAX, "a semaphore has too many permits: `up` without `down`");
        self.queue.wake_one();
    }

    /// Takes a permit that goes back when the returned value is dropped.
    ///
    /// # Panics
    /// As [`Semaphore::down`].
    #[inline]
    pub fn acquire(&self) -> Permit<'_> {
        self.down();
        Permit(self)
    }

    /// How many permits there are at this moment.
    pub fn permits(&self) -> usize {
        self.permits.load(Relaxed)
    }
}

/// A permit that goes back when it is dropped.
#[must_use = "the permit goes back at once if it is not kept"]
#[derive(Debug)]
pub struct Permit<'a>(&'a Semaphore);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.up();
    }
}
