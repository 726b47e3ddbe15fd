//! A load that checks itself: tasks that compute, yield, sleep, park and wake each other for a set number of steps, and enter
//! what they do in a ledger.
//!
//! It runs beside whatever is being tried out, a swap of the policy above all. What a task does is in `script.rs`.

use crate::ledger::Ledger;
use crate::script::{self, Then};
use alloc::{sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU32, Ordering, fence};
use scheduler::TaskRef;
use spin::Once;

/// What the tasks of one load share.
#[derive(Debug)]
pub struct Load {
    ledger: Ledger,
    meetings: Vec<Meeting>,
}

/// One task's side of its meetings.
#[derive(Debug, Default)]
struct Meeting {
    /// One more than the step at which the task has come to a meeting last; [`GONE`] once it comes to none any more.
    arrived: AtomicU32,
    /// Who is to be woken; there from the task's first meeting on.
    task: Once<TaskRef>,
}

const GONE: u32 = u32::MAX;

impl Load {
    /// A load of `tasks` tasks of `steps` steps each. Nobody runs it yet.
    pub fn new(tasks: usize, steps: u32) -> Self {
        let meetings = (0..tasks).map(|_| Meeting::default()).collect();
        Self { ledger: Ledger::new(tasks, steps), meetings }
    }

    /// What its tasks have done.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The part of the task with this index. To be moved into the task.
    pub fn part(self: &Arc<Self>, task: usize) -> Part {
        Part { load: Arc::clone(self), task }
    }

    /// Not inlined: a kill by force skips the frame that it interrupts, which should be this one and not the one that owns the
    /// [`Part`].
    #[inline(never)]
    fn run(&self, task: usize) {
        let Some(entry) = self.ledger.begin(task) else { return };
        let tasks = self.ledger.tasks();
        for number in 0..self.ledger.steps() {
            let step = script::step(task, tasks, number);
            entry.enter(core_local::current().index());
            clock::spin_for(step.spin_ns);
            entry.leave(number);
            match step.then {
                Then::GoOn => {}
                Then::Yield => scheduler::yield_now(),
                Then::Sleep(ns) => scheduler::sleep(ns),
                Then::Meet => self.meet(task, number),
            }
        }
        entry.returned(clock::now_ns());
    }

    /// Waits until the partner has come to `step` too, and wakes it if it waits for us.
    fn meet(&self, task: usize, step: u32) {
        let Some(other) = self.partner(task) else { return };
        let own = &self.meetings[task];
        own.task.call_once(scheduler::current);
        own.arrived.store(step + 1, Ordering::Release);
        self.wake(other);
        // A wake that came while we did something else is spent by then, so the condition is looked at each time.
        while other.arrived.load(Ordering::Acquire) <= step {
            scheduler::park();
        }
    }

    fn partner(&self, task: usize) -> Option<&Meeting> {
        self.meetings.get(script::partner(task, self.meetings.len())?)
    }

    fn wake(&self, other: &Meeting) {
        // We have stored our `arrived` and now load their `task`; they store their `task` and then load our `arrived`. With a full
        // fence on either side at least one sees the other's store: we wake them, or they do not park. Theirs is this
        // same line, run between their `call_once` and their loop.
        fence(Ordering::SeqCst);
        if let Some(task) = other.task.get() {
            task.unpark();
        }
    }
}

/// One task's part in a load. Dropping it leaves all meetings, so that the task's partner does not wait for ever: after the last
/// step, when the task is unwound, and also when it is killed before it ever ran.
#[derive(Debug)]
pub struct Part {
    load: Arc<Load>,
    task: usize,
}

impl Part {
    /// The whole life of the task.
    pub fn run(self) {
        self.load.run(self.task);
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.load.ledger.gone(self.task);
        if let Some(own) = self.load.meetings.get(self.task) {
            own.arrived.store(GONE, Ordering::Release);
        }
        if let Some(other) = self.load.partner(self.task) {
            self.load.wake(other);
        }
    }
}
