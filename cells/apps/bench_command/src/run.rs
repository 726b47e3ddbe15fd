//! Runs one benchmark in a task of its own.

use crate::{figures::Outcome, settle::settle};
use cell_api::{Bench, BenchContext, BenchError};
use core_local::CoreSet;
use namespace::Pinned;
use scheduler::{Builder, TaskRef};

/// Kills the benchmark's task if the command ends before it. To kill one that has ended does nothing.
struct KillOnDrop(TaskRef);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        // Fails only for the scheduler's own tasks.
        let _ = self.0.kill();
    }
}

/// Runs `bench` on `cores`, in a task that stays on the first of them, and waits for it. The task holds a pin of its
/// own on the benchmark's cell, so the cell stays even if the command is killed meanwhile; then the benchmark is killed too.
///
/// # Errors
/// The benchmark's own; and if it needs more cores, its task could not be made or did not come to its end, or it recorded
/// nothing.
pub(crate) fn run(bench: &Pinned<Bench>, samples: usize, cores: CoreSet) -> Result<Outcome, BenchError> {
    if cores.len() < bench.cores {
        return Err(BenchError::NeedsCores(bench.cores));
    }
    let _settled = settle();
    let theirs = bench.clone();
    let mut context = BenchContext::new(samples, cores);
    let task = Builder::new("bench")
        .core(context.home()?)
        .spawn(move || (theirs.run)(&mut context).map(|()| context))
        .map_err(BenchError::failed)?;
    let _kill = KillOnDrop(task.task());
    let context = task.join().map_err(BenchError::failed)??;
    Outcome::of(context.operations(), &mut context.into_samples())
        .ok_or_else(|| BenchError::failed("it recorded no samples"))
}
