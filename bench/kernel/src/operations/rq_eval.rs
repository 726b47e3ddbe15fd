//! What a run queue costs that spills its state into the tasks, and one that does not: Theseus's `rq_eval`.
//!
//! `rq_eval_*` adds one task to this core's queue and takes it out again. Spill-free is what Keel does: a policy of
//! the core's own, called with interrupts off, takes the owned right to run the task, and gives it back. Spillful is
//! the baseline `spillful_queue`: a lock, a queue that shares the task, and a record in the task that names the queue.
//! `--samples 100000` gives at least Theseus's 100,000 rounds.
//!
//! `rq_eval_spawn_*` spawns a task and joins it, which goes through the scheduler and its queue several times;
//! `--samples 1000` gives at least Theseus's 1,000.

use crate::meter::{Meter, SUBTRACTED};
use alloc::{boxed::Box, sync::Arc};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use sched_policy::{Enqueue, Policy, Ready, TaskList};
use scheduler::Builder;
use spillful_queue::{LoneTask, RunQueues, Task};

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
        "add a task to this core's run queue and remove it: a locked queue that the task has a record of",
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

/// First come, first served: what a policy does at least.
#[derive(Default)]
struct Fifo(TaskList);

impl Policy for Fifo {
    fn name(&self) -> &'static str {
        "rq_eval"
    }

    fn enqueue(&mut self, task: Ready, _why: Enqueue) {
        self.0.push_back(task);
    }

    fn pick(&mut self) -> Option<Ready> {
        self.0.pop_front()
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

fn spill_free(context: &mut BenchContext) -> Result<(), BenchError> {
    // The scheduler calls its policy through a trait object too.
    let mut queue: Box<dyn Policy> = black_box(Box::new(Fifo::default()));
    let lost = || BenchError::failed("the queue lost the task");
    let mut task = LoneTask::ready();
    if task.is_none() {
        return Err(BenchError::failed("another run of this benchmark has the task; wait for its end"));
    }
    Meter::new(1_000).run(context, || {
        let ready = task.take().ok_or_else(lost)?;
        let irqs_off = core_local::irq_disable();
        queue.enqueue(ready, Enqueue::Woken);
        drop(irqs_off);
        let irqs_off = core_local::irq_disable();
        task = queue.pick();
        drop(irqs_off);
        Ok::<(), BenchError>(())
    })?;
    task.map(drop).ok_or_else(lost)
}

fn spillful(context: &mut BenchContext) -> Result<(), BenchError> {
    let home = context.home()?;
    let (queues, task) = (RunQueues::new(), Task::new(1));
    Meter::new(1_000).run(context, || {
        queues.add(home, Arc::clone(&task)).map_err(BenchError::failed)?;
        let removed = queues.remove(&task);
        removed.map(drop).ok_or_else(|| BenchError::failed("the queue lost the task"))
    })
}

fn spawn(context: &mut BenchContext) -> Result<(), BenchError> {
    let core = context.home()?;
    Meter::new(200).run(context, || {
        let task = Builder::new("bench rq_eval").core(core).spawn(|| ()).map_err(BenchError::failed)?;
        task.join().map_err(BenchError::failed)
    })
}
