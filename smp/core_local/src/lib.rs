//! Which core runs this code, what belongs to that core alone, and the guards that keep it so.
//!
//! Every core has a [`CoreBlock`]; its GS base points to it, so "my core's word" is one instruction
//! with a GS prefix, which an interrupt cannot split and a migration cannot tear. On top of that:
//!
//! - [`CoreId`] and [`CoreSet`]: dense core numbers and sets of them;
//! - [`PreemptGuard`] and [`IrqGuard`]: while one lives, this code stays on this core ([`Pinned`]);
//! - [`PerCore`]: one cache-line-padded value per core;
//! - the reschedule hook, by which the end of a guarded region becomes a preemption point.
//!
//! This crate is the lowest leaf of the kernel: it depends on no other crate of ours. On the host
//! (without `cfg(keel_kernel)`) a thread stands in for a core, with the same semantics but for the
//! interrupts, which are a flag of the thread; so what is built on this crate is testable there.
//! Under `cfg(loom)` loom's threads do.

#![no_std]

#[cfg(not(keel_kernel))]
extern crate std;

mod block;
mod core_id;
mod guard;
#[cfg(not(keel_kernel))]
#[path = "local_host.rs"]
mod local;
#[cfg(keel_kernel)]
#[path = "local_kernel.rs"]
mod local;
mod per_core;

#[cfg(all(test, not(loom)))]
mod tests;

pub use block::{CoreBlock, block, install, offsets, online, present, set_online};
pub use core_id::{CoreId, CoreSet, CoreSetIter, MAX_CORES};
pub use crossbeam_utils::CachePadded;
pub use guard::{
    IrqGuard, Pinned, PreemptGuard, irq_disable, irqs_enabled, need_resched, preempt_count, preempt_disable,
    reschedule_if_needed, set_need_resched, set_reschedule_hook, take_need_resched,
};
pub use per_core::PerCore;

/// The core this runs on. The answer is stale at once unless the caller is [`Pinned`].
#[inline]
pub fn current() -> CoreId {
    local::id()
}

/// A number that no other *executor* has at this moment: the core in the kernel, the thread on the
/// host. Never 0. Locks record it to recognise their own holder.
#[inline]
pub fn executor() -> u32 {
    local::executor()
}

/// The scheduler's word of this core: the task that runs on it, as an opaque pointer; null before
/// the scheduler has set one. A single instruction, so it is right even when the caller may migrate:
/// the task that asks is the task that runs.
#[inline]
pub fn current_task() -> *const () {
    local::current_task()
}

/// Sets this core's current task. For the scheduler, with interrupts off.
#[inline]
pub fn set_current_task(task: *const ()) {
    local::set_current_task(task);
}

/// Head of the list of IRQ locks that this core holds; null when it holds none. Kept by `irq_lock`.
#[inline]
pub fn held_locks() -> *const () {
    local::held_locks()
}

/// Sets the head of this core's list of held locks. For `irq_lock`, with interrupts off.
#[inline]
pub fn set_held_locks(head: *const ()) {
    local::set_held_locks(head);
}
