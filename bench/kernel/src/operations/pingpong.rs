//! A task wakes another and blocks until that one wakes it: the round trip, without any data.
//!
//! Two counting semaphores that are never positive for long, as in the other kernels' rows of this name: each `down`
//! blocks, each `up` wakes, so a round trip on one core is two wakes and two switches.

use crate::{
    meter::{Meter, SUBTRACTED},
    tasks,
};
use alloc::sync::Arc;
use cell_api::{Bench, BenchContext, BenchError};
use core::sync::atomic::{AtomicBool, Ordering};
use core_local::CoreId;
use sync::Semaphore;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "pingpong",
    "wake another task on the same core with a semaphore and wait until it wakes this one",
    |context| {
        let home = context.home()?;
        round_trip(context, home)
    },
)
.subtracted(SUBTRACTED)];

/// What both tasks share.
#[derive(Debug)]
struct Table {
    ask: Semaphore,
    answer: Semaphore,
    over: AtomicBool,
}

/// The asking end. Dropping it ends the other task, also when the asking one is unwound.
struct Asker(Arc<Table>);

impl Drop for Asker {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        self.0.ask.up();
    }
}

/// The round trip to a task on `there` and back.
///
/// # Errors
/// If that task could not be made, or did not answer each time.
pub(super) fn round_trip(context: &mut BenchContext, there: CoreId) -> Result<(), BenchError> {
    let table =
        Arc::new(Table { ask: Semaphore::new(0), answer: Semaphore::new(0), over: AtomicBool::new(false) });
    let theirs = Arc::clone(&table);
    let asker = Asker(table);
    let mut asked = 0u64;
    let counted = &mut asked;
    let answered = tasks::beside(
        there,
        "bench pingpong partner",
        move |_| {
            let mut answered = 0;
            loop {
                theirs.ask.down();
                if theirs.over.load(Ordering::Acquire) {
                    return answered;
                }
                answered += 1;
                theirs.answer.up();
            }
        },
        move || {
            let Asker(table) = &asker;
            Meter::new(1_000).gives_core_away().run_sure(context, || {
                *counted += 1;
                table.ask.up();
                table.answer.down();
            })
        },
    )?;
    if answered == asked {
        return Ok(());
    }
    Err(BenchError::failed(format_args!("{asked} wakes were answered by {answered}")))
}
