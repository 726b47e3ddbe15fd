//! How long an application stands still while the system under it is changed.
//!
//! A task on another core does nothing but look at the clock; the longest time between two looks while the scheduling policy's cell
//! is replaced is the pause that an application sees. It has every cause in it: the rendezvous, the flushes of freed code, and whatever
//! the machine below does. What is usual without a swap is a row of its own, `downtime_none`: the longest pause over as long a time right after
//! a swap. It is not taken out, for the difference of two maxima is neither's.
//!
//! The task is one, and not on the core of whoever swaps. There it would share the time with the swap's own work, as with any
//! other task, which is no downtime. And with one on every core of an emulated machine that has more cores than its host, each of a
//! swap's hundred flushes waits for time slices of the host: minutes, that say nothing about the swap.

use crate::{
    operations::swap::each_swap,
    tasks::{self, Shared},
};
use alloc::sync::Arc;
use cell_api::{Bench, BenchContext, BenchError};
use core::{
    hint,
    sync::atomic::{AtomicU64, Ordering},
};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new(
        "downtime_swap",
        "replace the scheduling policy's cell: the longest pause of a task that computes on another core",
        |context| longest_pauses(context, Time::OfSwap),
    )
    .cores(2)
    .unit("ns"),
    Bench::new(
        "downtime_none",
        "for as long as a swap takes, do nothing: the longest pause of a task that computes on another core",
        |context| longest_pauses(context, Time::AfterSwap),
    )
    .cores(2)
    .unit("ns"),
    Bench::new("downtime_restart", "restart a task that has failed: the pause that its users see", |_| {
        Err(BenchError::NotYet("tasks that are restarted with their state"))
    })
    .unit("ns"),
];

/// How many swaps are measured unless the caller wants another number.
const SAMPLES: usize = 3;
/// How long the task may go without looking at the clock, in nanoseconds.
const LIMIT_NS: u64 = 2_000_000_000;

/// The time over which the longest pause is sought.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Time {
    OfSwap,
    /// The same length, after it.
    AfterSwap,
}

/// What the task has seen.
#[derive(Default)]
struct Watch {
    /// The longest pause since it was last taken, in clock ticks.
    longest: AtomicU64,
    /// How often it has looked at the clock.
    looks: AtomicU64,
}

fn longest_pauses(context: &mut BenchContext, time: Time) -> Result<(), BenchError> {
    let there = context.other()?;
    let watch = Arc::new(Watch::default());
    let theirs = Arc::clone(&watch);
    let mut lost = false;
    tasks::beside(
        there,
        "bench application",
        move |shared| theirs.look_at_the_clock(shared),
        || {
            let mut take = || {
                watch.take_longest().unwrap_or_else(|| {
                    lost = true;
                    0
                })
            };
            take();
            each_swap(context, SAMPLES, |_, took| {
                let mut longest = take();
                if time == Time::AfterSwap {
                    clock::spin_for(clock::ticks_to_ns(took));
                    longest = take();
                }
                clock::ticks_to_ns(longest)
            })
        },
    )?;
    match lost {
        true => Err(BenchError::failed("the task that is watched did not look at the clock for 2 s")),
        false => Ok(()),
    }
}

impl Watch {
    /// The application. Returns how often it looked.
    fn look_at_the_clock(&self, shared: &Shared) -> u64 {
        let mut looks = 0;
        let mut last = clock::now_ticks();
        while !shared.stopped() {
            let now = clock::now_ticks();
            let pause = now.saturating_sub(last);
            // Only this task raises it, and the other only takes it. At worst a pause that has just ended counts as a later one.
            if pause > self.longest.load(Ordering::Relaxed) {
                self.longest.store(pause, Ordering::Relaxed);
            }
            looks += 1;
            self.looks.store(looks, Ordering::Relaxed);
            last = now;
        }
        looks
    }

    /// Takes the longest pause since the last call, in clock ticks. Waits until the task has looked again, so that a pause which is
    /// still going on counts; `None` if it does not.
    fn take_longest(&self) -> Option<u64> {
        let (seen, start) = (self.looks.load(Ordering::Relaxed), clock::now_ns());
        // Twice: the first look may have been under way.
        while self.looks.load(Ordering::Relaxed) < seen + 2 {
            if clock::now_ns().saturating_sub(start) > LIMIT_NS {
                return None;
            }
            hint::spin_loop();
        }
        Some(self.longest.swap(0, Ordering::Relaxed))
    }
}
