//! Several threads that do the same at the same time, and how long that takes; and a thread that only keeps
//! another company.
//!
//! Threads live as long as their benchmark, not as long as a sample, so that thread caches and per-core lists
//! stay warm, as they do
//! on a core.

use std::fmt;
use std::hint::spin_loop;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::*};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a waiting thread looks before it gives the processor away: it may be waiting for one that has none.
const SPINS: u32 = 1_000;

/// Whether this machine can run two threads at the same time. If not, what they do to one another cannot be
/// measured on it.
#[must_use]
pub fn two_at_once() -> bool {
    thread::available_parallelism().is_ok_and(|cores| cores.get() >= 2)
}

/// Waits until `look` finds something, as long as `alive` says that somebody may still provide it.
///
/// # Panics
/// If nobody can any more.
pub fn wait_for<T>(alive: impl Fn() -> bool, mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        for _ in 0..SPINS {
            if let Some(found) = look() {
                return found;
            }
            spin_loop();
        }
        assert!(alive(), "the other thread has died; what it said is above");
        thread::yield_now();
    }
}

/// Where the threads of a team meet before each sample.
#[derive(Default)]
struct Gate {
    arrived: AtomicU64,
    broken: AtomicBool,
}

/// When a thread began and ended a sample; `None`: it has died.
type Answer = Option<(Instant, Instant)>;

/// Says so if its thread dies: the others must not wait for it.
struct LastWill<'g>(&'g Gate, Sender<Answer>);

impl Drop for LastWill<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.broken.store(true, Relaxed);
            // Fails only if nobody waits any more.
            let _ = self.1.send(None);
        }
    }
}

/// Threads that wait for samples to measure.
pub struct Team {
    orders: Vec<Sender<u64>>,
    times: Receiver<Answer>,
    threads: Vec<JoinHandle<()>>,
}

impl Team {
    /// `size` threads. Each makes its own state with `make`, given its number; `work` does the operation so many times.
    ///
    /// # Panics
    /// If the system has no more threads.
    pub fn new<S, M, W>(size: usize, make: M, work: W) -> Self
    where
        S: 'static,
        M: Fn(usize) -> S + Send + Sync + 'static,
        W: Fn(&mut S, u64) + Send + Sync + 'static,
    {
        let shared = Arc::new((make, work, Gate::default()));
        let (report, times) = channel();
        let mut team = Self { orders: Vec::new(), times, threads: Vec::new() };
        for index in 0..size {
            let (order, orders) = channel::<u64>();
            let (shared, report) = (Arc::clone(&shared), report.clone());
            team.orders.push(order);
            team.threads.push(thread::spawn(move || {
                let (make, work, gate) = &*shared;
                let _will = LastWill(gate, report.clone());
                let mut state = make(index);
                let mut round = 0;
                for times in orders {
                    round += size as u64;
                    gate.arrived.fetch_add(1, AcqRel);
                    wait_for(
                        || !gate.broken.load(Relaxed),
                        || (gate.arrived.load(Acquire) >= round).then_some(()),
                    );
                    let start = Instant::now();
                    work(&mut state, times);
                    if report.send(Some((start, Instant::now()))).is_err() {
                        break;
                    }
                }
            }));
        }
        team
    }

    /// Each thread does the operation `times` times; from when the first begins to when the last has ended.
    ///
    /// # Panics
    /// If a thread has died, with its panic.
    pub fn run(&mut self, times: u64) -> Duration {
        let sent = self.orders.iter().all(|order| order.send(times).is_ok());
        let awaited = if sent { self.orders.len() } else { 0 };
        let answers: Vec<_> = self.times.iter().take(awaited).map_while(|answer| answer).collect();
        if answers.len() < self.orders.len() {
            self.end();
        }
        let start = answers.iter().map(|(start, _)| *start).min();
        let end = answers.iter().map(|(_, end)| *end).max();
        start.zip(end).map_or(Duration::ZERO, |(start, end)| end - start)
    }

    /// Ends all threads, and hands on the panic of the first that died.
    fn end(&mut self) {
        self.orders.clear();
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join()
                && !thread::panicking()
            {
                resume_unwind(panic);
            }
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Team").field("size", &self.orders.len()).finish_non_exhaustive()
    }
}

/// A thread that goes on doing something until it is told to stop, for a measurement that needs somebody at the
/// other end.
pub struct Companion<T> {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<T>>,
}

impl<T: Send + 'static> Companion<T> {
    /// Starts a thread with `work`, which ends soon after the flag it is given is set.
    pub fn start(work: impl FnOnce(&AtomicBool) -> T + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stop);
        Self { stop, thread: Some(thread::spawn(move || work(&flag))) }
    }
}

impl<T> Companion<T> {
    /// Whether it still works.
    #[must_use]
    pub fn alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Tells it to stop, and takes its result.
    ///
    /// # Panics
    /// With its panic, if it died.
    pub fn stop(mut self) -> T {
        self.stop.store(true, Relaxed);
        let Some(thread) = self.thread.take() else {
            unreachable!("only this takes the thread, and it takes `self`")
        };
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl<T> Drop for Companion<T> {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl<T> fmt::Debug for Companion<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Companion").field("alive", &self.alive()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn everybody_works_in_every_sample_and_keeps_its_state() {
        let sum = Arc::new(AtomicU64::new(0));
        let total = Arc::clone(&sum);
        let mut team = Team::new(
            3,
            |index| index as u64,
            move |state, times| {
                *state += times;
                total.fetch_add(*state, Relaxed);
            },
        );
        team.run(10);
        team.run(5);
        drop(team);
        // 10 + 11 + 12 after the first sample, 15 + 16 + 17 after the second.
        assert_eq!(sum.load(Relaxed), 33 + 48);
    }

    #[test]
    fn one_death_ends_all_with_its_message() {
        let mut team = Team::new(2, |index| index, |index, _| assert_eq!(*index, 0, "the second dies"));
        let died = catch_unwind(AssertUnwindSafe(|| {
            team.run(1);
            team.run(1);
        }));
        let panic = died.expect_err("a thread died");
        assert!(panic.downcast_ref::<String>().is_some_and(|text| text.contains("the second dies")));
    }

    #[test]
    fn a_companion_works_until_it_is_told_to_stop() {
        let companion = Companion::start(|stop| {
            let mut turns = 0u64;
            while !stop.load(Relaxed) {
                turns += 1;
            }
            turns
        });
        assert!(companion.alive());
        companion.stop();
    }

    #[test]
    fn who_waits_for_the_dead_is_told() {
        assert_eq!(wait_for(|| true, || Some(7)), 7);
        assert!(catch_unwind(|| wait_for(|| false, || None::<()>)).is_err());
    }
}
