//! Runs one benchmark in a task of its own.

use crate::figures::Outcome;
use cell_api::{Bench, BenchContext, BenchError};
use namespace::Pinned;
use scheduler::Builder;

/// Runs `bench` and waits for it. The task holds a pin of its own on the benchmark's cell, so the cell stays
/// even if the command is killed meanwhile.
///
/// # Errors
/// The benchmark's own; and if its task could not be made or did not come to its end, or if it recorded
/// nothing.
pub(crate) fn run(bench: &Pinned<Bench>, samples: usize) -> Result<Outcome, BenchError> {
    let theirs = bench.clone();
    let task = Builder::new("bench")
        .spawn(move || {
            let mut context = BenchContext::new(samples);
            (theirs.run)(&mut context).map(|()| context)
        })
        .map_err(BenchError::failed)?;
    let context = task.join().map_err(BenchError::failed)??;
    let operations = context.operations();
    let summary = statistics::summarize(&mut context.into_samples())
        .ok_or_else(|| BenchError::failed("it recorded no samples"))?;
    Ok(Outcome { summary, operations })
}
