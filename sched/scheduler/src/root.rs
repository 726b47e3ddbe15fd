//! Where a task begins and ends: the function below everything that it does.

use core::sync::atomic::Ordering::{Relaxed, Release};

use unwind::Cause;

use crate::platform;
use crate::reap::reap;
use crate::task::{Task, TaskPtr};

/// The first Rust function of a task, called by `task_entry` with interrupts off.
///
/// # Safety
/// `task` is the current task, at its first switch; `dead` is null or a task that ended to make room.
pub unsafe extern "C-unwind" fn root(dead: *const Task, task: *mut Task) -> ! {
    if !dead.is_null() {
        // SAFETY: it named itself in its last switch, and we stand on our own stack.
        unsafe { reap(dead) };
    }
    // SAFETY: the current task is alive.
    let task = unsafe { TaskPtr::from_raw(task) };
    platform::enable_irqs();
    // SAFETY: `main` was set at spawn and is the task's own from its first instruction on.
    let main = unsafe { (*task.main.get()).take() };
    if let Some(main) = main {
        // `main` catches whatever its closure does and delivers the result; nothing unwinds out of it.
        main();
    }
    // SAFETY: nothing on this stack is needed any more.
    unsafe { crate::schedule::exit(task) }
}

/// Runs a task's closure so that it can be killed, and nothing outside of it.
pub fn run_killable<T>(task: TaskPtr, f: impl FnOnce() -> T) -> Result<T, Cause> {
    let result = unwind::catch(|| {
        // From here to the store below a kill finds a frame that catches it.
        task.killable.store(true, Relaxed);
        if task.state.kill_pending() {
            crate::kill::deliver(task);
        }
        let result = f();
        task.killable.store(false, Relaxed);
        result
    });
    task.killable.store(false, Relaxed);
    result
}

/// Ends the running task where it stands, for a kill that must not unwind it (see `kill`). What it owns is leaked, its stack included: others may
/// point there. Its joiner learns of its end from the task's record, for the result's other half is on that stack. Locks that it
/// holds are those of a dead task, which `sync` knows; a channel's end that it holds stays open.
#[cold]
pub fn abandon(task: TaskPtr) -> ! {
    task.killable.store(false, Relaxed);
    platform::enable_irqs();
    let (id, name) = (task.entity.id(), task.entity.name());
    log::warn!("task {id} ({name}): killed, and left with all it owns, for it never gave its core away");
    crate::spawn::note_end(task);
    // Release: who sees this goes on without a result. `reap` leaves the stack mapped, and until then it can still overflow.
    task.abandoned.store(true, Release);
    crate::spawn::wake_everybody();
    // SAFETY: what is on this stack stays, but is not used again.
    unsafe { crate::schedule::exit(task) }
}
