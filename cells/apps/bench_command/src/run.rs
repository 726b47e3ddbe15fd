//! Runs one benchmark in a task of its own.

use crate::figures::Outcome;
use cell_api::{Bench, BenchContext, BenchError};
use core_local::CoreSet;
use namespace::Pinned;
use scheduler::Builder;

/// Runs `bench` on `cores`, in a task that stays on the first of them, and waits for it. The task holds a pin of its
/// own on the benchmark's cell, so the cell stays even if the command is killed meanwhile.
///
/// # Errors
/// The benchmark's own; and if it needs more cores, its task could not be made or did not come to its end, or it recorded
/// nothing.
pub(crate) fn run(bench: &Pinned<Bench>, samples: usize, cores: CoreSet) -> Result<Outcome, BenchError> {
    if cores.len() < bench.cores {
        return Err(BenchError::NeedsCores(bench.cores));
    }
    let theirs = bench.clone();
    let mut context = BenchContext::new(samples, cores);
    let task = Builder::new("bench")
        .core(context.home()?)
        .spawn(move || (theirs.run)(&mut context).map(|()| context))
        .map_err(BenchError::failed)?;
    let context = task.join().map_err(BenchError::failed)??;
    Outcome::of(context.operations(), &mut context.into_samples())
        .ok_or_else(|| BenchError::failed("it recorded no samples"))
}
