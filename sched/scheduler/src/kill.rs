//! Killing: a wish that the task carries out itself, by unwinding.
//!
//! A task looks for the wish where it gives its core away: there every frame stands at a call, and unwinding runs every
//! destructor. A task that computes without end does not come to such a place. After [`KILL_GRACE_NS`] the trap layer follows it, step
//! by step, to the next call that it makes, and it is unwound there ([`kill_by_force`]); one that makes no call is abandoned.

use core::fmt;
use core::sync::atomic::{Ordering::*, fence};

use core_local::{irq_disable, irqs_enabled, preempt_count};
use task_state::Kill;
use unwind::Cause;

use crate::platform;
use crate::registry;
use crate::task::{TaskPtr, TaskRef};

/// How long a task that is to be killed may go on until it is interrupted by force, in nanoseconds.
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
    /// runs, parks or yields, and after [`KILL_GRACE_NS`] wherever it is. A task that is already unwinding goes on with
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
            task.kill_after.store(platform::deadline(KILL_GRACE_NS), Relaxed);
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
    task.killable.load(Relaxed) && preempt_count() == 0 && !unwind::is_unwinding()
}

/// Carries a pending kill out, at a call: the caller is the task, with interrupts on.
#[cold]
pub fn deliver(task: TaskPtr) {
    if deliverable(task) && task.state.take_kill() {
        unwind::raise(Cause::Killed);
    }
}

/// Whether a pending kill is due to be carried out by force; if not, sees to it that we come back. Called by `preempt` with interrupts
/// off, and no reference to the local part is alive.
#[cold]
pub fn force_is_due(task: TaskPtr) -> bool {
    // Acquire: `kill_after` was written before the wish that we have seen.
    fence(Acquire);
    // If it cannot be unwound where it will be looked at, there is another try after another grace.
    remind(task);
    platform::ticks() >= task.kill_after.load(Relaxed) && deliverable(task)
}

/// Carries a pending kill of the running task out by force, after [`crate::preempt`] has said that it is due. For the trap
/// layer, on the task's own stack with interrupts off.
///
/// Without `abandon` the task stands at a function's first instruction and is unwound from there; this returns if that is not
/// possible. With `abandon` it stands anywhere, and is left as it is: its destructors do not run, and its stack, to which others may
/// point, stays for ever.
pub fn kill_by_force(abandon: bool) {
    let Some(task) = TaskPtr::current() else { return };
    if !deliverable(task) || !task.state.take_kill() {
        return;
    }
    task.forced.store(true, Relaxed);
    if abandon {
        crate::root::abandon(task);
    }
    platform::try_raise_killed();
    // Nobody catches at this very place, or a frame on the way must not be passed. Try again.
    task.forced.store(false, Relaxed);
    let _ = task.state.kill();
}

/// Sees to it that a task with a pending kill is interrupted when the grace is over: it may go on for ever without a call
/// that looks, on a core that does not tick. Interrupts are off, and no reference to the local part is alive.
#[cold]
pub fn remind(task: TaskPtr) {
    let due = task.kill_after.load(Relaxed);
    let again = if platform::ticks() < due { due } else { platform::deadline(KILL_GRACE_NS) };
    // SAFETY: interrupts are off, this is the running task's core, and no reference is alive.
    unsafe { task.home().local() }.arm(again);
}
