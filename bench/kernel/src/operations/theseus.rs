//! Theseus's own benchmarks of tasks and memory, with its parameters, where no row of another name does the same work.
//!
//! `ctx`, `scheduler_eval`: tasks that are pinned to one core yield to each other so many times each. They wait for each
//! other at the start and at the end, and only what is between is timed: to create and to join them is no part
//! of it. (Theseus times that too, and then subtracts it.)
//!
//! | row | Theseus | here, to a sample | Theseus's whole |
//! |---|---|---|---|
//! | `ctx` | 2 tasks, 10 million yields each | 2 tasks, 1,000 each | `--samples 10000` |
//! | `scheduler_eval` | 32 tasks, 16,384 yields each | 32 tasks, 64 each | `--samples 256` |
//! | `memory_map` | 10 times 10,000 | one at least | `--samples 100000` |

use crate::{
    meter::{Meter, SUBTRACTED},
    tasks::not_run,
};
use alloc::{sync::Arc, vec::Vec};
use cell_api::{Bench, BenchContext, BenchError};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core_local::CoreId;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions};
use scheduler::Builder;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new(
        "ctx",
        "two tasks on one core yield to each other, 1,000 times each: one of the switches",
        |context| yields(context, 2, 1_000),
    )
    .subtracted(NOT_TIMED),
    Bench::new("scheduler_eval", "32 tasks on one core yield, 64 times each: one of the yields", |context| {
        yields(context, 32, 64)
    })
    .subtracted(NOT_TIMED),
    Bench::new(
        "memory_map",
        "map a zeroed 4 KiB page with its frame, write a byte to it, drop it",
        memory_map,
    )
    .subtracted(SUBTRACTED),
    Bench::new("spawn_program", "load the cell of a program, run its task, join it, unload it", |_| {
        Err(BenchError::NotYet(
            "cells are loaded at boot, or to replace another; there is no call yet that loads a program to run it once",
        ))
    }),
];

/// What `ctx` and `scheduler_eval` leave out.
const NOT_TIMED: &str = "creating, starting and joining the tasks is not timed; the loops stay in";

/// The name of the yielding tasks.
const NAME: &str = "bench yields";
/// How long they may take to come together, in nanoseconds: at the start as at the end.
const LIMIT_NS: u64 = 10_000_000_000;

/// What the yielding tasks share.
#[derive(Debug)]
struct Course {
    tasks: u64,
    /// How often each yields.
    turns: u64,
    at_start: AtomicU64,
    at_end: AtomicU64,
    /// When the last of them came to the start, and so all could begin.
    began: AtomicU64,
    /// When the last of them came to its end.
    ended: AtomicU64,
}

impl Course {
    /// What each task does. Returns how often it yielded while the clock ran; `None` if the others did not come.
    fn run(&self) -> Option<u64> {
        let _leave = Leave(self);
        // All are on one core, so the order of these needs no more than Relaxed.
        if self.at_start.fetch_add(1, Relaxed) + 1 == self.tasks {
            self.began.store(clock::now_ticks_fenced(), Relaxed);
        }
        self.yield_until_all(&self.at_start)?;
        for _ in 0..self.turns {
            scheduler::yield_now();
        }
        if self.at_end.fetch_add(1, Relaxed) + 1 == self.tasks {
            self.ended.store(clock::now_ticks_fenced(), Relaxed);
        }
        Some(self.turns + self.yield_until_all(&self.at_end)?)
    }

    /// Yields until all tasks have arrived, and counts. Where all have by the first yield, as at the end, it does not look at a clock.
    fn yield_until_all(&self, arrived: &AtomicU64) -> Option<u64> {
        let (mut yielded, mut deadline) = (0, None);
        while arrived.load(Relaxed) < self.tasks {
            if yielded > 0 {
                let now = clock::now_ns();
                if now > *deadline.get_or_insert(now.saturating_add(LIMIT_NS)) {
                    return None;
                }
            }
            yielded += 1;
            scheduler::yield_now();
        }
        Some(yielded)
    }
}

/// Lets nobody wait for a task that does not come: one that was not made, or that is unwound.
struct Leave<'a>(&'a Course);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.at_start.fetch_add(self.0.tasks, Relaxed);
        self.0.at_end.fetch_add(self.0.tasks, Relaxed);
    }
}

/// Has `tasks` tasks yield `turns` times each, for every sample anew.
fn yields(context: &mut BenchContext, tasks: u64, turns: u64) -> Result<(), BenchError> {
    let core = context.home()?;
    let samples = context.samples_wanted(50);
    // Warm-up.
    run_tasks(core, tasks, turns)?;
    for _ in 0..samples {
        let (cycles, yielded) = run_tasks(core, tasks, turns)?;
        context.record_batch(cycles, 0, yielded);
    }
    Ok(())
}

/// Cycles that the tasks took together from when all had started to the last one's end, and how often they yielded
/// meanwhile.
fn run_tasks(core: CoreId, tasks: u64, turns: u64) -> Result<(u64, u64), BenchError> {
    let course = Arc::new(Course {
        tasks,
        turns,
        at_start: AtomicU64::new(0),
        at_end: AtomicU64::new(0),
        began: AtomicU64::new(0),
        ended: AtomicU64::new(0),
    });
    let switched = switches(core);
    let mut made = Vec::new();
    let mut failed = None;
    for _ in 0..tasks {
        let theirs = Arc::clone(&course);
        match Builder::new(NAME).core(core).spawn(move || theirs.run()) {
            Ok(task) => made.push(task),
            Err(error) => {
                failed = Some(BenchError::failed(error));
                drop(Leave(&course));
                break;
            }
        }
    }
    let mut yielded = 0;
    for task in made {
        match task.join() {
            Ok(Some(more)) => yielded += more,
            Ok(None) => failed = Some(not_run(NAME, LIMIT_NS)),
            Err(death) => {
                failed = Some(BenchError::failed(format_args!("one of its tasks ended early: {death}")));
            }
        }
    }
    let cycles = course.ended.load(Relaxed).wrapping_sub(course.began.load(Relaxed));
    let switched = switches(core) - switched;
    match failed {
        Some(error) => Err(error),
        // The figure is one of switches only if each yield was one.
        None if switched < yielded => Err(BenchError::failed(format_args!(
            "the scheduling policy `{}` switched only {switched} times in {yielded} yields",
            scheduler::current_policy()
        ))),
        None => Ok((cycles, yielded)),
    }
}

/// How many switches there were on `core` so far.
fn switches(core: CoreId) -> u64 {
    scheduler::cores().iter().find(|info| info.core == core).map_or(0, |info| info.switches)
}

/// As `map_4k`, but the mapping is dropped: then a failure to unmap is logged, not returned.
fn memory_map(context: &mut BenchContext) -> Result<(), BenchError> {
    Meter::new(1_000).run(context, || {
        let mut memory =
            MappedPages::allocate(PAGE_SIZE, Permissions::ReadWrite).map_err(BenchError::failed)?;
        if let Some(first) = memory.bytes_mut().map_err(BenchError::failed)?.first_mut() {
            *first = 1;
        }
        drop(memory);
        Ok::<(), BenchError>(())
    })
}
