//! Sleeping synchronisation: who waits gives the core away.
//!
//! - [`WaitQueue`]: tasks that wait for a condition; everything else is built from it.
//! - [`Mutex`]: mutual exclusion, poisoned by a panic, and never held by the dead.
//! - [`Semaphore`] and [`Barrier`].
//!
//! For data that interrupt handlers or the scheduler share there is `irq_lock` instead; for ownership that moves, `channel`.
//!
//! All of it survives a task that is killed while it waits or holds: a guard's or a waiter's destructor gives back what
//! it had, and a wake that went to a dying waiter is passed on.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod barrier;
mod mutex;
mod semaphore;
#[cfg(test)]
mod tests;
mod wait_queue;

pub use barrier::Barrier;
pub use mutex::{Mutex, MutexGuard, Poisoned};
pub use semaphore::{Permit, Semaphore};
pub use wait_queue::WaitQueue;
