//! Who owns each frame, by the tests' own book.

use alloc::{boxed::Box, vec::Vec};
use core::sync::atomic::{AtomicU8, Ordering};
use core_local::CoreId;

/// For each frame the core whose task has it, plus 1; 0 for none. Atomic exchanges only: that an entry is not what it
/// should be is what the test is after.
#[derive(Debug)]
pub struct Owners(Box<[AtomicU8]>);

impl Owners {
    /// Nobody owns any of `frames` frames.
    pub fn new(frames: usize) -> Self {
        Self((0..frames).map(|_| AtomicU8::new(0)).collect::<Vec<_>>().into())
    }

    /// Enters `core` as the owner of `frame`; `false` if it has one, or is not in the book.
    pub fn take(&self, frame: u64, core: CoreId) -> bool {
        self.change(frame, 0, core.index() as u8 + 1)
    }

    /// Strikes `core` out as the owner of `frame`; `false` if it is not.
    pub fn give_back(&self, frame: u64, core: CoreId) -> bool {
        self.change(frame, core.index() as u8 + 1, 0)
    }

    fn change(&self, frame: u64, from: u8, to: u8) -> bool {
        let Some(entry) = usize::try_from(frame).ok().and_then(|frame| self.0.get(frame)) else {
            return false;
        };
        entry.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_one_owner_at_a_time() {
        let (owners, other) = (Owners::new(3), CoreId::new(63).expect("below the limit"));
        assert!(owners.take(2, other) && !owners.take(2, CoreId::BOOT) && !owners.take(2, other));
        assert!(!owners.give_back(2, CoreId::BOOT) && owners.give_back(2, other));
        assert!(!owners.give_back(2, other) && owners.take(2, CoreId::BOOT));
        assert!(!owners.take(3, other) && !owners.take(u64::MAX, other));
    }
}
