//! First come, first served, with a time slice: the simplest fair policy.
//!
//! One list per core. Whoever becomes ready goes to its end; whoever has run for a slice while others wait goes to its
//! end too. Parameters of tasks are ignored.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::boxed::Box;

use cell_api::Cell;
use sched_policy::{CoreId, Enqueue, Params, Policy, PolicyFactory, Ready, TaskList};

/// What the loader looks for.
pub static CELL: Cell = Cell::new("round_robin", env!("CARGO_PKG_VERSION")).policy(&FACTORY);

static FACTORY: PolicyFactory =
    PolicyFactory { name: "round_robin", create: |_| Box::new(RoundRobin::default()) };

/// How long a task runs while others wait, in nanoseconds.
pub const SLICE_NS: u64 = 10_000_000;

/// One core's list.
#[derive(Default)]
pub struct RoundRobin {
    waiting: TaskList,
}

impl Policy for RoundRobin {
    fn name(&self) -> &'static str {
        FACTORY.name
    }

    fn enqueue(&mut self, task: Ready, _why: Enqueue) {
        self.waiting.push_back(task);
    }

    fn pick(&mut self) -> Option<Ready> {
        self.waiting.pop_front()
    }

    fn tick(&mut self, _running: &Params, ran_ns: u64) -> bool {
        ran_ns >= SLICE_NS
    }

    fn steal(&mut self, thief: CoreId) -> Option<Ready> {
        self.waiting.pop_first(|task| task.allowed_on(thief))
    }

    fn len(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests;
