//! Run queues: what the owner does at each switch, what a steal costs, and the way of a task to another core.
//!
//! | operation | one round |
//! |---|---|
//! | `runqueue_push_pop_1` | the running task goes to the end, the next is taken: a yield. 16 others wait |
//! | `runqueue_steal_1` | of 32, one moves to the thief, and its owner pushes it back: both sides' work, without a rival |
//! | `runqueue_steal_half_1` | the same for one task of half a queue that moves at once |
//! | `runqueue_steal_2` | the victim, on a thread of its own, goes on switching; the thief takes one and sends it back: what the thief waits, with both sides in it (below) |
//! | `runqueue_handover_1` | one of eight tasks pushed to another core's inbox and taken out there: both sides' work, without a rival |
//! | `runqueue_handover_2` | a task to another thread and back, 32 of them under way at any time: what one side waits while both work |
//!
//! On one thread both sides do their work one after the other, and the figure is the sum. In `runqueue_steal_2` the
//! thief's clock runs, and the victim's part of a steal is in it because the thief has to wait for that: in Keel until
//! the victim looks for a request, takes a task out and hands it over, with a peer while the victim's own pushes and pops
//! are in the way. The victim takes what was sent back into its queue beside that; it is in the figure as far as it
//! delays the victim's next answer.

mod common;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use inbox::Inbox;
use native_benchmarks::hand_over::{CrossbeamInjector, HandOver, KeelInbox, MutexInbox};
use native_benchmarks::queues::{
    ALONE, Crossbeam, Keel, LOADED, MutexQueue, Queue, St3, Thief, all_there, tasks,
};
use native_benchmarks::threads::{Companion, wait_for};
use sched_policy::Ready;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::yield_now;
use std::time::Instant;

type Group<'g> = BenchmarkGroup<'g, WallTime>;

/// A queue with so many tasks in it, and its thief.
fn loaded<Q: Queue>(count: u64) -> (Q, Q::Thief) {
    let (mut queue, thief) = Q::pair();
    tasks(count).for_each(|task| queue.push(task));
    (queue, thief)
}

fn rest<Q: Queue>(queue: &mut Q) -> impl Iterator<Item = Ready> {
    std::iter::from_fn(|| queue.pop())
}

fn push_pop<Q: Queue>(group: &mut Group<'_>) {
    let mut state = None;
    group.bench_function(Q::NAME, |bencher| {
        let (queue, running, expected) = state.get_or_insert_with(|| {
            let (mut queue, _) = loaded::<Q>(ALONE + 1);
            (queue.pop().map(|first| (queue, first, 0))).expect("it is full")
        });
        // By value, as the scheduler has it.
        bencher.iter_custom(|times| {
            let start = Instant::now();
            for _ in 0..times {
                // Each queue here is a fair one: everybody's turn comes in the same order.
                assert_eq!(running.id(), *expected, "out of turn");
                *expected = if *expected == ALONE { 0 } else { *expected + 1 };
                let next = queue.pop().expect("others wait");
                queue.push(std::mem::replace(running, next));
            }
            start.elapsed()
        });
    });
    if let Some((mut queue, running, _)) = state {
        all_there(rest(&mut queue).chain([running]), ALONE + 1);
    }
}

fn steal<Q: Queue>(group: &mut Group<'_>) {
    let mut state = None;
    group.bench_function(Q::NAME, |bencher| {
        let (victim, thief) = state.get_or_insert_with(|| loaded::<Q>(LOADED));
        bencher.iter(|| {
            thief.ask();
            victim.serve(false);
            let task = thief.take().expect("nobody else takes any");
            black_box(task.id());
            victim.push(task);
        });
    });
    if let Some((mut victim, _)) = state {
        all_there(rest(&mut victim), LOADED);
    }
}

fn steal_half<Q: Queue>(group: &mut Group<'_>) {
    let mut state = None;
    group.bench_function(Q::NAME, |bencher| {
        let (victim, thief) = state.get_or_insert_with(|| loaded::<Q>(LOADED));
        bencher.iter_custom(|times| {
            let (mut moved, start) = (0, Instant::now());
            while moved < times {
                thief.ask();
                victim.serve(true);
                assert!(thief.take_half(), "nobody else takes any");
                while let Some(task) = thief.pop() {
                    black_box(task.id());
                    victim.push(task);
                    moved += 1;
                }
            }
            // The last turn may have moved some more than were asked for.
            start.elapsed().mul_f64(times as f64 / moved as f64)
        });
    });
    if let Some((mut victim, _)) = state {
        all_there(rest(&mut victim), LOADED);
    }
}

/// After so many turns the victim lets another thread have the processor: if the host is busy, that may be the thief.
const TURNS: u32 = 1_000;

fn steal_from_a_busy_core<Q: Queue>(group: &mut Group<'_>) {
    let mut state = None;
    group.bench_function(Q::NAME, |bencher| {
        let (thief, back, companion) = state.get_or_insert_with(|| {
            let (mut victim, thief) = loaded::<Q>(LOADED);
            let back = Arc::new(Inbox::<Ready>::new());
            let returned = Arc::clone(&back);
            let companion = Companion::start(move |stop| {
                while !stop.load(Relaxed) {
                    for _ in 0..TURNS {
                        if let Some(running) = victim.pop() {
                            black_box(running.id());
                            victim.push(running);
                        }
                        victim.serve(false);
                        if !returned.is_empty() {
                            returned.take_all().for_each(|task| victim.push(task));
                        }
                    }
                    yield_now();
                }
                victim
            });
            (thief, back, companion)
        });
        bencher.iter(|| {
            thief.ask();
            let task = wait_for(|| companion.alive(), || thief.take());
            black_box(task.id());
            back.push(task);
        });
    });
    if let Some((mut thief, back, companion)) = state {
        let mut victim = companion.stop();
        // A request may have been answered that nobody waited for.
        let stray = thief.take();
        all_there(rest(&mut victim).chain(back.take_all()).chain(stray), LOADED);
    }
}

/// Tasks that are handed over together.
const TOGETHER: u64 = 8;

fn hand_over<H: HandOver>(group: &mut Group<'_>) {
    let mut state = None;
    group.bench_function(H::NAME, |bencher| {
        let (inbox, own, ours) = state.get_or_insert_with(|| {
            (H::default(), H::Own::default(), tasks(TOGETHER).collect::<Vec<Ready>>())
        });
        bencher.iter_custom(|times| {
            let (mut moved, start) = (0, Instant::now());
            while moved < times {
                ours.drain(..).for_each(|task| inbox.push(task));
                inbox.take_all(own, |task| ours.push(task));
                assert_eq!(ours.len() as u64, TOGETHER);
                moved += TOGETHER;
            }
            start.elapsed().mul_f64(times as f64 / moved as f64)
        });
    });
    if let Some((.., ours)) = state {
        all_there(ours, TOGETHER);
    }
}

/// The inboxes of two cores.
struct Pair<H> {
    here: H,
    there: H,
}

fn hand_over_between_threads<H: HandOver>(group: &mut Group<'_>) {
    let mut state = None;
    group.bench_function(H::NAME, |bencher| {
        let (pair, own, companion) = state.get_or_insert_with(|| {
            let pair = Arc::new(Pair { here: H::default(), there: H::default() });
            tasks(LOADED).for_each(|task| pair.there.push(task));
            let echo = Arc::clone(&pair);
            let companion = Companion::start(move |stop| {
                let mut own = H::Own::default();
                while !stop.load(Relaxed) {
                    for _ in 0..TURNS {
                        echo.there.take_all(&mut own, |task| echo.here.push(task));
                    }
                    yield_now();
                }
            });
            (pair, H::Own::default(), companion)
        });
        bencher.iter_custom(|times| {
            let (mut came, start) = (0, Instant::now());
            while came < times {
                came += wait_for(
                    || companion.alive(),
                    || {
                        let mut now = 0;
                        pair.here.take_all(own, |task| {
                            black_box(task.id());
                            pair.there.push(task);
                            now += 1;
                        });
                        (now > 0).then_some(now)
                    },
                );
            }
            start.elapsed().mul_f64(times as f64 / came as f64)
        });
    });
    if let Some((pair, mut own, companion)) = state {
        companion.stop();
        let mut all = Vec::new();
        pair.here.take_all(&mut own, |task| all.push(task));
        pair.there.take_all(&mut own, |task| all.push(task));
        all_there(all, LOADED);
    }
}

/// One operation for all queues.
macro_rules! queues {
    ($criterion:ident, $name:literal, $operation:ident) => {{
        let mut group = common::operation($criterion, $name);
        $operation::<Keel>(&mut group);
        $operation::<Crossbeam>(&mut group);
        $operation::<St3>(&mut group);
        $operation::<MutexQueue>(&mut group);
        group.finish();
    }};
}

/// One operation for all who hand over; st3 has nothing for that.
macro_rules! inboxes {
    ($criterion:ident, $name:literal, $operation:ident) => {{
        let mut group = common::operation($criterion, $name);
        $operation::<KeelInbox>(&mut group);
        $operation::<CrossbeamInjector>(&mut group);
        $operation::<MutexInbox>(&mut group);
        group.finish();
    }};
}

fn run_queues(criterion: &mut Criterion) {
    queues!(criterion, "runqueue_push_pop_1", push_pop);
    queues!(criterion, "runqueue_steal_1", steal);
    queues!(criterion, "runqueue_steal_half_1", steal_half);
    inboxes!(criterion, "runqueue_handover_1", hand_over);
    if common::threads().contains(&2) {
        queues!(criterion, "runqueue_steal_2", steal_from_a_busy_core);
        inboxes!(criterion, "runqueue_handover_2", hand_over_between_threads);
    }
}

fn main() {
    let mut criterion = common::criterion();
    run_queues(&mut criterion);
    criterion.final_summary();
}
