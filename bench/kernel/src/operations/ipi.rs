//! A call on another core: send the interrupt, the function runs there, the caller learns that it has.
//!
//! The other core is kept busy by a task that computes, so the figure contains no wake from `hlt`.

use crate::{
    meter::{Meter, SUBTRACTED},
    tasks,
};
use cell_api::{Bench, BenchContext, BenchError};
use core::{
    hint,
    sync::atomic::{AtomicU64, Ordering},
};
use core_local::CoreSet;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "ipi",
    "call a function that counts on one other busy core by interrupt, and wait until it has run",
    ipi_call,
)
.cores(2)
.subtracted(SUBTRACTED)];

/// How long a call may go unanswered, in nanoseconds.
const TIMEOUT_NS: u64 = 1_000_000_000;

fn ipi_call(context: &mut BenchContext) -> Result<(), BenchError> {
    let other = context.other()?;
    let (mut asked, counted) = (0, AtomicU64::new(0));
    // Only the other core writes it, and this one reads when nobody does.
    let count = |_| counted.store(counted.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    tasks::beside(
        other,
        "bench ipi target",
        |shared| {
            while !shared.stopped() {
                hint::spin_loop();
            }
            0
        },
        || {
            Meter::new(1_000).run(context, || {
                asked += 1;
                ipi::call_with(CoreSet::single(other), &count, TIMEOUT_NS)
            })
        },
    )?;
    match counted.into_inner() {
        counted if counted == asked => Ok(()),
        counted => Err(BenchError::failed(format_args!("of {asked} calls {counted} ran on the other core"))),
    }
}
