//! Guards that keep code on its core, and the reschedule request that they delay.
//!
//! A [`PreemptGuard`] keeps the scheduler away, an [`IrqGuard`] keeps interrupts (and with them the
//! scheduler) away. When the last of them goes and a reschedule was asked for meanwhile, the drop
//! calls the hook that the scheduler has set: so a task that wakes a more urgent one inside a
//! guarded region is preempted as soon as the region ends, not at the next interrupt, which on
//! a tickless core may never come.
//!
//! Guards are neither `Send` nor `Sync`, and each restores what it found: drop them in the reverse
//! of the order in which they were taken. (Scopes do; host builds assert it.) What another order
//! must never do is turn interrupts on while the core holds an IRQ lock: that is checked always.

use core::marker::PhantomData;
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::core_id::CoreId;
use crate::local;

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::PreemptGuard {}
    impl Sealed for super::IrqGuard {}
}

/// Witness that the code that holds it cannot change its core. Sealed: the guards alone are that.
pub trait Pinned: sealed::Sealed {
    /// The core this runs on, for as long as the witness lives.
    #[inline]
    fn core(&self) -> CoreId {
        local::id()
    }
}

impl Pinned for PreemptGuard {}
impl Pinned for IrqGuard {}

/// While it lives, the scheduler does not take this core away. Interrupts still come.
#[must_use = "preemption is off only while the guard lives"]
pub struct PreemptGuard(PhantomData<*const ()>);

/// Forbids preemption on this core until the guard is dropped. Nests.
#[inline]
pub fn preempt_disable() -> PreemptGuard {
    local::preempt_increment();
    PreemptGuard(PhantomData)
}

impl Drop for PreemptGuard {
    #[inline]
    fn drop(&mut self) {
        // From here on the task may migrate; then the flag below is another core's. That is
        // harmless: the hook looks again with interrupts off, and a core that we left while its
        // flag was set has rescheduled by that very act.
        if local::preempt_decrement() && local::need_resched() {
            reschedule_slow();
        }
    }
}

/// While it lives, this core takes no maskable interrupt and hence is not preempted.
#[must_use = "interrupts are off only while the guard lives"]
pub struct IrqGuard {
    were_enabled: bool,
    not_send: PhantomData<*const ()>,
}

/// Turns interrupts off on this core until the guard is dropped, which restores what was before.
#[inline]
pub fn irq_disable() -> IrqGuard {
    IrqGuard { were_enabled: local::irq_save_and_disable(), not_send: PhantomData }
}

impl IrqGuard {
    /// Whether dropping this guard turns interrupts on.
    #[inline]
    pub fn enables_on_drop(&self) -> bool {
        self.were_enabled
    }

    /// Restores the interrupt flag as a drop does, but does not look for a wanted reschedule.
    /// For the scheduler itself, which must not enter itself from its own exit path.
    ///
    /// # Panics
    /// As a drop: if it would turn interrupts on while this core holds an IRQ lock.
    #[inline]
    pub fn restore_only(self) {
        core::mem::ManuallyDrop::new(self).restore();
    }

    #[inline]
    fn restore(&self) {
        debug_assert!(
            !local::irqs_enabled(),
            "an IrqGuard was dropped out of order, or interrupts were enabled behind its back"
        );
        if self.were_enabled {
            if !local::held_locks().is_null() {
                dropped_before_a_lock();
            }
            local::irq_enable();
        }
    }
}

/// A lock that is still held was taken after this guard, since it was taken with interrupts off. If they went on
/// now, its holder could be preempted and go on on another core, while this core's list still names the lock.
#[cold]
fn dropped_before_a_lock() -> ! {
    panic!(
        "an IrqGuard, or the guard of an IRQ lock, was dropped before that of a lock taken later; \
         drop guards in the reverse of the order in which they were taken"
    )
}

impl Drop for IrqGuard {
    #[inline]
    fn drop(&mut self) {
        // Looked at before interrupts go on: afterwards the trap exit looks for itself.
        let wanted = self.were_enabled && local::need_resched() && local::preempt_count() == 0;
        self.restore();
        if wanted {
            reschedule_slow();
        }
    }
}

/// Whether this core takes maskable interrupts now.
#[inline]
pub fn irqs_enabled() -> bool {
    local::irqs_enabled()
}

/// How many [`PreemptGuard`]s live on this core. With interrupts off the answer stays true.
#[inline]
pub fn preempt_count() -> u32 {
    local::preempt_count()
}

/// Asks this core to reschedule at its next preemption point.
#[inline]
pub fn set_need_resched() {
    local::set_need_resched();
}

/// Whether a reschedule is wanted on this core.
#[inline]
pub fn need_resched() -> bool {
    local::need_resched()
}

/// Takes the request: says whether a reschedule was wanted, and clears it.
#[inline]
pub fn take_need_resched() -> bool {
    local::need_resched() && local::take_need_resched()
}

/// The hook is stored as a pointer; null while there is none.
static RESCHEDULE_HOOK: AtomicPtr<()> = AtomicPtr::new(core::ptr::null_mut());

/// Sets what a preemption point calls. The hook runs on the task's stack with interrupts on and
/// preemption allowed; it takes the request with [`take_need_resched`] and may switch tasks.
pub fn set_reschedule_hook(hook: fn()) {
    RESCHEDULE_HOOK.store(hook as *mut (), Ordering::Release);
}

/// A preemption point: calls the hook if a reschedule is wanted and nothing forbids it now.
#[inline]
pub fn reschedule_if_needed() {
    if local::need_resched() {
        reschedule_slow();
    }
}

#[cold]
#[inline(never)]
fn reschedule_slow() {
    // With interrupts off this is an interrupt handler or the inside of an IrqGuard: whoever turns
    // them on looks again.
    if !local::irqs_enabled() || local::preempt_count() != 0 {
        return;
    }
    let hook = RESCHEDULE_HOOK.load(Ordering::Acquire);
    if !hook.is_null() {
        // SAFETY: the only store that is not null is of a `fn()` in `set_reschedule_hook`.
        let hook = unsafe { core::mem::transmute::<*mut (), fn()>(hook) };
        hook();
    }
}
