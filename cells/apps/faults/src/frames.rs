//! The task that fails: two frames that own something, above one that fails.
//!
//! The frames must be real. Each is a function that is not inlined, called through a pointer that the
//! compiler cannot see through; otherwise it could prove that a `ud2` never unwinds, and leave the landing pads out.

use alloc::{boxed::Box, sync::Arc};
use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering};
use scheduler::{Builder, JoinHandle, SpawnError};

/// Counts the objects of one task, and how many of their destructors ran. One too many is as wrong as one too few.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    held: AtomicUsize,
    dropped: AtomicUsize,
}

impl Tally {
    /// Nothing held, nothing dropped.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many objects the task held when it failed.
    pub fn held(&self) -> usize {
        self.0.held.load(Ordering::Relaxed)
    }

    /// How many destructors ran.
    pub fn dropped(&self) -> usize {
        self.0.dropped.load(Ordering::Relaxed)
    }

    fn hold(&self) -> Held {
        self.0.held.fetch_add(1, Ordering::Relaxed);
        Held { tally: self.clone(), _memory: Box::new([0x5a; 64]) }
    }
}

/// An object with a destructor. It owns memory too, as most do.
struct Held {
    tally: Tally,
    _memory: Box<[u8; 64]>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.tally.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts a task that holds objects and then calls `trigger`.
pub fn spawn(trigger: fn(), tally: &Tally) -> Result<JoinHandle<()>, SpawnError> {
    let tally = tally.clone();
    Builder::new("fault").spawn(move || outer(&tally, trigger))
}

#[inline(never)]
fn outer(tally: &Tally, trigger: fn()) {
    let _objects = [tally.hold(), tally.hold()];
    let call: fn(&Tally, fn()) = black_box(inner);
    call(tally, trigger);
}

#[inline(never)]
fn inner(tally: &Tally, trigger: fn()) {
    let _objects = (tally.hold(), Box::new(tally.hold()), tally.hold());
    let call: fn() = black_box(trigger);
    call();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_runs_every_destructor_once() {
        let tally = Tally::new();
        let result = unwind::catch(|| outer(&tally, crate::trigger::panic));
        assert!(result.is_err());
        assert_eq!((tally.held(), tally.dropped()), (5, 5));
    }
}
