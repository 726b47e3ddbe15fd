//! A task that overflowed its stack where it cannot be unwound: with interrupts or preemption off, in an allocation for
//! instance. The reserve is open, so it goes on, but only to the end of that section.
//!
//! Nobody is called at that end, so the CPU single-steps (RFLAGS.TF, SDM vol. 3, §18.3.1.4): a few hundred
//! debug exceptions, once in the life of a task that is about to end.

use crate::fault::{hooks, is_open};
use crate::traps::TrapFrame;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use core_local::{PerCore, per_core};

/// RFLAGS.TF.
const TRAP_FLAG: u64 = 1 << 8;

/// Who steps on a core, and the address by which it overflowed. The core's own, used with interrupts off.
struct Stepping {
    task: AtomicPtr<()>,
    address: AtomicU64,
}

static STEPPING: PerCore<Stepping> =
    per_core!(Stepping { task: AtomicPtr::new(null_mut()), address: AtomicU64::new(0) });

/// Lets the interrupted task go on, step by step.
pub fn begin(frame: &mut TrapFrame, address: u64) {
    let here = STEPPING.get(core_local::current());
    here.task.store(core_local::current_task().cast_mut(), Ordering::Relaxed);
    here.address.store(address, Ordering::Relaxed);
    frame.rflags |= TRAP_FLAG;
}

/// Whether the interrupted context single-steps. Nobody does but for us.
pub fn is_stepping(frame: &TrapFrame) -> bool {
    frame.rflags & TRAP_FLAG != 0
}

/// After a step: the address of the overflow if the task can be unwound now. Then, and if this is not the task that
/// began, the stepping ends.
pub fn after(frame: &mut TrapFrame) -> Option<u64> {
    let here = STEPPING.get(core_local::current());
    let same = here.task.load(Ordering::Relaxed).cast_const() == core_local::current_task();
    if same && !is_open(frame) {
        return None;
    }
    here.task.store(null_mut(), Ordering::Relaxed);
    frame.rflags &= !TRAP_FLAG;
    // A switch in the section took the flag along to another task: that one goes on as before, and the first on its reserve.
    let unwindable = same && hooks().is_some_and(|hooks| (hooks.in_task)()) && !unwind::is_unwinding();
    unwindable.then(|| here.address.load(Ordering::Relaxed))
}
