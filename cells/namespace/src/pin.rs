//! Pins: while somebody runs in a cell, it is not freed.
//!
//! A pin is taken where the cell is looked up, under the namespace's lock, and counted there; a swap that would free the
//! cell looks at the count under the same lock, after it has made the cell impossible to look up. So there is no moment at which
//! a pin appears on a cell that is about to go.

use alloc::{string::String, sync::Arc};
use core::ops::Deref;
use core::sync::atomic::{AtomicUsize, Ordering};

/// What a cell and its pins share.
#[derive(Debug)]
pub(crate) struct Pins {
    pub name: String,
    count: AtomicUsize,
}

impl Pins {
    pub fn new(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.into(), count: AtomicUsize::new(0) })
    }
    pub fn count(&self) -> usize {
        // Acquire: what the last user did in the cell is over before it is freed.
        self.count.load(Ordering::Acquire)
    }
}

/// Keeps one cell loaded.
#[derive(Debug)]
#[must_use]
pub struct CellPin(Arc<Pins>);

impl CellPin {
    /// To be called under the namespace's lock.
    pub(crate) fn new(pins: &Arc<Pins>) -> Self {
        pins.count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(pins))
    }

    /// The cell's name.
    #[must_use]
    pub fn cell(&self) -> &str {
        &self.0.name
    }
}

impl Clone for CellPin {
    fn clone(&self) -> Self {
        // The count is above zero already, so no lock is needed.
        self.0.count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for CellPin {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Release);
    }
}

/// Something that lies in a cell, with a pin on it: a command, a benchmark, the cell's entry. It and the texts in it
/// (they say `'static`, because the cell cannot know better) are valid as long as this value.
#[derive(Clone, Debug)]
pub struct Pinned<T: 'static> {
    item: &'static T,
    pin: CellPin,
}

impl<T> Pinned<T> {
    pub(crate) fn new(item: &'static T, pin: CellPin) -> Self {
        Self { item, pin }
    }

    /// The pin.
    pub fn pin(&self) -> &CellPin {
        &self.pin
    }
}

impl<T> Deref for Pinned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.item
    }
}
