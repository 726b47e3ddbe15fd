//! One value per core, each on cache lines of its own.

use core::fmt;

use crossbeam_utils::CachePadded;

use crate::core_id::{CoreId, MAX_CORES};
use crate::guard::Pinned;

/// One `T` for every core that can exist, padded so that no two share a cache line.
///
/// It lends shared references to all of them, so `T` brings its own interior mutability. A value
/// that only its own core may touch is expressed by the `T`'s API, which can ask for a
/// [`Pinned`] witness as [`PerCore::this`] does.
pub struct PerCore<T>([CachePadded<T>; MAX_CORES]);

impl<T> PerCore<T> {
    /// From an array with one entry per core. In a static, [`per_core!`](crate::per_core) is shorter.
    pub const fn new(values: [CachePadded<T>; MAX_CORES]) -> Self {
        Self(values)
    }

    /// Makes each core's value with `make`.
    pub fn from_fn(mut make: impl FnMut(CoreId) -> T) -> Self {
        let mut ids = CoreId::all();
        Self(core::array::from_fn(|_| match ids.next() {
            Some(id) => CachePadded::new(make(id)),
            None => unreachable!("CoreId::all yields MAX_CORES ids"),
        }))
    }

    /// The value of one core.
    #[inline]
    pub fn get(&self, core: CoreId) -> &T {
        &self.0[core.index()]
    }

    /// The value of one core, exclusively.
    #[inline]
    pub fn get_mut(&mut self, core: CoreId) -> &mut T {
        &mut self.0[core.index()]
    }

    /// The value of this core. The witness proves that this stays the same core while the
    /// reference lives.
    #[inline]
    pub fn this<'a>(&'a self, witness: &'a impl Pinned) -> &'a T {
        self.get(witness.core())
    }

    /// All values with their cores, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (CoreId, &T)> {
        CoreId::all().zip(self.0.iter().map(|padded| &**padded))
    }
}

impl<T: fmt::Debug> fmt::Debug for PerCore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(core, value)| (core.index(), value))).finish()
    }
}

/// A [`PerCore`] whose values all come from one constant expression.
///
/// ```
/// use core::sync::atomic::AtomicU64;
/// use core_local::{PerCore, per_core};
/// static TICKS: PerCore<AtomicU64> = per_core!(AtomicU64::new(0));
/// # assert_eq!(TICKS.iter().count(), core_local::MAX_CORES);
/// ```
#[macro_export]
macro_rules! per_core {
    ($value:expr) => {
        $crate::PerCore::new([const { $crate::CachePadded::new($value) }; $crate::MAX_CORES])
    };
}
