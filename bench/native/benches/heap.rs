//! Heaps: threadtest, shbench and larson on one and two threads. One round is one allocation and one free; every block
//! is stamped and looked at again, whoever's it is.

mod common;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use native_benchmarks::heap::{self, Common, Heap, Load};
use native_benchmarks::threads::Team;
use std::sync::Arc;

fn subject<A: Heap>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    threads: usize,
    load: Load,
    heap: fn() -> &'static A,
) {
    common::team(group, name, || {
        let common = Arc::new(Common::new(heap(), load, threads));
        let shared = Arc::clone(&common);
        Team::new(threads, move |index| common.part(index), move |part, pairs| shared.work(part, pairs))
    });
}

fn heaps(criterion: &mut Criterion) {
    for load in Load::ALL {
        for &threads in common::threads() {
            let mut group = common::operation(criterion, &format!("heap_{}_{threads}", load.name()));
            subject(&mut group, "keel", threads, load, heap::keel);
            subject(&mut group, "glibc", threads, load, heap::glibc);
            #[cfg(feature = "mimalloc")]
            subject(&mut group, "mimalloc", threads, load, heap::mimalloc);
            #[cfg(feature = "jemalloc")]
            subject(&mut group, "jemalloc", threads, load, heap::jemalloc);
            #[cfg(feature = "snmalloc")]
            subject(&mut group, "snmalloc", threads, load, heap::snmalloc);
            group.finish();
        }
    }
}

fn main() {
    let left_out: Vec<&str> = [
        (cfg!(feature = "mimalloc"), "mimalloc"),
        (cfg!(feature = "jemalloc"), "jemalloc"),
        (cfg!(feature = "snmalloc"), "snmalloc"),
    ]
    .into_iter()
    .filter_map(|(there, name)| (!there).then_some(name))
    .collect();
    if !left_out.is_empty() {
        eprintln!("not compiled in: {0}; add them with --features {0}", left_out.join(","));
    }
    let mut criterion = common::criterion();
    heaps(&mut criterion);
    criterion.final_summary();
}
