//! Locks that nobody else wants: take and give back.
//!
//! Each is the one that kernel code uses, with all that makes it safe: the sleeping mutex knows its holder and is
//! poisoned by a task that dies with it, the spin lock turns interrupts off and knows what its core holds. They
//! guard nothing, and each run has its own: a run that is killed leaves nothing locked behind.

use crate::meter::{Meter, SUBTRACTED};
use ::sync::{Mutex, Semaphore};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use irq_lock::IrqLock;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new("mutex", "lock and unlock a free sleeping mutex", mutex).subtracted(SUBTRACTED),
    Bench::new("spinlock", "lock and unlock a free spin lock, with interrupts off meanwhile", spinlock)
        .subtracted(SUBTRACTED),
    Bench::new("semaphore", "take the only permit of a semaphore and give it back", semaphore)
        .subtracted(SUBTRACTED),
];

fn mutex(context: &mut BenchContext) -> Result<(), BenchError> {
    let lock = Mutex::new(());
    // The compiler is not to know that nobody else sees it. So below.
    let lock = black_box(&lock);
    Meter::new(1_000).run(context, || lock.lock().map(drop))?;
    free("mutex", lock.try_lock().is_some())
}

fn spinlock(context: &mut BenchContext) -> Result<(), BenchError> {
    let lock = IrqLock::new("bench spinlock", ());
    let lock = black_box(&lock);
    Meter::new(1_000).run_sure(context, || drop(lock.lock()))?;
    free("spin lock", !lock.is_locked())
}

fn semaphore(context: &mut BenchContext) -> Result<(), BenchError> {
    let permits = Semaphore::new(1);
    let permits = black_box(&permits);
    Meter::new(1_000).run_sure(context, || drop(permits.acquire()))?;
    free("semaphore", permits.permits() == 1)
}

/// Each round gave back what it took.
fn free(what: &str, is_free: bool) -> Result<(), BenchError> {
    if is_free {
        return Ok(());
    }
    Err(BenchError::failed(format_args!("the {what} is not free after all rounds; somebody else used it")))
}
