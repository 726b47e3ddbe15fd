//! A small cell is loaded and another copy of it unloaded: the nearest to inserting and removing a kernel module.
//!
//! Cells are loaded at boot, or to replace another; there is no call that loads or unloads one alone. So this reloads a
//! scheduling policy that is not in use: a fresh copy of its file is checked (seal, manifest, imports), mapped, linked,
//! protected, its unwind table registered, the copy is committed, and the old copy's memory is unmapped on all cores and
//! freed, after a grace period. Nobody runs or imports the cell, so no core has to stop for the commit. (With
//! the policy in use, the same is the row `swap_whole`.)

use crate::meter;
use alloc::string::String;
use cell_api::{Bench, BenchContext, BenchError};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "cell_stage",
    "load, link, check and commit a fresh copy of a small idle cell, and unload the copy that it replaces",
    cell_stage,
)
.subtracted(meter::SUBTRACTED_READINGS)];

/// How many reloads are measured unless the caller wants another number.
const SAMPLES: usize = 50;
/// How many come first, uncounted.
const WARM_UP: usize = 2;

fn cell_stage(context: &mut BenchContext) -> Result<(), BenchError> {
    let samples = context.samples_wanted(SAMPLES);
    let cell = idle_policy()?;
    let overhead = meter::overhead(0);
    let mapped = namespace::bytes_mapped();
    for sample in 0..WARM_UP + samples {
        let start = clock::now_ticks_fenced();
        let report = namespace::swap(&cell, &cell);
        let cycles = clock::now_ticks_fenced().wrapping_sub(start);
        let report = report.map_err(BenchError::failed)?;
        if let Some((cell, reason)) = report.kept.first() {
            return Err(BenchError::failed(format_args!("the old copy of {cell} was not freed: {reason}")));
        }
        if !report.pauses.is_empty() || report.leaked {
            return Err(BenchError::failed(format_args!(
                "{cell} was in use, or memory of its old copy was lost"
            )));
        }
        if sample >= WARM_UP {
            context.record_batch(cycles, overhead, 1);
        }
    }
    match namespace::bytes_mapped().cast_signed() - mapped.cast_signed() {
        0 => Ok(()),
        more => Err(BenchError::failed(format_args!(
            "{more} more bytes are mapped for cells than before; somebody else loaded or swapped one"
        ))),
    }
}

/// The cell of a policy that is loaded and not in use.
fn idle_policy() -> Result<String, BenchError> {
    let idle = namespace::policies().into_iter().find(|policy| !policy.active).map(|policy| policy.cell);
    idle.ok_or_else(|| {
        BenchError::failed(
            "no policy's cell is loaded but the one in use, and an idle one is what this reloads; \
             a swap takes the idle one out: run this before any swap, or restart Keel",
        )
    })
}
