//! A call on another core: send the interrupt, the function runs there, the caller learns that it has.
//!
//! The other core is kept busy by a task that computes, so the figure contains no wake from `hlt`.

use crate::{
    meter::{Meter, SUBTRACTED},
    tasks,
};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint;
use core_local::CoreSet;

/// `ipi`
pub(crate) const IPI: Bench = Bench {
    name: "ipi",
    unit: "cycles",
    what: "call an empty function on one other busy core by interrupt, and wait until it has run",
    subtracted: SUBTRACTED,
    run: ipi_call,
};

/// How long a call may go unanswered, in nanoseconds.
const TIMEOUT_NS: u64 = 1_000_000_000;

fn ipi_call(context: &mut BenchContext) -> Result<(), BenchError> {
    let core = core_local::current();
    let other = tasks::other_core(core)?;
    tasks::measure_on(core, "bench ipi", context, move |context| {
        tasks::beside(
            other,
            "bench ipi target",
            |shared| {
                while !shared.stopped() {
                    hint::spin_loop();
                }
                0
            },
            || Meter::new(1_000).run(context, || ipi::call(CoreSet::single(other), |_| (), 0, TIMEOUT_NS)),
        )
        .map(drop)
    })
}
