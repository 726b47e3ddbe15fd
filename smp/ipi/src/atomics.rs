//! The atomics and cells of the machine, or loom's in a model: the protocols are written once.

#[cfg(not(loom))]
mod chosen {
    pub use core::sync::atomic::{AtomicU32, AtomicU64};

    /// `UnsafeCell` behind loom's closure interface.
    #[repr(transparent)]
    pub struct DataCell<T>(core::cell::UnsafeCell<T>);

    impl<T> DataCell<T> {
        pub const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }
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
    pub use loom::sync::atomic::{AtomicU32, AtomicU64};
}

pub use chosen::*;
