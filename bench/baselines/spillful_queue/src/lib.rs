//! A baseline: run queues with *state spill*, to compare Keel's with.
//!
//! Most kernels write into a task where it is queued: Linux's `task_struct` has `on_rq` and a core, FreeBSD's thread
//! has the index of its queue. Who wants to take the task out asks the record, and goes straight to the right queue;
//! the price is that the queue's state lives on in all its tasks. Each operation must keep queue and record in step,
//! under the queue's lock; and a queue that is replaced or lost leaves records behind that nobody can put right. This
//! is the spillful run queue of Theseus's `rq_eval`.
//!
//! ```text
//!   spillful    RunQueues, a lock per core ──▶ VecDeque<Arc<Task>>   Task.on_queue = core: both or neither
//!   spill-free  a policy of each core ───────▶ TaskList of Ready     a Ready is in one place: nothing to record
//! ```
//!
//! **The pair.** In Keel a task that is ready is there once, as an owned [`sched_policy::Ready`]: it cannot be in two
//! queues, to take it out of a queue is to own it, and the task knows nothing of it. A core's queue is that core's
//! alone and is used with interrupts off. So what is compared is [`RunQueues::add`] and [`RunQueues::pick`] here with
//! `Policy::enqueue` and `Policy::pick` there ([`SpillFree`]), for one task that goes round on one core. Either side
//! moves the task in and out; neither counts references. (Theseus's `rq_eval` adds a task and removes it again by the
//! record; its queues are searched for that, which Keel never does.)
//!
//! **Why it is a fair stand-in.** Its lock is the cheapest that the kernel has and is never contended in the
//! comparison; its queues have their memory from the start; the record is one atomic word. A lock is part of it
//! because a record names a queue that any core may go to, and there is no other way to change two places as
//! one. What it does not have is a scheduler around it: nothing runs tasks from it.
//!
//! **What is not compared.** This queue's lock lets every core add to it. In Keel another core's task comes by that core's
//! inbox, which is a second step, and not in the figure; a wake on the same core does without.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod spill_free;
#[cfg(test)]
mod tests;

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use core_local::{CoreId, MAX_CORES};
use irq_lock::{IrqLock, IrqLockGuard};

pub use spill_free::{Misplaced, SpillFree};

/// A task's record when it is in no queue.
const NOWHERE: u32 = u32::MAX;
/// Tasks for which each queue has memory from the start.
const ROOM: usize = 64;

/// A task as its scheduler sees it, with the state that run queues spill into it.
#[derive(Debug)]
pub struct Task {
    id: u64,
    /// The core whose queue holds it. Changed under the lock of that queue alone.
    on_queue: AtomicU32,
}

impl Task {
    /// A task that is in no queue.
    #[must_use]
    pub fn new(id: u64) -> Arc<Self> {
        Arc::new(Self { id, on_queue: AtomicU32::new(NOWHERE) })
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The core whose queue holds it at this moment.
    #[must_use]
    pub fn queued_on(&self) -> Option<CoreId> {
        // Acquire, with the Release of whoever changed it: what was done to the task before is seen.
        CoreId::new(self.on_queue.load(Ordering::Acquire))
    }
}

/// The task is in a queue already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AlreadyQueued {
    /// The task's number.
    pub id: u64,
}

impl fmt::Display for AlreadyQueued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {} is in a run queue already; remove it there first", self.id)
    }
}

impl core::error::Error for AlreadyQueued {}

/// What a task's record says while it is in the queue of `core`.
fn record(core: CoreId) -> u32 {
    // Below `MAX_CORES`.
    core.index() as u32
}

/// A run queue for each core.
pub struct RunQueues {
    queues: Vec<IrqLock<VecDeque<Arc<Task>>>>,
}

impl RunQueues {
    /// Empty queues for all cores that there can be.
    #[must_use]
    pub fn new() -> Self {
        let queue = |_| IrqLock::new("spillful run queue", VecDeque::with_capacity(ROOM));
        Self { queues: (0..MAX_CORES).map(queue).collect() }
    }

    /// Puts a task at the end of a core's queue and records that in the task.
    ///
    /// # Errors
    /// If it is in a queue already, whichever that is.
    #[inline]
    pub fn add(&self, core: CoreId, task: Arc<Task>) -> Result<(), AlreadyQueued> {
        let mut queue = self.queue(core);
        // Two cores may add it at the same time, under two locks: one of them gets the record.
        let recorded =
            task.on_queue.compare_exchange(NOWHERE, record(core), Ordering::AcqRel, Ordering::Relaxed);
        if recorded.is_err() {
            return Err(AlreadyQueued { id: task.id });
        }
        queue.push_back(task);
        Ok(())
    }

    /// Takes a task out of the queue that its record names. `None` if it is in none.
    #[inline]
    pub fn remove(&self, task: &Arc<Task>) -> Option<Arc<Task>> {
        loop {
            let core = task.queued_on()?;
            let mut queue = self.queue(core);
            // It may have gone elsewhere before the lock was ours.
            if task.on_queue.load(Ordering::Relaxed) != record(core) {
                continue;
            }
            let place = queue.iter().position(|queued| Arc::ptr_eq(queued, task))?;
            let task = queue.remove(place)?;
            task.on_queue.store(NOWHERE, Ordering::Release);
            return Some(task);
        }
    }

    /// Takes the first task of a core's queue, to run it.
    #[inline]
    pub fn pick(&self, core: CoreId) -> Option<Arc<Task>> {
        let mut queue = self.queue(core);
        let task = queue.pop_front()?;
        // Still under the lock: who goes to the queue that the record names is to find the task there.
        task.on_queue.store(NOWHERE, Ordering::Release);
        Some(task)
    }

    /// How many tasks are in a core's queue.
    #[must_use]
    pub fn len(&self, core: CoreId) -> usize {
        self.queue(core).len()
    }

    fn queue(&self, core: CoreId) -> IrqLockGuard<'_, VecDeque<Arc<Task>>> {
        // There are `MAX_CORES` queues, and every core's index is below that.
        self.queues[core.index()].lock()
    }
}

impl Default for RunQueues {
    fn default() -> Self {
        Self::new()
    }
}
