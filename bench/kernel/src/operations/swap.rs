//! The replacement of the running scheduling policy's cell by another's, and back.
//!
//! Two figures of the same operation: for how long the machine stood still, and how long the whole took. The
//! whole is what somebody waits for who types `swap`: the new cell is loaded, linked and checked, the tasks
//! are handed over at the rendezvous, the old cell is retired. Every second sample is the way back. Unless the caller wants another
//! number, there are 2 swaps to warm up and 12 that count.

use crate::meter;
use alloc::string::String;
use cell_api::{Bench, BenchContext, BenchError};
use core::mem;
use namespace::SwapReport;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new(
        "swap_pause",
        "replace the scheduling policy's cell: the pause of the core that stood still the longest",
        |context| {
            // The report has nanoseconds, which the rendezvous made of cycles; here they are cycles again, as in every other row.
            each_swap(context, SAMPLES, |report, _| {
                clock::ns_to_ticks(report.pauses.iter().copied().max().unwrap_or(0))
            })
        },
    ),
    Bench::new(
        "swap_whole",
        "replace the scheduling policy's cell: from the call until the old cell is retired",
        |context| {
            let overhead = meter::overhead(0);
            each_swap(context, SAMPLES, |_, cycles| cycles.saturating_sub(overhead))
        },
    )
    .subtracted(meter::SUBTRACTED_READINGS),
];

/// How many swaps are measured unless the caller wants another number: few, for where cores outnumber the host's, each takes
/// a tenth of a second.
const SAMPLES: usize = 12;
/// How many swaps come first, uncounted.
const WARM_UP: usize = 2;

/// Swaps there and back, `default` times unless the caller wants another number, and records what `sample` makes of each
/// swap's report and its duration in cycles. (It is asked while warming up too.)
/// The policy that was in use is in use again afterwards, unless the way back fails.
pub(super) fn each_swap(
    context: &mut BenchContext,
    default: usize,
    mut sample: impl FnMut(&SwapReport, u64) -> u64,
) -> Result<(), BenchError> {
    let samples = context.samples_wanted(default);
    let (home, away) = two_policies()?;
    let (mut used, mut other) = (&home, &away);
    let result = (0..WARM_UP + samples).try_for_each(|round| {
        meter::kill_point();
        let start = clock::now_ticks_fenced();
        let report = swap(used, other);
        let cycles = clock::now_ticks_fenced().wrapping_sub(start);
        let report = report?;
        mem::swap(&mut used, &mut other);
        let figure = sample(&report, cycles);
        if round >= WARM_UP {
            context.record(figure);
        }
        all_freed(&report)
    });
    // An odd number of swaps leaves the other policy in use.
    let back = if used == &home { Ok(()) } else { swap(used, other).map(drop) };
    result.and(back)
}

fn swap(old: &str, new: &str) -> Result<SwapReport, BenchError> {
    namespace::swap(old, new).map_err(|error| {
        BenchError::failed(format_args!("cannot swap {old} for {new}, so {old} is in use: {error}"))
    })
}

/// A swap that leaves the old cell behind is not the whole operation, and many of them would fill the memory.
fn all_freed(report: &SwapReport) -> Result<(), BenchError> {
    match report.kept.first() {
        Some((cell, reason)) => {
            Err(BenchError::failed(format_args!("the replaced cell {cell} was not freed: {reason}")))
        }
        None if report.leaked => Err(BenchError::failed(
            "memory of a replaced cell was lost; the log names the core that did not answer",
        )),
        None => Ok(()),
    }
}

/// The cell of the policy in use, and the cell of another: a loaded one, or else one of the archive that a swap has taken out.
fn two_policies() -> Result<(String, String), BenchError> {
    let policies = namespace::policies();
    let home = policies.iter().find(|policy| policy.active).map(|policy| policy.cell.clone());
    let home = home.ok_or_else(|| {
        BenchError::failed(
            "the policy in use is the built-in one, not a cell: start Keel with `policy=round_robin`",
        )
    })?;
    let live = namespace::cells();
    let replaced =
        namespace::archive_names().into_iter().find(|name| live.iter().all(|cell| cell.name != *name));
    let away = policies.into_iter().find(|policy| !policy.active).map(|policy| policy.cell).or(replaced);
    let away =
        away.ok_or_else(|| BenchError::failed("there is no second policy: `policy` lists those there are"))?;
    Ok((home, away))
}
