//! The lock itself.

use core::fmt;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::Ordering;

use core_local::{IrqGuard, executor, irq_disable};

use crate::atomics::{AtomicU32, DataCell, spin_loop};
use crate::held::{self, Header};

/// Data behind a spin lock that is held with interrupts off.
///
/// ```
/// use irq_lock::IrqLock;
/// static LOG: IrqLock<[u8; 4]> = IrqLock::new("log", [0; 4]);
/// LOG.lock()[0] = 1;
/// assert!(core_local::irqs_enabled());
/// ```
///
/// A guard cannot leave its core:
/// ```compile_fail
/// # let lock = irq_lock::IrqLock::new("x", 0);
/// fn send<T: Send>(_: T) {}
/// send(lock.lock());
/// ```
pub struct IrqLock<T: ?Sized> {
    header: Header,
    data: DataCell<T>,
}

// SAFETY: the lock hands the data to one holder at a time, on whichever core that is.
unsafe impl<T: ?Sized + Send> Send for IrqLock<T> {}
// SAFETY: as above; a shared lock gives access to one holder at a time, hence `Send` is enough.
unsafe impl<T: ?Sized + Send> Sync for IrqLock<T> {}

impl<T> IrqLock<T> {
    /// A free lock. The name is for messages about it.
    #[cfg(not(loom))]
    pub const fn new(name: &'static str, value: T) -> Self {
        Self { header: Header::new(name), data: DataCell::new(value) }
    }

    /// A free lock. Loom's atomics have no const constructor.
    #[cfg(loom)]
    pub fn new(name: &'static str, value: T) -> Self {
        Self { header: Header::new(name), data: DataCell::new(value) }
    }

    /// The data, when nobody can hold the lock any more.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> IrqLock<T> {
    /// Turns interrupts off and takes the lock, waiting for it if need be.
    ///
    /// # Panics
    /// If this core already holds the lock: it would wait for itself. The message names the lock
    /// and the lock that was taken last.
    #[inline]
    pub fn lock(&self) -> IrqLockGuard<'_, T> {
        loop {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            // The guard of the failed attempt is gone, so interrupts are as the caller had them.
            self.wait_until_free();
        }
    }

    /// Takes the lock if it is free; a `None` may be spurious only in that the lock has become free since.
    #[inline]
    pub fn try_lock(&self) -> Option<IrqLockGuard<'_, T>> {
        let irq = irq_disable();
        // Acquire: what the last holder wrote is visible. Strong: a failure means that it was held.
        let taken = self.word().compare_exchange(0, executor(), Ordering::Acquire, Ordering::Relaxed);
        if taken.is_err() {
            return None;
        }
        held::push(&self.header);
        Some(IrqLockGuard { lock: self, _irq: irq })
    }

    /// The name given at construction.
    pub fn name(&self) -> &'static str {
        self.header.name
    }

    /// Whether some core holds the lock at this moment: for reports.
    pub fn is_locked(&self) -> bool {
        self.word().load(Ordering::Relaxed) != 0
    }

    /// Whether a fault has abandoned this lock while it was held, so that the data may be half changed.
    pub fn is_poisoned(&self) -> bool {
        self.header.poisoned.load(Ordering::Relaxed)
    }

    /// Says that the data has been checked or put right after [`is_poisoned`](Self::is_poisoned).
    pub fn clear_poison(&self) {
        self.header.poisoned.store(false, Ordering::Relaxed);
    }

    /// The data, through an exclusive reference: nobody can hold the lock.
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self` excludes guards, which borrow the lock.
        self.data.with_mut(|data| unsafe { &mut *data })
    }

    fn word(&self) -> &AtomicU32 {
        &self.header.holder
    }

    #[cold]
    #[inline(never)]
    fn wait_until_free(&self) {
        loop {
            let holder = self.word().load(Ordering::Relaxed);
            if holder == 0 {
                return;
            }
            // A task that holds a lock cannot migrate, so if the number is ours, and stays ours while
            // we look, the holder is below us on this very stack.
            let irq = irq_disable();
            if self.word().load(Ordering::Relaxed) == executor() {
                self.would_deadlock();
            }
            drop(irq);
            spin_loop();
        }
    }

    #[cold]
    fn would_deadlock(&self) -> ! {
        panic!(
            "{} asks for the lock `{}`, which it already holds; the lock it took last is `{}`",
            core_local::current(),
            self.name(),
            held::first_held().unwrap_or("(none on its list)")
        )
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for IrqLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("IrqLock");
        out.field("name", &self.name());
        match self.try_lock() {
            Some(data) => out.field("data", &&*data),
            None => out.field("data", &format_args!("<locked>")),
        };
        out.finish()
    }
}

/// The right to the data of an [`IrqLock`]. Dropping it releases the lock, then restores interrupts.
///
/// Neither `Send` nor `Sync`: it holds the [`IrqGuard`], a witness about the core that took the lock and no other.
///
/// # Panics
/// Its drop panics, with interrupts left off, if it would turn them on while a lock that was taken later is held:
/// guards are dropped in the reverse of the order in which they were taken.
#[must_use = "the lock is held only while the guard lives"]
pub struct IrqLockGuard<'a, T: ?Sized> {
    lock: &'a IrqLock<T>,
    // Dropped after `Drop::drop` below has released the lock: interrupts come back last.
    _irq: IrqGuard,
}

impl<T: ?Sized> IrqLockGuard<'_, T> {
    /// The witness that interrupts are off, for [`core_local::PerCore::this`].
    pub fn irq_guard(&self) -> &IrqGuard {
        &self._irq
    }
}

impl<T: ?Sized> Deref for IrqLockGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds the lock, so nobody has `&mut` to the data.
        self.lock.data.with(|data| unsafe { &*data })
    }
}

impl<T: ?Sized> DerefMut for IrqLockGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds the lock and is borrowed exclusively.
        self.lock.data.with_mut(|data| unsafe { &mut *data })
    }
}

impl<T: ?Sized> Drop for IrqLockGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        held::remove(&self.lock.header);
        // Release: what this holder wrote is visible to the next.
        self.lock.word().store(0, Ordering::Release);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for IrqLockGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
