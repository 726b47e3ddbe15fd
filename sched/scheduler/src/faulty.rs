//! What happens to a policy that fails: it is replaced on that core by the built-in one, and its tasks go on.
//!
//! A policy fails when it panics, when it says that nobody waits while it still has tasks, and when it keeps dropping the rights
//! that it was given. Its tasks are recovered by dropping it: every right that it holds comes back through [`dropped`].
//! (A right that a policy *forgets*, by `mem::forget`, is out of reach, and is counted and reported.)

use alloc::boxed::Box;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use sched_policy::{Policy, Ready};
use unwind::Cause;

use crate::local::{Core, Local};
use crate::task::TaskPtr;

/// This many dropped rights are put up with, per core.
const STRAYS_ALLOWED: usize = 16;

/// An old policy is being dropped after a swap: what it drops is not held against the new one.
pub static RETIRING: AtomicBool = AtomicBool::new(false);

/// Takes a right that a policy dropped: the task goes into the inbox of its home core, which is the one that handed it to the policy.
/// Only there is it certain that the task's context is saved before it is picked.
pub fn dropped(ready: Ready) {
    let irq = core_local::irq_disable();
    let home = TaskPtr::of(&ready).home();
    if !RETIRING.load(Relaxed) {
        home.strays.fetch_add(1, Relaxed);
    }
    crate::wake::send(home, ready);
    core_local::set_need_resched();
    irq.restore_only();
}

/// This core's policy.
#[inline]
pub fn policy(local: &mut Local) -> &mut dyn Policy {
    match &mut local.policy {
        Some(policy) => &mut **policy,
        None => no_policy(),
    }
}

#[cold]
fn no_policy() -> ! {
    unreachable!("a core takes part in scheduling only after `init_this_core` gave it a policy")
}

/// Calls the policy. A panic in it does not leave this function.
#[inline]
pub fn guarded<R>(
    core: &Core,
    local: &mut Local,
    call: impl FnOnce(&mut dyn Policy) -> R,
) -> Result<R, Cause> {
    let policy = policy(local);
    caught(core, || call(policy))
}

/// Runs code of a policy on this core. A panic in it does not leave this function, although interrupts are off: for as long
/// the core says so ([`in_policy`]).
#[inline(always)]
pub fn caught<R>(core: &Core, call: impl FnOnce() -> R) -> Result<R, Cause> {
    core.in_policy.store(true, Relaxed);
    let result = unwind::catch(call);
    core.in_policy.store(false, Relaxed);
    result
}

/// Whether this core is inside a policy's code, with interrupts off, and a panic there is caught. For the panic handler, which
/// cannot unwind out of other code that runs with interrupts off.
pub fn in_policy() -> bool {
    !core_local::irqs_enabled()
        && TaskPtr::current().is_some_and(|current| current.home().in_policy.load(Relaxed))
}

/// Notes that the policy dropped `count` rights, which are back in the queue.
#[cold]
pub fn blame(core: &'static Core, local: &mut Local, count: usize) {
    if local.strays_seen == 0 {
        log::warn!("{}: the policy dropped {count} ready task(s); they were put back", core.id());
    }
    local.strays_seen = local.strays_seen.saturating_add(count);
    if local.strays_seen > STRAYS_ALLOWED {
        replace(core, local, format_args!("it keeps dropping ready tasks"));
    }
}

/// Replaces the policy by the built-in one and recovers its tasks.
#[cold]
pub fn replace(core: &'static Core, local: &mut Local, why: core::fmt::Arguments<'_>) {
    let Some(spare) = local.spare.take() else {
        // The built-in one itself is at work: then what is missing was lost before it came.
        log::error!("{}: {} task(s) are lost: {why}", core.id(), local.queued);
        local.queued = 0;
        return;
    };
    let expected = local.queued;
    let failed = local.policy.replace(spare);
    local.queued = 0;
    local.strays_seen = 0;
    log::error!("{}: the policy failed: {why}; the built-in policy takes over here", core.id());
    if let Err(cause) = caught(core, || drop(failed)) {
        log::error!("{}: policy failed again while it was dropped: {cause}", core.id());
    }
    core.strays.store(0, Relaxed);
    let current = TaskPtr::current();
    let mut recovered = 0;
    for ready in core.inbox.take_all() {
        recovered += 1;
        crate::wake::admit(core, local, current, ready);
    }
    // The inbox may have held newly woken ones too, so this is the least that is missing.
    if recovered < expected {
        log::error!("{}: the policy has lost {} task(s)", core.id(), expected - recovered);
    }
    core.publish(local);
    local.want_switch = true;
    core_local::set_need_resched();
}

/// Drops a policy that may panic in its drop.
pub fn drop_quietly(policy: Option<Box<dyn Policy>>) {
    if let Err(cause) = unwind::catch(|| drop(policy)) {
        log::error!("a policy failed while it was dropped: {cause}");
    }
}
