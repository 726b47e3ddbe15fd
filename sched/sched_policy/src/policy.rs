//! The policy trait and how instances are made.

use alloc::boxed::Box;

use core_local::CoreId;

use crate::{Params, Ready};

/// The time between two calls of [`Policy::tick`] while tasks wait, in nanoseconds. A core with nothing
/// waiting does not tick.
pub const TICK_NS: u64 = 5_000_000;

/// Why a task is handed to the policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Enqueue {
    /// It was spawned.
    New,
    /// It waited and was woken.
    Woken,
    /// It ran and gave the core away itself.
    Yielded,
    /// It ran and the core was taken from it.
    Preempted,
    /// It came from another core or from another policy.
    Migrated,
}

/// One core's policy. All calls come from that core, with interrupts off and no lock held.
///
/// It must not block, wait or call into the scheduler. It may be wrong: the mechanism checks every right
/// that it returns, takes back every right that it drops, and replaces a policy that panics, that drops
/// tasks, or that says that nobody waits while somebody does, by the built-in first-in-first-out one.
pub trait Policy: Send {
    /// The name under which people choose it.
    fn name(&self) -> &'static str;

    /// Takes a ready task in.
    fn enqueue(&mut self, task: Ready, why: Enqueue);

    /// The task that runs next; `None` only if none waits.
    fn pick(&mut self) -> Option<Ready>;

    /// Takes the running task in and says what runs next: [`Policy::enqueue`] and [`Policy::pick`] in one call,
    /// because this is what every yield does.
    fn exchange(&mut self, running: Ready, why: Enqueue) -> Option<Ready> {
        self.enqueue(running, why);
        self.pick()
    }

    /// Called every [`TICK_NS`], or sooner, while others wait. `running` are the parameters of the task that runs,
    /// `ran_ns` the time for which it has run since it was picked. Returns whether to preempt it.
    fn tick(&mut self, _running: &Params, ran_ns: u64) -> bool {
        ran_ns >= TICK_NS
    }

    /// A task to give to the idle core `thief`; it must be allowed there. By default what runs next here.
    fn steal(&mut self, thief: CoreId) -> Option<Ready> {
        match self.pick() {
            Some(task) if task.allowed_on(thief) => Some(task),
            Some(task) => {
                self.enqueue(task, Enqueue::Migrated);
                None
            }
            None => None,
        }
    }

    /// Gives a task up because another policy takes over. Called until it returns `None`; the order is the
    /// order in which the next policy takes them in. By default the order of [`Policy::pick`].
    fn export(&mut self) -> Option<Ready> {
        self.pick()
    }

    /// How many tasks wait here.
    fn len(&self) -> usize;

    /// Whether none waits here.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a task that becomes ready takes the core from the one that runs.
    fn preempts(&self, _running: &Params, _woken: &Params) -> bool {
        false
    }
}

/// What a policy cell offers: a name and a way to make the instance of one core.
#[derive(Clone, Copy)]
pub struct PolicyFactory {
    /// The name under which people choose it.
    pub name: &'static str,
    /// Makes the instance for one core. Called in a task, so it may allocate.
    pub create: fn(CoreId) -> Box<dyn Policy>,
}

impl core::fmt::Debug for PolicyFactory {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PolicyFactory").field("name", &self.name).finish_non_exhaustive()
    }
}
