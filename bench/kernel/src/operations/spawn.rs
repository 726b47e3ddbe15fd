//! A task's whole life: spawn it on this core, run it, join it.

use crate::meter::{Meter, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use scheduler::Builder;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] =
    &[Bench::new("spawn", "spawn an empty task on this core and join it", spawn).subtracted(SUBTRACTED)];

/// Spawns and joins, 1,000 times unless the caller wants another number.
pub(super) fn spawn(context: &mut BenchContext) -> Result<(), BenchError> {
    let core = context.home()?;
    Meter::new(1_000).gives_core_away().run(context, || {
        let task = Builder::new("bench spawned").core(core).spawn(|| ()).map_err(BenchError::failed)?;
        task.join().map_err(BenchError::failed)
    })
}
