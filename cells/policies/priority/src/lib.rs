//! The most urgent task first; equals take turns.
//!
//! One list per level and a bit per list that is not empty, so every operation takes constant time. A task that becomes ready
//! takes the core from a less urgent one at once. Less urgent tasks run only when no other wants to: that
//! is what priority means, and who does not want it chooses another policy.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::boxed::Box;
use core::mem;

use cell_api::Cell;
use sched_policy::{CoreId, Enqueue, Params, Policy, PolicyFactory, Ready, TaskList};

/// What the loader looks for.
pub static CELL: Cell = Cell::new("priority", env!("CARGO_PKG_VERSION")).policy(&FACTORY);

static FACTORY: PolicyFactory = PolicyFactory { name: "priority", create: |_| Box::new(Priority::default()) };

/// How long a task runs while equals wait, in nanoseconds.
pub const SLICE_NS: u64 = 10_000_000;

const LEVELS: usize = 256;

/// One core's lists.
pub struct Priority {
    levels: [TaskList; LEVELS],
    /// Bit `level % 64` of word `level / 64`: that list is not empty.
    occupied: [u64; LEVELS / 64],
    len: usize,
    /// The running task's slice is over, so it goes behind its equals; otherwise a preempted task stays in front.
    slice_over: bool,
}

impl Default for Priority {
    fn default() -> Self {
        let levels = [const { TaskList::new() }; LEVELS];
        Priority { levels, occupied: [0; LEVELS / 64], len: 0, slice_over: false }
    }
}

impl Priority {
    /// The most urgent level on which somebody waits.
    fn top(&self) -> Option<usize> {
        let (word, bits) = self.occupied.iter().enumerate().rev().find(|(_, bits)| **bits != 0)?;
        Some(word * 64 + bits.ilog2() as usize)
    }

    fn take(&mut self, level: usize, wanted: impl FnMut(&Ready) -> bool) -> Option<Ready> {
        let task = self.levels[level].pop_first(wanted)?;
        self.len -= 1;
        if self.levels[level].is_empty() {
            self.occupied[level / 64] &= !(1 << (level % 64));
        }
        Some(task)
    }
}

impl Policy for Priority {
    fn name(&self) -> &'static str {
        FACTORY.name
    }

    fn enqueue(&mut self, task: Ready, why: Enqueue) {
        let level = usize::from(task.params().priority());
        if why == Enqueue::Preempted && !mem::take(&mut self.slice_over) {
            self.levels[level].push_front(task);
        } else {
            self.levels[level].push_back(task);
        }
        self.occupied[level / 64] |= 1 << (level % 64);
        self.len += 1;
    }

    fn pick(&mut self) -> Option<Ready> {
        self.slice_over = false;
        self.take(self.top()?, |_| true)
    }

    fn tick(&mut self, running: &Params, ran_ns: u64) -> bool {
        let mine = usize::from(running.priority());
        self.slice_over = ran_ns >= SLICE_NS;
        self.top().is_some_and(|top| top > mine || top == mine && self.slice_over)
    }

    fn steal(&mut self, thief: CoreId) -> Option<Ready> {
        (0..LEVELS).rev().find_map(|level| self.take(level, |task| task.allowed_on(thief)))
    }

    fn len(&self) -> usize {
        self.len
    }

    fn preempts(&self, running: &Params, woken: &Params) -> bool {
        woken.priority() > running.priority()
    }
}

#[cfg(test)]
mod tests;
