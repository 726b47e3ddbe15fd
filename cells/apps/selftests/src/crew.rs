//! A task on each core, and where they meet.

use crate::failure::Failure;
use alloc::{sync::Arc, vec::Vec};
use core::hint;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core_local::CoreId;
use scheduler::Builder;

/// Not the default, so that the scheduler keeps no spare stacks of it: whatever a test takes comes back.
pub const STACK_BYTES: usize = 32 * 1024;
/// How long one waits for the others, in nanoseconds. Emulated cores share the host's processors.
const MEET_NS: u64 = 30_000_000_000;
/// How often to look before sleeping, and for how long to sleep then, in nanoseconds.
const LOOKS: u32 = 200;
const NAP_NS: u64 = 50_000;

/// What the tasks of a test share: who they are, and how far they are.
#[derive(Debug)]
pub struct Crew {
    cores: Vec<CoreId>,
    /// How often any of them came to a meeting.
    arrivals: AtomicUsize,
    failed: AtomicBool,
}

/// Tells the others that this one does not come any more, unless it is forgotten.
struct FailOnDrop<'a>(&'a Crew);

impl Drop for FailOnDrop<'_> {
    fn drop(&mut self) {
        self.0.failed.store(true, Ordering::Relaxed);
    }
}

impl Crew {
    /// Runs `work` in a task pinned to each online core; it is told its task's place in [`Crew::cores`]. Returns what
    /// they return, in the same order.
    ///
    /// # Errors
    /// What went wrong first, as far as can be told.
    pub fn run<T: Send + 'static>(
        work: impl Fn(&Crew, usize) -> Result<T, Failure> + Send + Sync + 'static,
    ) -> Result<Vec<T>, Failure> {
        let cores: Vec<CoreId> = core_local::online().iter().collect();
        let crew = Self { cores, arrivals: AtomicUsize::new(0), failed: AtomicBool::new(false) };
        let shared = Arc::new((crew, work));
        let (crew, _) = &*shared;
        let mut tasks = Vec::with_capacity(crew.cores.len());
        let mut failure = None;
        for (place, &core) in crew.cores.iter().enumerate() {
            let shared = Arc::clone(&shared);
            let member = move || {
                let (crew, work) = &*shared;
                let alarm = FailOnDrop(crew);
                let result = work(crew, place);
                if result.is_ok() {
                    core::mem::forget(alarm);
                }
                result
            };
            match Builder::new("selftest").core(core).stack(STACK_BYTES).spawn(member) {
                Ok(task) => tasks.push((core, task)),
                Err(error) => {
                    drop(FailOnDrop(crew));
                    failure = Some(Failure::Spawn(error));
                    break;
                }
            }
        }
        let mut results = Vec::with_capacity(tasks.len());
        for (core, task) in tasks {
            let error = match task.join() {
                Ok(Ok(result)) => {
                    results.push(result);
                    continue;
                }
                Ok(Err(error)) => error,
                Err(death) => Failure::Died(core, death),
            };
            // One that only waited for the others knows least.
            if matches!(failure, None | Some(Failure::Abandoned | Failure::Late(_))) {
                failure = Some(error);
            }
        }
        failure.map_or(Ok(results), Err)
    }

    /// The cores, in ascending order.
    pub fn cores(&self) -> &[CoreId] {
        &self.cores
    }

    /// Waits until all have come here as often as the caller has. What each did before is visible to all after.
    ///
    /// # Errors
    /// If one of them failed, or does not come.
    pub fn meet(&self) -> Result<(), Failure> {
        let arrival = self.arrivals.fetch_add(1, Ordering::AcqRel) + 1;
        let all = arrival.next_multiple_of(self.cores.len());
        let deadline = clock::now_ns().saturating_add(MEET_NS);
        let mut looks = 0;
        while self.arrivals.load(Ordering::Acquire) < all {
            if self.failed.load(Ordering::Relaxed) {
                return Err(Failure::Abandoned);
            }
            if clock::now_ns() > deadline {
                return Err(Failure::Late(core_local::current()));
            }
            looks += 1;
            if looks < LOOKS { hint::spin_loop() } else { scheduler::sleep(NAP_NS) }
        }
        Ok(())
    }
}
