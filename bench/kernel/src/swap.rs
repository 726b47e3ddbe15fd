//! The replacement of the running scheduling policy's cell by another's, and back.
//!
//! Two figures of the same operation: for how long the machine stood still, and how long the whole took. The whole is
//! what somebody waits for who types `swap`: the new cell is loaded, linked and checked, the tasks are handed over at the
//! rendezvous, the old cell is retired. Every second sample is the way back.

use crate::meter;
use alloc::string::String;
use cell_api::{Bench, BenchContext, BenchError};
use namespace::SwapReport;

/// `swap_pause`
pub(crate) const SWAP_PAUSE: Bench = Bench {
    name: "swap_pause",
    unit: "ns",
    what: "replace the scheduling policy's cell: the pause of the core that stood still the longest",
    subtracted: "nothing",
    run: |context| each_swap(context, |report, _| report.pauses.iter().copied().max().unwrap_or(0)),
};

/// `swap_whole`
pub(crate) const SWAP_WHOLE: Bench = Bench {
    name: "swap_whole",
    unit: "cycles",
    what: "replace the scheduling policy's cell: from the call until the old cell is retired",
    subtracted: "two TSC readings: fastest of 32 empty pairs, same run",
    run: |context| {
        let overhead = meter::overhead(0);
        each_swap(context, |_, cycles| cycles.saturating_sub(overhead))
    },
};

/// How many swaps are measured unless the caller wants another number.
const SAMPLES: usize = 50;
/// How many swaps there and back come first.
const WARM_UP: usize = 2;

/// Swaps there and back, and records what `sample` makes of each swap's report and its duration in cycles. The
/// policy that ran before runs afterwards, whatever happens, unless it is the way back that fails.
fn each_swap(
    context: &mut BenchContext,
    sample: impl Fn(&SwapReport, u64) -> u64,
) -> Result<(), BenchError> {
    let samples = context.samples_wanted(SAMPLES);
    let (home, away) = two_policies()?;
    for round in 0..WARM_UP + samples.div_ceil(2) {
        for (old, new) in [(&home, &away), (&away, &home)] {
            let start = clock::now_ticks_fenced();
            let report = namespace::swap(old, new).map_err(BenchError::failed)?;
            let cycles = clock::now_ticks_fenced().wrapping_sub(start);
            if round >= WARM_UP && context.samples().len() < samples {
                context.record(sample(&report, cycles));
            }
        }
    }
    Ok(())
}

/// The cell of the policy that runs, and the cell of another.
fn two_policies() -> Result<(String, String), BenchError> {
    let running = scheduler::current_policy();
    let policies = namespace::policies();
    let cell_of = |wanted: &dyn Fn(&str) -> bool| {
        policies.iter().find(|(policy, _)| wanted(policy)).map(|(_, cell)| cell.clone())
    };
    let home = cell_of(&|policy| policy == running).ok_or_else(|| {
        BenchError::failed(format_args!(
            "the running policy `{running}` is built in and is no cell; `swap` one in first, or start with `policy=`"
        ))
    })?;
    let away = cell_of(&|policy| policy != running)
        .ok_or_else(|| BenchError::failed("there is no second policy to swap to; `cells` lists the cells"))?;
    Ok((home, away))
}
