//! A task's whole life on another core: spawn it there, run it, join it from here.
//!
//! The other core is idle when the task comes, so the figure has its wake in it, and the joiner's. A stack goes to whichever core its task
//! ended on, for the next task that is spawned *there*; here none comes back. So once that core keeps as many as it may, the stack of each
//! task is mapped anew, which is in the figure, and unmapped by the scheduler's reaper behind its back. That takes longer than a
//! task's life, because all cores must answer. So that it does not pile up, every [`CATCH_UP`] samples wait for it, untimed.

use crate::{meter, tasks};
use cell_api::{Bench, BenchContext, BenchError};
use core_local::CoreId;
use scheduler::Builder;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "spawn_cross",
    "spawn an empty task on another, idle core and join it; its stack is mapped anew",
    spawn_cross,
)
.cores(2)
.subtracted(meter::SUBTRACTED_READINGS)];

/// How many samples unless the caller wants another number.
const SAMPLES: usize = 500;
/// How many come first, uncounted: more than the stacks that a core keeps.
const WARM_UP: usize = 32;
/// After so many samples the reaper may catch up.
const CATCH_UP: usize = 16;
/// How many frames may be in use then that were free before (2 MiB): what others take meanwhile.
const KEPT_FRAMES: usize = 512;

fn spawn_cross(context: &mut BenchContext) -> Result<(), BenchError> {
    let there = context.other()?;
    let samples = context.samples_wanted(SAMPLES);
    let overhead = meter::overhead(0);
    let free = frame_allocator::stats().free;
    for _ in 0..WARM_UP {
        live(there)?;
    }
    for round in 0..samples {
        if round.is_multiple_of(CATCH_UP) {
            tasks::wait_for_stacks(free, KEPT_FRAMES)?;
            // The first after a wait is not like the others.
            live(there)?;
        }
        context.record(live(there)?.saturating_sub(overhead));
    }
    tasks::wait_for_stacks(free, KEPT_FRAMES)
}

/// One life, in cycles.
fn live(there: CoreId) -> Result<u64, BenchError> {
    let start = clock::now_ticks_fenced();
    let task = Builder::new("bench spawned").core(there).spawn(core_local::current);
    let ran_on = task.map_err(BenchError::failed)?.join().map_err(BenchError::failed)?;
    let cycles = clock::now_ticks_fenced().wrapping_sub(start);
    match ran_on == there {
        true => Ok(cycles),
        false => Err(BenchError::failed(format_args!("a task for {there} ran on {ran_on}"))),
    }
}
