//! Killing: a wish that the task carries out itself, by unwinding.
//!
//! A task looks for the wish where it gives its core away: there every frame stands at a call, and unwinding runs every
//! destructor. A task that computes without end does not come to such a place. After [`KILL_GRACE_NS`] it is *abandoned*: it does not
//! run again, and what it owns is leaked, its stack included.
//!
//! *Rejected:* unwinding it from where it was interrupted, or from the next call that it makes. It may stand between two halves of a
//! change to a collection, where no panic can happen and no library guards against one; the collection's destructor would then
//! find an element twice, or none. (The self test `kill` breaks either within seconds.)

use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{Ordering::*, fence};

use core_local::{irq_disable, irqs_enabled, preempt_count};
use task_state::Kill;
use unwind::Cause;

use crate::platform;
use crate::registry;
use crate::task::{TaskPtr, TaskRef};

/// How long a task that is to be killed may run on, in nanoseconds, until it is abandoned.
pub const KILL_GRACE_NS: u64 = 20_000_000;

/// Why a task cannot be killed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KillError {
    /// There is no task with this number (any more).
    NoSuchTask {
        /// The number that was asked for.
        id: u64,
    },
    /// It belongs to the scheduler, which would not work without it.
    System {
        /// The number that was asked for.
        id: u64,
    },
}

impl fmt::Display for KillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KillError::NoSuchTask { id } => write!(f, "there is no task {id}; `tasks` lists those that live"),
            KillError::System { id } => write!(f, "task {id} belongs to the scheduler and cannot be killed"),
        }
    }
}

impl core::error::Error for KillError {}

/// Kills the task with this number; see [`TaskRef::kill`].
///
/// # Errors
/// [`KillError`] says why not; then nothing has happened.
pub fn kill(id: u64) -> Result<(), KillError> {
    registry::find(id).ok_or(KillError::NoSuchTask { id })?.kill()
}

impl TaskRef {
    /// Asks the task to unwind itself: its destructors run, and its joiner gets [`crate::Death::Killed`]. It does so when it next
    /// runs, parks or yields. If it does none of these within [`KILL_GRACE_NS`], it is abandoned: its joiner gets the same, but what it
    /// owned is leaked. A task that is already unwinding goes on with
    /// that; one that has ended stays so. A task that kills itself does not return from this call.
    ///
    /// # Errors
    /// [`KillError::System`] for the scheduler's own tasks.
    pub fn kill(&self) -> Result<(), KillError> {
        let task = TaskPtr::from_arc(&self.0);
        if task.system || task.idle {
            return Err(KillError::System { id: self.id() });
        }
        if !task.state.kill_pending() {
            task.kill_after.store(0, Relaxed);
        }
        let irq = irq_disable(); // as in `unpark`
        let kill = task.state.kill();
        if kill == Kill::Enqueue {
            // SAFETY: `kill` has just made it ready.
            crate::wake::wake(unsafe { task.ready() }, irq);
            return Ok(());
        }
        irq.restore_only();
        match kill {
            Kill::Poke if TaskPtr::current() == Some(task) => {
                if irqs_enabled() {
                    deliver(task);
                }
                // Not now; then when the guard ends that forbids it.
                core_local::set_need_resched();
            }
            // If it has left that core by now, it has switched, and sees the wish when it is switched to.
            Kill::Poke => platform::poke(task.home().id()),
            Kill::Pending | Kill::Dead | Kill::Enqueue => {}
        }
        Ok(())
    }
}

/// Whether the running task can be unwound as killed.
pub fn deliverable(task: TaskPtr) -> bool {
    task.killable.load(Relaxed)
        && task.shields.load(Relaxed) == 0
        && preempt_count() == 0
        && !unwind::is_unwinding()
}

/// Carries a pending kill out, at a call: the caller is the task, with interrupts on.
#[cold]
pub fn deliver(task: TaskPtr) {
    if deliverable(task) && task.state.take_kill() {
        unwind::raise(Cause::Killed);
    }
}

/// Carries a pending kill out at an arbitrary instruction, if its grace is over; else sees to it that we come back.
/// Called by `preempt` with interrupts off, and no reference to the local part is alive.
#[cold]
pub fn deliver_by_force(task: TaskPtr) {
    // Acquire: `kill_after` was written before the wish that we have seen.
    fence(Acquire);
    // Its own time counts, not that in which it waits for a core.
    // SAFETY: interrupts are off, this is the running task's core, and no reference is alive.
    let since = unsafe { task.home().local() }.since;
    let ran = task.run_ticks.load(Relaxed).wrapping_add(platform::ticks().wrapping_sub(since)).max(1);
    let limit = match task.kill_after.load(Relaxed) {
        0 => ran.saturating_add(platform::deadline(KILL_GRACE_NS).saturating_sub(platform::ticks())),
        limit => limit,
    };
    task.kill_after.store(limit, Relaxed);
    if ran >= limit && deliverable(task) && task.state.take_kill() {
        crate::root::abandon(task);
    }
    remind(task);
}

/// As long as it lives, the task that made it is not killed: for work that must not be left half done, because others would wait
/// for it for ever. A kill that comes meanwhile is carried out afterwards, where the task next looks.
#[derive(Debug)]
#[must_use = "the task can be killed again when this is dropped"]
pub struct Shield(PhantomData<*const ()>);

/// Shields the running task from being killed. Nests. In a context that is no task there is nothing to shield from.
pub fn shield() -> Shield {
    if let Some(task) = TaskPtr::current() {
        task.shields.store(task.shields.load(Relaxed) + 1, Relaxed);
    }
    Shield(PhantomData)
}

impl Drop for Shield {
    fn drop(&mut self) {
        if let Some(task) = TaskPtr::current() {
            task.shields.store(task.shields.load(Relaxed).saturating_sub(1), Relaxed);
        }
    }
}

/// Sees to it that a task with a pending kill is interrupted when the grace is over: it may go on for ever without a call
/// that looks, on a core that does not tick. Interrupts are off, and no reference to the local part is alive.
#[cold]
pub fn remind(task: TaskPtr) {
    let again = platform::deadline(KILL_GRACE_NS);
    // SAFETY: interrupts are off, this is the running task's core, and no reference is alive.
    unsafe { task.home().local() }.arm(again);
}
