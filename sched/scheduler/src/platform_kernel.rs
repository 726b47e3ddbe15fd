//! What the mechanism needs of the machine: a clock, a timer, pokes, halting, stacks, stopping all cores.

use alloc::vec::Vec;

use core_local::CoreId;
pub use task_stack::{Stack, StackError};

use crate::task::TaskPtr;

/// Clock ticks since the machine's reset.
#[inline]
pub fn ticks() -> u64 {
    clock::now_ticks()
}

/// Clock ticks as nanoseconds.
pub fn ticks_to_ns(ticks: u64) -> u64 {
    clock::ticks_to_ns(ticks)
}

/// The moment `ns` nanoseconds from now, in clock ticks.
pub fn deadline(ns: u64) -> u64 {
    ticks().saturating_add(clock::ns_to_ticks(ns))
}

/// The scheduler's tick in clock ticks.
pub fn tick_length() -> u64 {
    clock::ns_to_ticks(sched_policy::TICK_NS)
}

/// Interrupts this core at `at` (clock ticks), or at once if that is past. Replaces what was armed.
pub fn arm_timer(at: u64) {
    lapic::arm_timer(clock::ticks_to_ns(at.saturating_sub(ticks())));
}

/// Makes another core look at its inbox.
pub fn poke(core: CoreId) {
    ipi::poke(core);
}

/// Waits for an interrupt. Called and returns with interrupts off; in between they are on.
pub fn halt() {
    // `sti` lets no interrupt in before the next instruction has begun (SDM vol. 2): a poke that comes before the
    // `hlt` ends it.
    x86_64::instructions::interrupts::enable_and_hlt();
    x86_64::instructions::interrupts::disable();
}

/// Waits while `nothing` comes, without halting. Called and returns with interrupts off; in between they are on.
pub fn spin_while(nothing: impl Fn() -> bool) {
    x86_64::instructions::interrupts::enable();
    while nothing() {
        core::hint::spin_loop();
    }
    x86_64::instructions::interrupts::disable();
}

/// Lets interrupts in, at a task's beginning.
pub fn enable_irqs() {
    x86_64::instructions::interrupts::enable();
}

/// Sets the handlers of this crate up, once.
pub fn init() -> Result<(), interrupts::VectorTaken> {
    interrupts::register(interrupts::vectors::TIMER, "scheduler", crate::idle::on_timer)?;
    unwind::set_state_hook(unwind_state);
    Ok(())
}

/// Error of [`init`].
pub use interrupts::VectorTaken;

fn unwind_state() -> &'static unwind::State {
    static NO_TASK: unwind::State = unwind::State::new();
    match TaskPtr::current() {
        // SAFETY: the running task's record outlives everything that runs in it; the reference is used by the unwinder
        // in this task and not kept.
        Some(task) => unsafe { &(*task.as_ptr()).unwinding },
        None => &NO_TASK,
    }
}

/// What stopping all cores can fail with.
pub use ipi::RendezvousError;

/// Runs `on_each` on every core at once, while all of them do nothing else. Returns how long each was held, in nanoseconds.
pub fn stop_all(
    on_each: &(dyn Fn(CoreId) + Sync),
    timeout_ns: u64,
) -> Result<Vec<(CoreId, u64)>, RendezvousError> {
    let ((), pauses) = ipi::rendezvous(|_| (), Some(on_each), timeout_ns)?;
    Ok(pauses.iter().collect())
}

/// A new stack.
pub fn new_stack(bytes: usize) -> Result<Stack, StackError> {
    Stack::allocate(bytes)
}

/// One past its highest byte.
pub fn stack_top(stack: &Stack) -> usize {
    stack.top().as_u64() as usize
}

/// Whether `address` lies in the guard or the reserve below it.
pub fn overflowed(stack: &Stack, address: usize) -> bool {
    stack.overflowed(x86_64::VirtAddr::new_truncate(address as u64))
}

/// Nanoseconds since the machine's reset.
pub fn now_ns() -> u64 {
    clock::now_ns()
}
