//! A task's whole life on another core: spawn it there, run it, join it from here.
//!
//! The other core has nothing else to do, so the figure has its wake in it, and the joiner's.

use crate::meter::{Meter, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use scheduler::Builder;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] =
    &[Bench::new("spawn_cross", "spawn an empty task on another, idle core and join it", spawn_cross)
        .cores(2)
        .subtracted(SUBTRACTED)];

fn spawn_cross(context: &mut BenchContext) -> Result<(), BenchError> {
    let there = context.other()?;
    Meter::new(500).run(context, || {
        let task = Builder::new("bench spawned").core(there).spawn(core_local::current);
        let ran_on = task.map_err(BenchError::failed)?.join().map_err(BenchError::failed)?;
        match ran_on == there {
            true => Ok(()),
            false => Err(BenchError::failed(format_args!("a task for {there} ran on {ran_on}"))),
        }
    })
}
