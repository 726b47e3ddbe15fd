//! Models of the call and rendezvous protocols: the code that the kernel runs, on loom's atomics.
//! Run with `RUSTFLAGS="--cfg loom" cargo test -p ipi --release --test loom`.
//!
//! Loom checks, besides the assertions: no data race on the slot's work and on `on_each`, no deadlock,
//! and (by its limit on branches) no wait that does not end. Executions with more than a few preemptions
//! are not explored: waits make them unboundedly many.
#![cfg(loom)]

use std::cell::Cell;

use core_local::CoreId;
use ipi::protocol::{Calls, Env, StopFailure, Stops, Work};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use loom::thread;

struct Machine<const N: usize> {
    calls: Calls<N>,
    stops: Stops<N>,
}

impl<const N: usize> Machine<N> {
    fn new() -> Arc<Self> {
        Arc::new(Self { calls: Calls::new(), stops: Stops::new() })
    }
}

/// A core that never times out (`patience` is `None`), or does after so many turns.
struct Core<'a, const N: usize> {
    machine: &'a Machine<N>,
    me: usize,
    patience: Option<u32>,
    turns: Cell<u32>,
}

impl<'a, const N: usize> Core<'a, N> {
    fn new(machine: &'a Machine<N>, me: usize, patience: Option<u32>) -> Self {
        Self { machine, me, patience, turns: Cell::new(0) }
    }

    fn serve(&self) {
        self.machine.calls.serve(self.me);
        self.machine.stops.serve(self);
    }
}

impl<const N: usize> Env for Core<'_, N> {
    fn me(&self) -> usize {
        self.me
    }
    // The target of a model looks by itself.
    fn ring(&self, _targets: u64) {}
    fn expired(&self) -> bool {
        self.turns.set(self.turns.get() + 1);
        self.patience.is_some_and(|patience| self.turns.get() > patience)
    }
    fn serve_and_relax(&self) {
        if self.machine.calls.has_mail(self.me) || self.machine.stops.is_summoned(self.me) {
            self.serve();
        }
        thread::yield_now();
    }
    fn relax(&self) {
        thread::yield_now();
    }
    fn now_ns(&self) -> u64 {
        0
    }
}

fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(model);
}

/// What the work of a model counts in. It lives on the caller's stack, and is `dead` when the call is over.
struct Counter {
    runs: AtomicU32,
    dead: AtomicBool,
}

impl Counter {
    fn new() -> Arc<Self> {
        Arc::new(Self { runs: AtomicU32::new(0), dead: AtomicBool::new(false) })
    }
    fn work(counter: &Arc<Self>) -> Work {
        Work { f: Self::run, arg: Arc::as_ptr(counter).expose_provenance() }
    }
    fn run(arg: usize) {
        // SAFETY: the model keeps the Arc until all of its threads are joined.
        let counter = unsafe { &*core::ptr::with_exposed_provenance::<Counter>(arg) };
        assert!(!counter.dead.load(Relaxed), "the work ran after the call had returned");
        counter.runs.fetch_add(1, Relaxed);
    }
}

/// One call after another through the same slot to a core that may be late: each either runs exactly once, before
/// the call returns, or is reported and never runs. A late core never runs the wrong one.
#[test]
fn a_late_core_never_touches_a_reused_slot() {
    check(3, || {
        let machine = Machine::<2>::new();
        let (first, second) = (Counter::new(), Counter::new());
        let target = {
            let machine = Arc::clone(&machine);
            thread::spawn(move || {
                machine.calls.serve(1);
                machine.calls.serve(1);
            })
        };
        for counter in [&first, &second] {
            let core = Core::new(&machine, 0, Some(1));
            let result = machine.calls.call(&core, 0b11, Counter::work(counter));
            counter.dead.store(true, Relaxed);
            let runs = counter.runs.load(Relaxed);
            assert_eq!(runs, u32::from(result.is_ok()), "{result:?}");
            if let Err(missing) = result {
                assert_eq!(missing, 0b10);
            }
        }
        target.join().expect("no panic");
        // What is left in the mailbox does nothing.
        let before = first.runs.load(Relaxed) + second.runs.load(Relaxed);
        machine.calls.serve(1);
        assert_eq!(first.runs.load(Relaxed) + second.runs.load(Relaxed), before);
    });
}

/// What a core does that has finished its own part: it goes on serving until all have, as if interrupted.
fn serve_until_all_are_done<const N: usize>(core: &Core<'_, N>, done: &AtomicU32) {
    done.fetch_add(1, Relaxed);
    while done.load(Relaxed) != N as u32 {
        core.serve_and_relax();
    }
}

/// Two cores call each other at the same time, neither taking interrupts: both get their answer.
#[test]
fn mutual_calls_do_not_deadlock() {
    check(3, || {
        let machine = Machine::<2>::new();
        let done = Arc::new(AtomicU32::new(0));
        let call = |machine: &Machine<2>, done: &AtomicU32, me: usize| {
            let counter = Counter::new();
            let core = Core::new(machine, me, None);
            machine
                .calls
                .call(&core, 0b11, Counter::work(&counter))
                .expect("the other serves while it waits");
            assert_eq!(counter.runs.load(Relaxed), 1);
            serve_until_all_are_done(&core, done);
        };
        let other = {
            let (machine, done) = (Arc::clone(&machine), Arc::clone(&done));
            thread::spawn(move || call(&machine, &done, 1))
        };
        call(&machine, &done, 0);
        other.join().expect("no panic");
    });
}

/// Several targets claim from the same words.
#[test]
fn every_target_runs_once() {
    check(1, || {
        let machine = Machine::<3>::new();
        let targets: Vec<_> = (1..3)
            .map(|me| {
                let machine = Arc::clone(&machine);
                thread::spawn(move || {
                    while !machine.calls.serve(me) {
                        thread::yield_now();
                    }
                })
            })
            .collect();
        let counter = Counter::new();
        let core = Core::new(&machine, 0, None);
        machine.calls.call(&core, 0b111, Counter::work(&counter)).expect("both serve");
        assert_eq!(counter.runs.load(Relaxed), 2);
        for target in targets {
            target.join().expect("no panic");
        }
    });
}

/// All stand still: while `f` runs nobody else is between its own two steps, and `on_each` has run everywhere.
fn everybody_stands_still<const N: usize>(preemptions: usize) {
    check(preemptions, || {
        let machine = Machine::<N>::new();
        let running = Arc::new(AtomicU32::new(0));
        let others: Vec<_> = (1..N)
            .map(|me| {
                let (machine, running) = (Arc::clone(&machine), Arc::clone(&running));
                thread::spawn(move || {
                    running.fetch_add(1, Relaxed);
                    while !machine.stops.is_summoned(me) {
                        thread::yield_now();
                    }
                    running.fetch_sub(1, Relaxed);
                    machine.stops.serve(&Core::new(&machine, me, None));
                    running.fetch_add(1, Relaxed);
                })
            })
            .collect();
        let core = Core::new(&machine, 0, None);
        let ran = AtomicU32::new(0);
        let on_each = |_: CoreId| {
            ran.fetch_add(1, Relaxed);
        };
        let mut pauses = 0;
        let result = machine.stops.rendezvous(
            &core,
            (1 << N) - 1,
            Some(&on_each),
            |_| {
                assert_eq!(ran.load(Relaxed), N as u32, "on_each ran on each core, once");
                assert_eq!(running.load(Relaxed), 0, "nobody runs while f does");
                7
            },
            |_, _| pauses += 1,
        );
        assert_eq!((result, pauses), (Ok(7), N - 1));
        for other in others {
            other.join().expect("no panic");
        }
    });
}

#[test]
fn everybody_of_two_stands_still() {
    everybody_stands_still::<2>(3);
}

#[test]
fn everybody_of_three_stands_still() {
    everybody_stands_still::<3>(0);
}

/// One core does not come, or comes late: the others are let go, nothing has run, and a next round works.
#[test]
fn a_missing_core_releases_everybody() {
    check(3, || {
        let machine = Machine::<2>::new();
        let late = {
            let machine = Arc::clone(&machine);
            thread::spawn(move || {
                let core = Core::new(&machine, 1, None);
                machine.stops.serve(&core);
                machine.stops.serve(&core);
            })
        };
        for _ in 0..2 {
            let core = Core::new(&machine, 0, Some(1));
            let ran = AtomicU32::new(0);
            let on_each = |_: CoreId| {
                ran.fetch_add(1, Relaxed);
            };
            let result = machine.stops.rendezvous(&core, 0b11, Some(&on_each), |_| (), |_, _| ());
            match result {
                Ok(()) => assert_eq!(ran.load(Relaxed), 2),
                Err(failure) => {
                    assert_eq!(failure, StopFailure::Unanswered(0b10));
                    assert_eq!(ran.load(Relaxed), 0);
                }
            }
        }
        late.join().expect("no panic");
    });
}

/// One round directly after another: a core that is slow to leave the first still takes part in the second.
#[test]
fn rounds_do_not_run_into_each_other() {
    check(3, || {
        let machine = Machine::<2>::new();
        let done = Arc::new(AtomicU32::new(0));
        let other = {
            let (machine, done) = (Arc::clone(&machine), Arc::clone(&done));
            thread::spawn(move || serve_until_all_are_done(&Core::new(&machine, 1, None), &done))
        };
        let core = Core::new(&machine, 0, None);
        for _ in 0..2 {
            let ran = AtomicU32::new(0);
            let on_each = |_: CoreId| {
                ran.fetch_add(1, Relaxed);
            };
            let result =
                machine.stops.rendezvous(&core, 0b11, Some(&on_each), |_| ran.load(Relaxed), |_, _| ());
            assert_eq!(result, Ok(2));
        }
        serve_until_all_are_done(&core, &done);
        other.join().expect("no panic");
    });
}

/// Two cores want to stop each other: one after the other does, and each stops for the other.
#[test]
fn two_rendezvous_at_once_take_turns() {
    check(3, || {
        let machine = Machine::<2>::new();
        let inside = Arc::new(AtomicU32::new(0));
        let stop = |machine: &Machine<2>, inside: &AtomicU32, me: usize| {
            let core = Core::new(machine, me, None);
            machine
                .stops
                .rendezvous(
                    &core,
                    0b11,
                    None,
                    |_| {
                        assert_eq!(inside.fetch_add(1, Relaxed), 0);
                        inside.fetch_sub(1, Relaxed);
                    },
                    |_, _| (),
                )
                .expect("the other core serves while it waits");
        };
        let done = Arc::new(AtomicU32::new(0));
        let other = {
            let (machine, inside, done) = (Arc::clone(&machine), Arc::clone(&inside), Arc::clone(&done));
            thread::spawn(move || {
                stop(&machine, &inside, 1);
                serve_until_all_are_done(&Core::new(&machine, 1, None), &done);
            })
        };
        stop(&machine, &inside, 0);
        serve_until_all_are_done(&Core::new(&machine, 0, None), &done);
        other.join().expect("no panic");
    });
}

/// A core waits for a call's answer while the core that should answer stops it.
#[test]
fn a_call_and_a_rendezvous_cross() {
    check(3, || {
        let machine = Machine::<2>::new();
        let done = Arc::new(AtomicU32::new(0));
        let caller = {
            let (machine, done) = (Arc::clone(&machine), Arc::clone(&done));
            thread::spawn(move || {
                let counter = Counter::new();
                let core = Core::new(&machine, 1, None);
                machine
                    .calls
                    .call(&core, 0b01, Counter::work(&counter))
                    .expect("core 0 serves while it gathers");
                assert_eq!(counter.runs.load(Relaxed), 1);
                serve_until_all_are_done(&core, &done);
            })
        };
        let core = Core::new(&machine, 0, None);
        machine.stops.rendezvous(&core, 0b11, None, |_| (), |_, _| ()).expect("core 1 serves while it waits");
        serve_until_all_are_done(&core, &done);
        caller.join().expect("no panic");
    });
}
