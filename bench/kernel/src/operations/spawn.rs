//! A task's whole life: spawn it on this core, run it, join it.

use crate::{
    meter::{Meter, SUBTRACTED},
    tasks,
};
use cell_api::{Bench, BenchContext, BenchError};
use scheduler::Builder;

/// `spawn`
pub(crate) const SPAWN: Bench = Bench {
    name: "spawn",
    unit: "cycles",
    what: "spawn an empty task on this core and join it",
    subtracted: SUBTRACTED,
    run: spawn,
};

fn spawn(context: &mut BenchContext) -> Result<(), BenchError> {
    let core = core_local::current();
    tasks::measure_on(core, "bench spawn", context, move |context| {
        Meter::new(1_000).run(context, || {
            let task = Builder::new("bench spawned").core(core).spawn(|| ()).map_err(BenchError::failed)?;
            task.join().map_err(BenchError::failed)
        })
    })
}
