//! Every heap under every load, as the benchmark puts it there. In a program of its own, because the simulated
//! machine under the
//! kernel's heap and the frames' benchmark both claim the process's one frame allocator.

use native_benchmarks::heap::{Common, Heap, Load, glibc, keel};
use native_benchmarks::threads::Team;
use std::sync::Arc;

fn all_loads<A: Heap>(heap: &'static A) {
    for load in Load::ALL {
        let common = Arc::new(Common::new(heap, load, 2));
        let shared = Arc::clone(&common);
        let mut team =
            Team::new(2, move |index| common.part(index), move |part, pairs| shared.work(part, pairs));
        team.run(1);
        team.run(30_000);
    }
}

#[test]
fn the_kernels_heap_bears_every_load_and_gets_everything_back() {
    let heap = keel();
    let used = heap::stats().used;
    all_loads(heap);
    assert_eq!(heap::stats().used, used);
}

#[test]
fn the_peers_bear_every_load() {
    all_loads(glibc());
    #[cfg(feature = "mimalloc")]
    all_loads(native_benchmarks::heap::mimalloc());
    #[cfg(feature = "jemalloc")]
    all_loads(native_benchmarks::heap::jemalloc());
    #[cfg(feature = "snmalloc")]
    all_loads(native_benchmarks::heap::snmalloc());
}
