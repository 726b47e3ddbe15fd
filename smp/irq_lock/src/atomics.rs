//! The atomics and cells of the machine, or loom's in a model: the lock is written once.

#[cfg(not(loom))]
mod chosen {
    pub use core::hint::spin_loop;
    pub use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32};

    /// `UnsafeCell` behind loom's closure interface.
    #[repr(transparent)]
    pub struct DataCell<T: ?Sized>(core::cell::UnsafeCell<T>);

    impl<T> DataCell<T> {
        pub const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }
        pub fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    impl<T: ?Sized> DataCell<T> {
        #[inline]
        pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }
        #[inline]
        pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }
}

#[cfg(loom)]
mod chosen {
    // Its `with` hands out raw pointers, as ours does: the name loses nothing.
    #[allow(clippy::unsafe_removed_from_name)]
    pub use loom::cell::UnsafeCell as DataCell;
    pub use loom::hint::spin_loop;
    pub use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32};
}

pub use chosen::*;
