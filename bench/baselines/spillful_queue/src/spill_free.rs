//! The other side of the comparison: a policy as Keel's, and one task that no scheduler knows.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::fmt;
use core::hint::black_box;
use core::ptr::NonNull;

use core_local::CoreSet;
use inbox::Handle;
use sched_policy::{Enqueue, Entity, Params, Policy, Ready, TaskList};

/// First come, first served: what a policy does at least.
#[derive(Default)]
struct Fifo(TaskList);

impl Policy for Fifo {
    fn name(&self) -> &'static str {
        "spill_free"
    }

    fn enqueue(&mut self, task: Ready, _why: Enqueue) {
        self.0.push_back(task);
    }

    fn pick(&mut self) -> Option<Ready> {
        self.0.pop_front()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// A core's run queue as Keel has it, and the right to run one task, which is here or in the queue.
///
/// The right never leaves this type: its task is none that a scheduler could run.
pub struct SpillFree {
    queue: Box<dyn Policy>,
    task: Option<Ready>,
}

/// The task is not where it should be: in the queue already, or not in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Misplaced;

impl fmt::Display for Misplaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue lost its task, or had it already: add it and take it in turn")
    }
}

impl core::error::Error for Misplaced {}

impl SpillFree {
    /// An empty queue, with the task beside it.
    #[must_use]
    pub fn new() -> Self {
        // The scheduler too calls its policy through a trait object that the compiler does not see through.
        Self { queue: black_box(Box::new(Fifo::default())), task: Some(lone_task()) }
    }

    /// Puts the task at the end of the queue, as the scheduler does: with interrupts off.
    ///
    /// # Errors
    /// If it is there already.
    #[inline]
    pub fn add(&mut self) -> Result<(), Misplaced> {
        let task = self.task.take().ok_or(Misplaced)?;
        let irqs_off = core_local::irq_disable();
        self.queue.enqueue(task, Enqueue::Woken);
        drop(irqs_off);
        Ok(())
    }

    /// Takes the first task of the queue, to run it; with interrupts off.
    ///
    /// # Errors
    /// If there is none.
    #[inline]
    pub fn take(&mut self) -> Result<(), Misplaced> {
        let irqs_off = core_local::irq_disable();
        let task = self.queue.pick();
        drop(irqs_off);
        if task.is_none() {
            return Err(Misplaced);
        }
        self.task = task;
        Ok(())
    }

    /// How many tasks are in the queue: one or none.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queue.len()
    }
}

impl Default for SpillFree {
    fn default() -> Self {
        Self::new()
    }
}

/// The right to run a task that does nothing and that no scheduler knows. It owns the task's entity.
fn lone_task() -> Ready {
    let params = Params::new(Params::DEFAULT_PRIORITY, Params::DEFAULT_WEIGHT, 0);
    let entity = Entity::new(u64::MAX, Cow::Borrowed("lone"), params, CoreSet::ALL, dropped);
    // SAFETY:
    // 1. The entity does not move, and is valid until `dropped`, which comes when the right is gone.
    // 2. This is its only right. It stays in this module, so that no scheduler takes it for that of a task of its own.
    unsafe { Ready::from_raw(NonNull::from(Box::leak(Box::new(entity)))) }
}

/// Where the right goes when it is dropped.
fn dropped(right: Ready) {
    let entity = right.into_raw();
    // SAFETY: it is from the box that `lone_task` made, and with its only right it is in no queue and nobody's.
    drop(unsafe { Box::from_raw(entity.as_ptr()) });
}
