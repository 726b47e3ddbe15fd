//! What comes after a task's end.
//!
//! A task ends on its own stack, so somebody else has to free it: the context that the core goes on with. That one runs with interrupts
//! off, and unmapping a stack waits for other cores; so it only puts the stack aside for the next task, or, if there are
//! enough, leaves the whole task to the *reaper*, a task that unmaps with interrupts on.

use alloc::sync::Arc;
use core::mem::{self, ManuallyDrop};
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

use inbox::{Handle, Inbox, Link};
use sched_policy::{Entity, Ready};
use spin::Once;

use crate::platform::Stack;
use crate::spawn::{Builder, DEFAULT_STACK_BYTES, SpawnError};
use crate::task::{Task, TaskPtr, TaskRef};

/// The life count of a task that has ended. It uses the link that its `Ready` used: a dead task has none.
struct Dead(Arc<Task>);

// SAFETY: 1. `Dead` holds one Arc count, given up by `into_raw` and made again by `from_raw`. 2. The count keeps the
// task where it is. 3. The link is the entity's; no `Ready` of a dead task exists, so nothing else uses it.
unsafe impl Handle for Dead {
    type Node = Entity;

    fn into_raw(self) -> NonNull<Entity> {
        TaskPtr::from_arc(&ManuallyDrop::new(self).0).entity_ptr()
    }

    unsafe fn from_raw(node: NonNull<Entity>) -> Self {
        // SAFETY: the node is the start of a task whose count `into_raw` gave up.
        Dead(unsafe { Arc::from_raw(node.as_ptr().cast::<Task>().cast_const()) })
    }

    fn link(node: &Entity) -> &Link<Entity> {
        <Ready as Handle>::link(node)
    }
}

static GRAVEYARD: Inbox<Dead> = Inbox::new();
static REAPER: Once<TaskRef> = Once::new();

/// Takes a task's life count and stack back after its end. Called right after the switch away from it.
///
/// # Safety
/// `dead` is a task that has ended and switched away for good; this is called once for it, with interrupts off, and
/// no reference to this core's local part is alive.
#[cold]
pub unsafe fn reap(dead: *const Task) {
    // SAFETY: this is the life count, which spawn leaked.
    let task = unsafe { Arc::from_raw(dead) };
    if task.abandoned.load(Relaxed) {
        // SAFETY: the task has ended. Others may point into its stack, so that stays for ever.
        return mem::forget(unsafe { (*task.stack.get()).take() });
    }
    let reusable = task.stack_bytes == DEFAULT_STACK_BYTES && !task.overflowed.load(Relaxed);
    // SAFETY: interrupts are off and no other reference is alive.
    let local = TaskPtr::current().map(|current| unsafe { current.home().local() });
    match local {
        Some(local) if reusable && !local.stacks.is_full() => {
            // SAFETY: the task has ended and nobody stands on its stack: it is ours.
            if let Some(stack) = unsafe { (*task.stack.get()).take() } {
                local.stacks.push(stack);
            }
            // If this was the last handle, its record goes here: two small frees.
        }
        _ => {
            if GRAVEYARD.push(Dead(task))
                && let Some(reaper) = REAPER.get()
            {
                reaper.unpark();
            }
        }
    }
}

/// A stack that an ended task left on this core.
pub fn spare_stack() -> Option<Stack> {
    let irq = core_local::irq_disable();
    // (Code of a policy must not spawn; if it does, it must not reach the local part, which is lent out.)
    let home = TaskPtr::current().map(|current| current.home());
    let home = home.filter(|home| !home.in_policy.load(Relaxed));
    // SAFETY: interrupts are off, and no reference to the local part is alive: spawn runs outside of the scheduler's code.
    let stack = home.and_then(|home| unsafe { home.local() }.stacks.pop());
    drop(irq);
    stack
}

/// Starts the reaper. The first call counts.
///
/// # Errors
/// That of the spawn.
pub fn start_reaper() -> Result<(), SpawnError> {
    if REAPER.is_completed() {
        return Ok(());
    }
    let reaper = Builder::new("reaper").system().spawn(|| {
        loop {
            for dead in GRAVEYARD.take_all() {
                // The stack goes here, with interrupts on and no lock held; the record with its last handle, wherever that is.
                // SAFETY: the task has ended and nobody stands on its stack: it is ours.
                drop(unsafe { (*dead.0.stack.get()).take() });
            }
            crate::park();
        }
    })?;
    REAPER.call_once(|| reaper.task());
    Ok(())
}
