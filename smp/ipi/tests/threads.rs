//! The bound protocols with threads for cores: the public interface, under load.
//!
//! One test, because the machine is one: its parts share the cores' numbers.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use core_local::{CoreId, CoreSet, MAX_CORES};
use ipi::{RendezvousError, Unanswered};

const CORES: u32 = 4;
const LONG: u64 = 20_000_000_000;

fn core(index: u32) -> CoreId {
    CoreId::new(index).expect("below MAX_CORES")
}

/// Runs `body` on each of the first CORES cores; afterwards each serves until all are done.
fn on_cores(body: impl Fn(CoreId) + Sync) {
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for id in (0..CORES).map(core) {
            let (body, done) = (&body, &done);
            scope.spawn(move || {
                // SAFETY: on the host `install` has no conditions.
                unsafe { core_local::install(id, id.index() as u32) };
                body(id);
                done.fetch_add(1, SeqCst);
                while done.load(SeqCst) < CORES as usize {
                    ipi::serve();
                    std::thread::yield_now();
                }
            });
        }
    });
}

#[test]
fn calls_and_rendezvous_among_threads() {
    (0..CORES).map(core).for_each(core_local::set_online);
    calls_reach_all();
    a_deaf_core_is_named();
    rendezvous_exclude_each_other_and_calls();
    a_rendezvous_without_a_core_does_nothing();
    a_panic_lets_everybody_go();
}

fn calls_reach_all() {
    let runs: Vec<AtomicU64> = (0..MAX_CORES).map(|_| AtomicU64::new(0)).collect();
    on_cores(|_| {
        for _ in 0..500 {
            ipi::call_with(
                core_local::online(),
                &|on: CoreId| _ = runs[on.index()].fetch_add(1, SeqCst),
                LONG,
            )
            .expect("all serve");
        }
    });
    for runs in &runs[..CORES as usize] {
        assert_eq!(runs.load(SeqCst), 500 * u64::from(CORES - 1));
    }
}

fn a_deaf_core_is_named() {
    let deaf = core(63);
    on_cores(|me| {
        let targets = core_local::online().with(deaf);
        let ran = AtomicUsize::new(0);
        let f = |_: CoreId| _ = ran.fetch_add(1, SeqCst);
        if me == core(0) {
            let result = ipi::call_with(targets, &f, 200_000_000);
            assert_eq!(result, Err(Unanswered { cores: CoreSet::single(deaf) }));
            assert_eq!(ran.load(SeqCst), CORES as usize - 1);
            assert!(result.unwrap_err().to_string().contains("core 63 did not answer"));
        }
    });
}

fn rendezvous_exclude_each_other_and_calls() {
    let (inside, rounds, each) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    on_cores(|_| {
        for turn in 0..100 {
            let on_each = |_: CoreId| _ = each.fetch_add(1, SeqCst);
            let ((), pauses) = ipi::rendezvous(
                |_| {
                    assert_eq!(inside.fetch_add(1, SeqCst), 0, "one at a time");
                    assert!(!core_local::irqs_enabled());
                    rounds.fetch_add(1, SeqCst);
                    inside.fetch_sub(1, SeqCst);
                },
                Some(&on_each),
                LONG,
            )
            .expect("all serve");
            assert_eq!(pauses.iter().count(), CORES as usize);
            assert!(pauses.longest_ns() < LONG);
            let f = |_: CoreId| assert_eq!(inside.load(SeqCst), 0, "no call runs during a rendezvous");
            if turn % 2 == 0 {
                ipi::call_with(core_local::online(), &f, LONG).expect("all serve");
            }
        }
    });
    assert_eq!(rounds.load(SeqCst), 100 * CORES as usize);
    assert_eq!(each.load(SeqCst), 100 * (CORES * CORES) as usize);
}

fn a_rendezvous_without_a_core_does_nothing() {
    let over = AtomicBool::new(false);
    let ran = AtomicBool::new(false);
    on_cores(|me| match me.index() {
        0 => {
            let result =
                ipi::rendezvous(|_| ran.store(true, SeqCst), Some(&|_| ran.store(true, SeqCst)), 100_000_000);
            assert_eq!(result.unwrap_err(), RendezvousError::Unanswered(CoreSet::single(core(3))));
            over.store(true, SeqCst);
        }
        // Core 3 hears nothing meanwhile.
        3 => {
            while !over.load(SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        _ => {}
    });
    assert!(!ran.load(SeqCst));
}

fn a_panic_lets_everybody_go() {
    on_cores(|me| {
        if me == core(1) {
            let result = std::panic::catch_unwind(|| ipi::rendezvous(|_| panic!("on purpose"), None, LONG));
            assert!(result.is_err() && core_local::irqs_enabled());
            ipi::rendezvous(|_| (), None, LONG).expect("the next round works");
        }
    });
}
