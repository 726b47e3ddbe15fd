//! What a run queue costs that spills its state into the tasks, and one that does not: Theseus's `rq_eval`.
//!
//! `rq_eval_*` adds one task to this core's queue and takes the first task out of it. Spill-free is what Keel does: a
//! policy of the core's own, called with interrupts off, takes the owned right to run the task, and gives it back.
//! Spillful is the baseline `spillful_queue`: a lock, a queue that shares the task, and a record in the task that names
//! the queue. Both are handed the task and hand it back; no reference is counted in either. Any core can use the
//! spillful queue, by its lock. A task that another core wakes comes to Keel's by the core's inbox, and that step is
//! not in the figure. `--samples 100000` gives at least Theseus's 100,000 rounds.
//!
//! `rq_eval_spawn_*` spawns a task and joins it, which goes through the scheduler and its queue several times, 1,000 times
//! at least, as in Theseus. With Keel's queues that is the row `spawn` once more, under the name that goes with the other.

use crate::{
    meter::{Meter, SUBTRACTED},
    operations::spawn::spawn,
};
use cell_api::{Bench, BenchContext, BenchError};
use spillful_queue::{RunQueues, SpillFree, Task};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new(
        "rq_eval_spill_free",
        "add a task to this core's run queue and take it out: Keel's queue",
        spill_free,
    )
    .subtracted(SUBTRACTED),
    Bench::new(
        "rq_eval_spillful",
        "add a task to this core's run queue and take it out: a locked queue that the task has a record of",
        spillful,
    )
    .subtracted(SUBTRACTED),
    Bench::new(
        "rq_eval_spawn_spill_free",
        "spawn an empty task on this core and join it: Keel's queues",
        spawn,
    )
    .subtracted(SUBTRACTED),
    Bench::new(
        "rq_eval_spawn_spillful",
        "spawn an empty task on this core and join it: spillful queues",
        |_| {
            Err(BenchError::NotYet(
                "Keel's tasks have no field for a queue's record, and a table in its place would cost more",
            ))
        },
    ),
];

fn spill_free(context: &mut BenchContext) -> Result<(), BenchError> {
    let mut queue = SpillFree::new();
    Meter::new(1_000).run(context, || {
        queue.add()?;
        queue.take()
    })
}

fn spillful(context: &mut BenchContext) -> Result<(), BenchError> {
    let home = context.home()?;
    let queues = RunQueues::new();
    let lost = || BenchError::failed("the queue lost the task");
    let mut task = Some(Task::new(1));
    Meter::new(1_000).run(context, || {
        queues.add(home, task.take().ok_or_else(lost)?).map_err(BenchError::failed)?;
        task = queues.pick(home);
        Ok::<(), BenchError>(())
    })?;
    task.map(drop).ok_or_else(lost)
}
