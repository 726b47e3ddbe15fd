//! Cross-core calls, and stopping all cores at once: one mechanism, with time-outs that are errors.
//!
//! - [`poke`] asks a core to look at its scheduler, and does not wait.
//! - [`call`] runs a function on a set of cores and waits until each has run it: TLB shootdown.
//! - [`rendezvous`] stops every core, does something while all stand still, and lets them go: the
//!   commit of a swap.
//!
//! Calls and stops arrive by the CALL vector; what is to be done is in shared memory, so an interrupt
//! that comes twice or late is harmless.
//!
//! # What makes it safe
//! 1. *Waiters serve.* A core that waits for others (for a call's answers, to become the rendezvous'
//!    owner, for cores to gather) serves what is addressed to itself, even with its interrupts off. So
//!    two cores that want something of each other both get it.
//! 2. *Claims.* A target may do the work only after it has taken its bit out of the initiator's word,
//!    and a time-out takes out all bits that are left: either the core does the work and is waited for,
//!    or it never will. When [`call`] or [`rendezvous`] returns, **no core runs or will run the function**,
//!    in success and in failure; so it may borrow from the caller's stack.
//! 3. *No locks held.* Waiting for a core while holding a lock that it may want is refused ([`irq_lock::assert_none_held`]).
//!
//! The price of 2: a core that has *begun* is waited for without limit. Functions that run here
//! must end, and must not panic (a panic in an interrupt handler is fatal to the kernel).
//!
//! Waiting here is a point at which other cores' calls and stops are served although interrupts are off:
//! do not call from the middle of changing per-core state that a rendezvous looks at.
//!
//! `protocol/` is the code for any number of cores on any atomics; `tests/loom.rs` model-checks it.
//! `machine.rs` binds it to this machine.

#![no_std]

#[cfg(any(test, not(keel_kernel)))]
extern crate std;

mod atomics;
mod error;
#[cfg(not(loom))]
mod machine;
#[doc(hidden)]
pub mod protocol;

pub use error::{RendezvousError, Unanswered};
#[cfg(not(loom))]
pub use machine::{MAX_TARGETS, Pauses, call, call_with, held_ns, init, poke, rendezvous, serve};
pub use protocol::Stopped;
