//! Locks that nobody else wants: take and give back.
//!
//! Each is the one that kernel code uses, with all that makes it safe: the sleeping mutex knows its holder and is
//! poisoned by a task that dies with it, the spin lock turns interrupts off and knows what its core holds. They are
//! statics, as most are, and guard nothing.

use crate::meter::{Meter, SUBTRACTED};
use ::sync::{Mutex, Semaphore};
use cell_api::{Bench, BenchContext, BenchError};
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
    static LOCK: Mutex<()> = Mutex::new(());
    Meter::new(1_000).run(context, || LOCK.lock().map(drop))?;
    free("mutex", LOCK.try_lock().is_some())
}

fn spinlock(context: &mut BenchContext) -> Result<(), BenchError> {
    static LOCK: IrqLock<()> = IrqLock::new("bench spinlock", ());
    Meter::new(1_000).run_sure(context, || drop(LOCK.lock()))?;
    free("spin lock", !LOCK.is_locked())
}

fn semaphore(context: &mut BenchContext) -> Result<(), BenchError> {
    static PERMITS: Semaphore = Semaphore::new(1);
    Meter::new(1_000).run_sure(context, || drop(PERMITS.acquire()))?;
    free("semaphore", PERMITS.permits() == 1)
}

/// Each round gave back what it took.
fn free(what: &str, is_free: bool) -> Result<(), BenchError> {
    if is_free {
        return Ok(());
    }
    Err(BenchError::failed(format_args!("the {what} is not free after all rounds; somebody else used it")))
}
