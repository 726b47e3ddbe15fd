//! Bringing the scheduler up, core by core.

use alloc::borrow::Cow;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::Ordering::*;

use core_local::{CoreId, CoreSet, irq_disable, set_current_task};
use sched_policy::Params;

use crate::builtin::BUILT_IN;
use crate::local::{self, core};
use crate::platform::{self, VectorTaken};
use crate::reap::start_reaper;
use crate::spawn::SpawnError;
use crate::task::{Blueprint, Task};

/// Why the scheduler could not be started.
#[derive(Debug)]
pub enum InitError {
    /// Somebody else has the timer's interrupt.
    Timer(VectorTaken),
    /// Its own first task could not be spawned.
    Reaper(SpawnError),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timer(error) => write!(f, "the scheduler cannot have its timer: {error}"),
            Self::Reaper(error) => write!(f, "the scheduler's own task could not be spawned: {error}"),
        }
    }
}

impl core::error::Error for InitError {}

/// Starts the scheduler: once, on the boot core, with interrupts off or no timer armed. Needs the heap, per-core data, the
/// interrupt table, the clock, and stacks. The calling context becomes the core's idle task; tasks run once it calls
/// [`crate::enter_idle`].
///
/// # Errors
/// [`InitError`].
///
/// # Safety
/// As [`init_this_core`].
pub unsafe fn init() -> Result<(), InitError> {
    platform::init().map_err(InitError::Timer)?;
    core_local::set_reschedule_hook(crate::reschedule);
    // SAFETY: the caller's.
    unsafe { init_this_core() };
    start_reaper().map_err(InitError::Reaper)
}

/// Makes the calling core take part: its context becomes the core's idle task. Other cores may give it tasks from now on; it runs them
/// once it calls [`crate::enter_idle`], which it should do soon.
///
/// # Safety
/// 1. The core's `core_local::install` has been done, and this is called once on it.
/// 2. The calling context's stack stays for ever, and the context ends in [`crate::enter_idle`].
pub unsafe fn init_this_core() {
    let irq = irq_disable();
    let id: CoreId = core_local::current();
    let core = core(id);
    core.name(id);
    let blueprint = Blueprint {
        name: Cow::Borrowed("idle"),
        params: Params::new(0, 1, 0),
        allowed: CoreSet::single(id),
        system: true,
        stack: None,
        stack_bytes: 0,
        main: None,
    };
    let idle = Task::new(blueprint, core);
    // It is running, and stays so: nobody ever makes it ready.
    if idle.state.claim().is_err() {
        unreachable!("a new task is ready");
    }
    let idle = Arc::into_raw(idle).cast_mut(); // for ever
    core.idle.store(idle, Release);
    {
        // SAFETY: the core takes no part yet, so nobody else looks at its local part.
        let local = unsafe { core.local() };
        local.policy = Some((BUILT_IN.create)(id));
        local.spare = Some((BUILT_IN.create)(id));
        local.since = platform::ticks();
    }
    set_current_task(idle.cast_const().cast());
    local::set_started(id);
    irq.restore_only();
}
