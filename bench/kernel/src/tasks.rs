//! The tasks that a benchmark makes beside its own: partners that end when they are told.
//!
//! Every task made here is joined on the way out, whether the measuring succeeded or not; only one that never began to run is left to
//! itself, and ends as soon as it does. If the measuring task is unwound, its partners are told to end all the same. If it is killed where
//! it cannot be unwound, no destructor tells them; so a partner looks at whether its owner still lives, too.

use crate::meter::kill_point;
use alloc::{format, sync::Arc, vec::Vec};
use cell_api::{BenchContext, BenchError};
use core::{
    hint,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};
use core_local::{CoreId, CoreSet};
use scheduler::{Builder, Death, JoinHandle, TaskRef};

/// How long a partner may take until it first runs, in nanoseconds.
const START_LIMIT_NS: u64 = 2_000_000_000;
/// For how long a core is idle before a sample that wants it so, at least, in nanoseconds.
const ASLEEP_NS: u64 = 200_000;
/// How long a core may take to become idle, in nanoseconds.
const IDLE_LIMIT_NS: u64 = 2_000_000_000;
/// How long many tasks may take to come somewhere, or the memory of many to come back, in nanoseconds; and how often to look.
const LIMIT_NS: u64 = 60_000_000_000;
const LOOK_NS: u64 = 200_000;

/// What a partner and its owner both see.
#[derive(Debug)]
pub(crate) struct Shared {
    running: AtomicBool,
    stop: AtomicBool,
    owner: TaskRef,
    /// What the partner has done so far, as [`Shared::count`] says. Written by the partner.
    count: AtomicU64,
}

impl Shared {
    /// Whether to end: the owner has said so, or is over without having said anything.
    pub(crate) fn stopped(&self) -> bool {
        self.told() || self.owner.is_over()
    }

    /// Whether the owner has said to end. Cheaper than [`Shared::stopped`], and enough if the owner passes a kill point in each
    /// measured operation, so that a kill always unwinds it. Relaxed: no other data hangs on it.
    pub(crate) fn told(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// For the partner: it has done one more thing.
    fn count(&self) {
        self.count.store(self.count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// Tells the partner to end, also when the measuring task is unwound; and wakes it, should it wait.
struct StopOnDrop(Arc<Shared>, TaskRef);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
        self.1.unpark();
    }
}

/// A partner that runs.
struct Partner {
    name: &'static str,
    task: JoinHandle<u64>,
    stop: StopOnDrop,
}

impl Partner {
    /// Makes one and waits until it has run.
    ///
    /// # Errors
    /// If it could not be made; and if it does not run. Then it is not waited for: it ends at once if it ever does.
    fn start(
        core: CoreId,
        name: &'static str,
        work: impl FnOnce(&Shared) -> u64 + Send + 'static,
    ) -> Result<Self, BenchError> {
        let shared = Arc::new(Shared {
            running: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            owner: scheduler::current(),
            count: AtomicU64::new(0),
        });
        let theirs = Arc::clone(&shared);
        let task = Builder::new(name).core(core).spawn(move || {
            theirs.running.store(true, Ordering::Relaxed);
            if theirs.stopped() { 0 } else { work(&theirs) }
        });
        let task = task.map_err(BenchError::failed)?;
        let stop = StopOnDrop(shared, task.task());
        wait_until(name, || stop.0.running.load(Ordering::Relaxed))?;
        Ok(Self { name, task, stop })
    }

    /// Tells it to end and waits until it has. Returns what it counted.
    fn end(self) -> Result<u64, BenchError> {
        drop(self.stop);
        self.task.join().map_err(|death| died(self.name, &death))
    }
}

/// Runs `measure` in this task while a partner runs `work` on `core`; then stops the partner and joins it.
/// `measure` begins once the partner has run. Returns what `work` counted.
///
/// # Errors
/// Those of `measure`; and if the partner could not be made, did not run, or did not come to its end.
pub(crate) fn beside(
    core: CoreId,
    name: &'static str,
    work: impl FnOnce(&Shared) -> u64 + Send + 'static,
    measure: impl FnOnce() -> Result<(), BenchError>,
) -> Result<u64, BenchError> {
    let partner = Partner::start(core, name, work)?;
    let result = measure();
    let counted = partner.end()?;
    result.map(|()| counted)
}

/// Runs `measure` while a task computes on every core of the set but `home`.
///
/// # Errors
/// As [`beside`]; and if one of the tasks had no turn while `measure` ran, so that its core was not active.
pub(crate) fn with_busy_cores(
    cores: CoreSet,
    home: CoreId,
    measure: impl FnOnce() -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    const NAME: &str = "bench busy core";
    let others = cores.without(home);
    let mut partners = Vec::with_capacity(others.len());
    let started = others.iter().try_for_each(|core| {
        partners.push(Partner::start(core, NAME, |shared| {
            while !shared.stopped() {
                shared.count();
                hint::spin_loop();
            }
            0
        })?);
        Ok(())
    });
    let turns = || partners.iter().map(|partner| partner.stop.0.count.load(Ordering::Relaxed));
    let measured = started.and_then(|()| {
        let before: Vec<u64> = turns().collect();
        measure()?;
        match turns().zip(before).all(|(after, before)| after > before) {
            true => Ok(()),
            false => Err(BenchError::failed("a task that was to keep its core busy had no turn meanwhile")),
        }
    });
    let mut result = measured;
    // All of them, whatever went wrong before.
    for partner in partners {
        let ended = partner.end().map(drop);
        result = result.and(ended);
    }
    result
}

/// All cores that are online and the one to measure on, for what is done to all of them whatever cores the benchmark was given.
///
/// # Errors
/// If it was not given all.
pub(crate) fn all_cores(context: &BenchContext) -> Result<(CoreSet, CoreId), BenchError> {
    let (given, online) = (context.cores(), core_local::online());
    if given != online {
        return Err(BenchError::failed(format_args!(
            "it makes all {} cores that are online answer, and may use {} of them; run it without --cores",
            online.len(),
            given.len()
        )));
    }
    Ok((given, context.home()?))
}

/// Waits until all of `cores` are idle, and then 200 µs more. Without a wait of this task's own, so that nothing else changes.
///
/// # Errors
/// If one does not become idle.
pub(crate) fn wait_until_idle(cores: CoreSet) -> Result<(), BenchError> {
    let busy = || {
        scheduler::cores().iter().find(|info| cores.contains(info.core) && !info.asleep).map(|info| info.core)
    };
    let start = clock::now_ns();
    while let Some(core) = busy() {
        if clock::now_ns().saturating_sub(start) > IDLE_LIMIT_NS {
            return Err(BenchError::failed(format_args!(
                "{core} does not become idle: something else runs there"
            )));
        }
        kill_point();
        clock::spin_for(ASLEEP_NS);
    }
    clock::spin_for(ASLEEP_NS);
    Ok(())
}

/// Waits until as many frames are free as before, but for `kept`. The scheduler unmaps the stacks of tasks that have ended behind their backs,
/// one after the other, and each unmapping waits for all cores; many tasks in a row would be faster than that, and fill the memory.
///
/// # Errors
/// If they do not become free.
pub(crate) fn wait_for_stacks(free: usize, kept: usize) -> Result<(), BenchError> {
    match comes_true(|| frame_allocator::stats().free + kept >= free) {
        true => Ok(()),
        false => Err(BenchError::failed(
            "the stacks of tasks that have ended do not come back, or something else takes the memory",
        )),
    }
}

/// Looks now and then whether it is as wanted, for as long as anything may take here.
pub(crate) fn comes_true(wanted: impl Fn() -> bool) -> bool {
    let start = clock::now_ns();
    loop {
        if wanted() {
            return true;
        }
        if clock::now_ns().saturating_sub(start) > LIMIT_NS {
            return false;
        }
        scheduler::sleep(LOOK_NS);
    }
}

/// Gives the core away until `reached` says so.
fn wait_until(name: &str, reached: impl Fn() -> bool) -> Result<(), BenchError> {
    let deadline = clock::now_ns().saturating_add(START_LIMIT_NS);
    while !reached() {
        if clock::now_ns() > deadline {
            return Err(not_run(name, START_LIMIT_NS));
        }
        scheduler::yield_now();
    }
    Ok(())
}

/// The scheduler has not run a task for so long, in nanoseconds.
pub(crate) fn not_run(name: &str, ns: u64) -> BenchError {
    BenchError::Failed(format!(
        "the scheduling policy `{}` has not run the task `{name}` for {} ms",
        scheduler::current_policy(),
        ns / 1_000_000
    ))
}

fn died(name: &str, death: &Death) -> BenchError {
    BenchError::Failed(format!("its task `{name}` ended early: {death}"))
}
