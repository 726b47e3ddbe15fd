//! A point that a number of tasks pass together.

use core::sync::atomic::{AtomicU64, Ordering::*};

use crate::WaitQueue;

/// A barrier for a fixed number of tasks. It can be used again at once.
#[derive(Debug)]
pub struct Barrier {
    size: u32,
    /// Round in the upper half, arrivals of this round in the lower.
    word: AtomicU64,
    queue: WaitQueue,
}

impl Barrier {
    /// A barrier for `size` tasks; one for 0 lets everyone pass, as does one for 1.
    pub const fn new(size: u32) -> Self {
        Barrier { size, word: AtomicU64::new(0), queue: WaitQueue::new() }
    }

    /// Waits until `size` tasks have arrived. Returns true to the last of them. (A task that is killed while it waits has arrived: the
    /// others are not left waiting for the dead.)
    ///
    /// # Panics
    /// As [`scheduler::park`], if it is not the last.
    pub fn wait(&self) -> bool {
        // AcqRel: what each task did before it arrived is seen by all after the barrier.
        let arrived = self.word.fetch_add(1, AcqRel);
        let (round, before) = ((arrived >> 32) as u32, arrived as u32);
        if before + 1 >= self.size {
            // Nobody else arrives in this round, so the word is ours until this store opens the next one.
            self.word.store(u64::from(round.wrapping_add(1)) << 32, Release);
            self.queue.wake_all();
            return true;
        }
        self.queue.wait_until(|| ((self.word.load(Acquire) >> 32) as u32 != round).then_some(()));
        false
    }
}
