//! What there is to tell about tasks and cores.

use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;

use core_local::CoreId;
use task_state::Phase;

use crate::idle::idle_ns;
use crate::platform::ticks_to_ns;
use crate::{local, registry, spawn};

/// What a task is doing, as people say it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TaskState {
    /// A core runs it.
    Running,
    /// It waits for a core.
    Ready,
    /// It waits to be woken.
    Blocked,
    /// It waits to be woken or for its time.
    Sleeping,
}

impl TaskState {
    /// The word that `tasks` prints.
    pub const fn as_str(self) -> &'static str {
        match self {
            TaskState::Running => "running",
            TaskState::Ready => "ready",
            TaskState::Blocked => "blocked",
            TaskState::Sleeping => "sleeping",
        }
    }
}

/// A task as it was at one moment.
#[derive(Clone, Debug)]
pub struct TaskInfo {
    /// Its number.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// What it was doing.
    pub state: TaskState,
    /// The core it ran on last, or runs on.
    pub core: CoreId,
    /// Its priority.
    pub priority: u8,
    /// How often a core switched to it.
    pub switches: u64,
    /// For how long it has run, in nanoseconds, without the present spell.
    pub run_ns: u64,
    /// Size of its stack in bytes.
    pub stack_bytes: usize,
}

/// Every task that lives, by number. Idle tasks are not counted; see [`cores`].
pub fn tasks() -> Vec<TaskInfo> {
    let describe = |task: crate::TaskRef| {
        let state = match task.0.state.phase() {
            Phase::Running => TaskState::Running,
            Phase::Ready => TaskState::Ready,
            Phase::Parked if task.0.timer.armed() => TaskState::Sleeping,
            Phase::Parked => TaskState::Blocked,
            Phase::Dead => return None,
        };
        Some(TaskInfo {
            id: task.id(),
            name: String::from(task.name()),
            state,
            core: task.0.home().id(),
            priority: task.params().priority(),
            switches: task.0.switches.load(Relaxed),
            run_ns: ticks_to_ns(task.0.run_ticks.load(Relaxed)),
            stack_bytes: task.0.stack_bytes,
        })
    };
    registry::all().into_iter().filter_map(describe).collect()
}

/// A core as it was at one moment.
#[derive(Clone, Copy, Debug)]
pub struct CoreInfo {
    /// Which.
    pub core: CoreId,
    /// How many tasks waited for it.
    pub load: usize,
    /// Whether it was idle: halted, or polling.
    pub asleep: bool,
    /// How often it has switched tasks.
    pub switches: u64,
    /// How often it took itself away from a task.
    pub preemptions: u64,
    /// How many tasks it gave to idle cores.
    pub given: u64,
    /// For how long it has been idle, in nanoseconds, without the present spell.
    pub idle_ns: u64,
}

/// Every core that takes part in scheduling.
pub fn cores() -> Vec<CoreInfo> {
    let describe = |id: CoreId| {
        let core = local::core(id);
        CoreInfo {
            core: id,
            load: core.load.load(Relaxed) as usize,
            asleep: core.alertness.hint().is_idle(),
            switches: core.switches.load(Relaxed),
            preemptions: core.preemptions.load(Relaxed),
            given: core.given.load(Relaxed),
            idle_ns: idle_ns(core),
        }
    };
    local::started().iter().map(describe).collect()
}

/// Counts since boot.
#[derive(Clone, Copy, Debug)]
pub struct Totals {
    /// Tasks that were spawned.
    pub spawned: u64,
    /// Tasks that have ended.
    pub ended: u64,
}

/// Counts since boot.
pub fn totals() -> Totals {
    Totals { spawned: spawn::SPAWNED.load(Relaxed), ended: spawn::ENDED.load(Relaxed) }
}
