//! A spin lock that is safe against interrupts and knows who holds it.
//!
//! [`IrqLock`] guards data that both tasks and interrupt handlers use. It turns interrupts off on
//! its core before it takes the lock, so a handler can never find the lock held by the code that it
//! interrupted; and it is not preempted, so nobody waits for a holder that is off the core.
//!
//! - The lock word is the holder: 0 when free, else the executor's number (core + 1). One compare and
//!   swap both takes the lock and records who has it.
//! - A core that asks for a lock it already holds would wait for ever: that panics and names the locks.
//! - A waiter spins with the interrupt state it came with: if its interrupts were on it goes on
//!   taking them (and answering other cores' calls) until the lock is free.
//! - The locks that a core holds are on a list of that core, so that a call that waits for another
//!   core can refuse to start ([`assert_none_held`]), and so that after a fault whose frames had no
//!   landing pad, locks whose guards were never dropped can be released ([`release_abandoned`]).
//!
//! No queue, no fairness: critical sections are short, and on a machine whose cores are threads of a
//! host (QEMU) a queue's next-in-line is often not running. Contended structures should be per-core.
//!
//! `tests/loom.rs` model-checks mutual exclusion and visibility on this very code.

#![no_std]

mod atomics;
mod held;
mod lock;

pub use held::{AbandonedLock, assert_none_held, first_held, release_abandoned};
pub use lock::{IrqLock, IrqLockGuard};
