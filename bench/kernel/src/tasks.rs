//! The tasks that a benchmark makes beside its own: partners that end when they are told.
//!
//! Every task made here is joined on the way out, whether the measuring succeeded or not; if the measuring
//! task is unwound, its partner is told to end all the same.

use alloc::{format, sync::Arc};
use cell_api::BenchError;
use core::{
    hint,
    sync::atomic::{AtomicBool, Ordering},
};
use core_local::{CoreId, CoreSet};
use scheduler::{Builder, Death};

/// How long a partner may take until it first runs, in nanoseconds.
const START_LIMIT_NS: u64 = 2_000_000_000;

/// What a partner and its owner both see.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    running: AtomicBool,
    stop: AtomicBool,
}

impl Shared {
    /// Whether to end. Relaxed: no other data hangs on it.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

/// Tells the partner to end, also when the measuring task is unwound.
struct StopOnDrop<'a>(&'a Shared);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
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
    let shared = Arc::new(Shared::default());
    let theirs = Arc::clone(&shared);
    let task = Builder::new(name)
        .core(core)
        .spawn(move || {
            theirs.running.store(true, Ordering::Relaxed);
            work(&theirs)
        })
        .map_err(BenchError::failed)?;
    let stop = StopOnDrop(&shared);
    let result = wait_until(name, || shared.running.load(Ordering::Relaxed)).and_then(|()| measure());
    drop(stop);
    let counted = task.join().map_err(|death| died(name, &death))?;
    result.map(|()| counted)
}

/// As [`beside`], with a partner on each of `cores`. Returns the least that any of them counted; `u64::MAX` if there are no
/// cores.
///
/// # Errors
/// As [`beside`].
pub(crate) fn beside_each(
    cores: CoreSet,
    name: &'static str,
    work: &(impl Fn(CoreId, &Shared) -> u64 + Clone + Send + 'static),
    measure: &mut dyn FnMut() -> Result<(), BenchError>,
) -> Result<u64, BenchError> {
    let Some(core) = cores.first() else { return measure().map(|()| u64::MAX) };
    let mine = work.clone();
    let mut least = u64::MAX;
    let counted = beside(
        core,
        name,
        move |shared| mine(core, shared),
        || {
            least = beside_each(cores.without(core), name, work, measure)?;
            Ok(())
        },
    )?;
    Ok(least.min(counted))
}

/// Runs `measure` while a task computes on every core of the set but `home`.
///
/// # Errors
/// As [`beside`]; and if one of the tasks had no turn, so that its core was not active.
pub(crate) fn with_busy_cores(
    cores: CoreSet,
    home: CoreId,
    measure: &mut dyn FnMut() -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    let compute = |_: CoreId, shared: &Shared| {
        let mut turns = 0u64;
        while !shared.stopped() {
            turns += 1;
            hint::spin_loop();
        }
        turns
    };
    match beside_each(cores.without(home), "bench busy core", &compute, measure)? {
        0 => Err(BenchError::failed("a task that was to keep its core busy had no turn")),
        _ => Ok(()),
    }
}

/// Gives the core away until `reached` says so.
fn wait_until(name: &str, reached: impl Fn() -> bool) -> Result<(), BenchError> {
    let deadline = clock::now_ns().saturating_add(START_LIMIT_NS);
    while !reached() {
        if clock::now_ns() > deadline {
            return Err(BenchError::Failed(format!(
                "the scheduling policy `{}` has not run the task `{name}` for {} ms",
                scheduler::current_policy(),
                START_LIMIT_NS / 1_000_000
            )));
        }
        scheduler::yield_now();
    }
    Ok(())
}

fn died(name: &str, death: &Death) -> BenchError {
    BenchError::Failed(format!("its task `{name}` ended early: {death}"))
}
