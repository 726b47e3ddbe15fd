//! The wake of a task on another core that is idle: from the call until the task runs.
//!
//! The waker reads the clock before it wakes, the woken task reads it as the first thing that it does. So the time-stamp counters of both
//! cores must be in step, as they are after a reset; a stamp that lies before its wake is an error. Before each wake the other core has been
//! idle for 200 µs: it has halted, unless the kernel was booted with `idle=poll`.

use crate::{
    meter,
    tasks::{self, Shared},
};
use alloc::sync::Arc;
use cell_api::{Bench, BenchContext, BenchError};
use core::{
    hint,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
use core_local::CoreSet;
use scheduler::TaskRef;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "wake_idle",
    "wake a task that sleeps on another, idle core: from the call until it runs",
    wake_idle,
)
.cores(2)
.subtracted(meter::SUBTRACTED_READINGS)];

/// How many samples unless the caller wants another number.
const SAMPLES: usize = 300;
/// How many come first, uncounted.
const WARM_UP: usize = 8;
/// How long the task that was woken may take to run, in nanoseconds.
const LIMIT_NS: u64 = 2_000_000_000;

/// What both tasks share.
#[derive(Default)]
struct Pair {
    /// The waker has written the time of its call and wakes.
    go: AtomicBool,
    /// When the woken task ran, in clock ticks; 0 while it has not.
    woken_at: AtomicU64,
}

fn wake_idle(context: &mut BenchContext) -> Result<(), BenchError> {
    let there = context.other()?;
    let samples = context.samples_wanted(SAMPLES);
    let overhead = meter::overhead(0);
    let pair = Arc::new(Pair::default());
    let theirs = Arc::clone(&pair);
    let (introduce, introduced) = channel::bounded(1);
    tasks::beside(
        there,
        "bench sleeper",
        move |shared| {
            // Nobody listens only if the measuring task has ended; then it is over.
            match introduce.send(scheduler::current()) {
                Ok(()) => sleep_and_answer(&theirs, shared),
                Err(_) => 0,
            }
        },
        || {
            let sleeper = introduced.recv().map_err(BenchError::failed)?;
            for round in 0..WARM_UP + samples {
                meter::kill_point();
                tasks::wait_until_idle(CoreSet::single(there))?;
                let latency = wake(&pair, &sleeper)?;
                if round >= WARM_UP {
                    context.record(latency.saturating_sub(overhead));
                }
            }
            Ok(())
        },
    )
    .map(drop)
}

/// The woken task. Returns how often it was woken.
fn sleep_and_answer(pair: &Pair, shared: &Shared) -> u64 {
    let mut woken = 0;
    loop {
        while !pair.go.load(Ordering::Acquire) {
            if shared.stopped() {
                return woken;
            }
            scheduler::park();
        }
        let now = clock::now_ticks_fenced();
        woken += 1;
        pair.go.store(false, Ordering::Relaxed);
        pair.woken_at.store(now, Ordering::Release);
    }
}

/// Wakes the task and waits until it has run; the time in between, in clock ticks.
fn wake(pair: &Pair, sleeper: &TaskRef) -> Result<u64, BenchError> {
    pair.woken_at.store(0, Ordering::Relaxed);
    let called = clock::now_ticks_fenced();
    pair.go.store(true, Ordering::Release);
    sleeper.unpark();
    loop {
        match pair.woken_at.load(Ordering::Acquire) {
            0 => hint::spin_loop(),
            woken => {
                return woken.checked_sub(called).ok_or_else(|| {
                    BenchError::failed("the task ran before it was woken: the cores' clocks are not in step")
                });
            }
        }
        if clock::ticks_to_ns(clock::now_ticks().saturating_sub(called)) > LIMIT_NS {
            return Err(BenchError::failed("the task that was woken has not run for 2 s"));
        }
    }
}
