//! The task switch: two tasks on one core that only give it to each other; and a yield when there is nobody to give
//! it to.

use crate::{
    meter::{Meter, SUBTRACTED},
    tasks,
};
use cell_api::{Bench, BenchContext, BenchError};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new("yield", "switch to the other of two tasks on one core, by a yield", yield_to_the_other)
        .subtracted(
            "the loops of both tasks and two TSC readings: fastest of 32 empty loops, same length, same run",
        ),
    Bench::new("yield_alone", "yield on a core on which no other task is ready", yield_alone)
        .subtracted(SUBTRACTED),
];

/// In one round of the measuring task the core goes to the other task and back.
const SWITCHES_PER_ROUND: u64 = 2;
/// Both tasks loop.
const LOOPS: u64 = 2;

fn yield_to_the_other(context: &mut BenchContext) -> Result<(), BenchError> {
    let turns = tasks::beside(
        context.home()?,
        "bench yield partner",
        |shared| {
            let mut turns = 0u64;
            // The owner yields all the time, so a kill unwinds it, and it tells.
            while !shared.told() {
                turns += 1;
                scheduler::yield_now();
            }
            turns
        },
        || {
            Meter::new(1_000)
                .gives_core_away()
                .operations_per_round(SWITCHES_PER_ROUND)
                .loops(LOOPS)
                .run_sure(context, scheduler::yield_now)
        },
    )?;
    check_turns(turns, context.operations() / SWITCHES_PER_ROUND)
}

/// The figure is one of switches only if the other task had its turn in each round. (It had more turns than
/// were measured, because warm-up counts too.)
fn check_turns(turns: u64, rounds: u64) -> Result<(), BenchError> {
    if turns < rounds {
        return Err(BenchError::failed(format_args!(
            "the scheduling policy `{}` let the other task run only {turns} times in {rounds} yields",
            scheduler::current_policy()
        )));
    }
    Ok(())
}

/// Nobody else is pinned to this core; a task that comes by all the same is an outlier.
fn yield_alone(context: &mut BenchContext) -> Result<(), BenchError> {
    Meter::new(1_000).run_sure(context, scheduler::yield_now)
}
