//! The task that asks.

use core::sync::atomic::Ordering::Relaxed;

use crate::task::{TaskPtr, TaskRef};

/// A handle to the running task.
///
/// # Panics
/// Outside of a task and of a core's idle context.
pub fn current() -> TaskRef {
    match try_current() {
        Some(task) => task,
        None => panic!("no task runs on this core yet"),
    }
}

/// A handle to the running task (or idle task), if this core runs tasks.
pub fn try_current() -> Option<TaskRef> {
    TaskPtr::current().map(TaskPtr::to_ref)
}

/// The number of the running task; 0 where none runs. A few instructions: the null call of the benchmarks.
#[inline]
pub fn current_id() -> u64 {
    TaskPtr::current().map_or(0, |task| task.entity.id())
}

/// Calls `f` with the running task's number and name, without touching its count: for the panic and fault paths.
pub fn with_current_name<R>(f: impl FnOnce(u64, &str) -> R) -> R {
    match TaskPtr::current() {
        Some(task) => f(task.entity.id(), task.entity.name()),
        None => f(0, "boot"),
    }
}

/// Whether the running context is a task whose closure runs: that is, whether it can be unwound. Lock-free, for the trap
/// layer.
pub fn in_task() -> bool {
    TaskPtr::current().is_some_and(|task| task.killable.load(Relaxed))
}

/// Whether the running task is unwinding.
#[inline]
pub fn is_unwinding() -> bool {
    #[cfg(keel_kernel)]
    return TaskPtr::current().is_some_and(|task| task.unwinding.is_unwinding());
    #[cfg(not(keel_kernel))]
    unwind::is_unwinding()
}

/// Whether `address`, which faulted, lies in the guard below the running task's stack. If so, the stack's reserve has been
/// opened, so that the task can be unwound where it stands. For the page-fault handler, on its own stack, with
/// interrupts off: takes no lock and allocates nothing.
pub fn stack_overflow(address: usize) -> bool {
    let Some(task) = TaskPtr::current() else { return false };
    // SAFETY: a running task's stack is only read (it is set at spawn and taken after the task's end).
    let Some(stack) = (unsafe { &*task.stack.get() }) else { return false };
    if !crate::platform::overflowed(stack, address) || task.overflowed.swap(true, Relaxed) {
        return false; // not ours, or the reserve has run out too
    }
    // SAFETY: the fault handler stands on its own stack, on the core that runs the task.
    unsafe { stack.open_reserve() }.is_ok()
}
