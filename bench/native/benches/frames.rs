//! Frames: allocate and free one of 4 KiB, many, and 2 MiB; on one and two threads. One round is one allocation
//! and its free.
//!
//! Before it is measured, each allocator does all of it with the owners of frames watched.

mod common;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use native_benchmarks::frames::{
    FrameSource, Keel, Nobody, PerCoreLists, RegistryBuddy, Work, baseline, prove, work,
};
use native_benchmarks::threads::Team;
use std::sync::Arc;

/// Enough to meet each path of each allocator several times.
const PROVEN: u64 = 2_000;

fn subject<S: FrameSource>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    threads: usize,
    what: Work,
    make: impl Fn() -> S,
) {
    common::team(group, name, || {
        let source = Arc::new(make());
        prove(&*source, threads, PROVEN);
        let state = move |thread| (thread, Vec::new());
        Team::new(threads, state, move |(thread, held), pairs| {
            work(&*source, &Nobody, held, *thread, what, pairs);
        })
    });
}

fn frames(criterion: &mut Criterion) {
    for (operation, what) in
        [("frame_4k", Work::Repeat), ("frame_bulk", Work::Bulk), ("frame_2m", Work::Large)]
    {
        for &threads in common::threads() {
            let mut group = common::operation(criterion, &format!("{operation}_{threads}"));
            subject(&mut group, "keel", threads, what, Keel::start);
            subject(&mut group, "buddy_system_allocator", threads, what, RegistryBuddy::default);
            subject(&mut group, "locked_buddy", threads, what, baseline);
            subject(&mut group, "per_core_lists", threads, what, || PerCoreLists::new(threads));
            group.finish();
        }
    }
}

fn main() {
    let mut criterion = common::criterion();
    frames(&mut criterion);
    criterion.final_summary();
}
