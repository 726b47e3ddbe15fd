//! Giving a core away and getting one: yield, park, preemption, pick.
//!
//! Every way through here has the same shape: interrupts off; the inbox into the policy; the current task's new state;
//! pick; claim; switch; interrupts as they were. All of it works on this core's own data. After the switch the code
//! may be on another core, so nothing that was looked up before is used again.

use core::mem;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;

use core_local::{irq_disable, irqs_enabled, preempt_count, set_current_task, take_need_resched};
use inbox::Handle;
use sched_policy::{Enqueue, Entity, Policy, Ready};
use task_state::{Park, Phase};
use unwind::Cause;

use crate::faulty::{caught, guarded, policy, replace};
use crate::kill;
use crate::local::{Core, Local};
use crate::platform;
use crate::switch::switch;
use crate::task::{Task, TaskPtr};
use crate::wake::{admit, drain, ensure_tick, send, serve_steal};

/// Lets the other ready tasks of this core run first.
///
/// Returns at once if there are none, or if the caller must not be rescheduled (preemption or interrupts are off), or on a core
/// that runs no tasks yet. A pending kill is delivered here.
#[inline(never)]
pub fn yield_now() {
    let irq = irq_disable();
    let Some(current) = TaskPtr::current() else { return irq.restore_only() };
    if !irq.enables_on_drop() || preempt_count() != 0 {
        return irq.restore_only();
    }
    // SAFETY: interrupts are off, and no reference to the core's local part is alive.
    unsafe { yield_locked(current) };
    irq.restore_only();
    if current.state.kill_pending() {
        kill::deliver(current);
    }
}

/// # Safety
/// Interrupts are off; the caller holds no reference into this core's local part; `current` is the current task.
#[inline(always)]
unsafe fn yield_locked(current: TaskPtr) {
    let core = current.home();
    // SAFETY: the caller's.
    let local = unsafe { core.local() };
    if !core.inbox.is_empty() {
        drain(core, local, current);
    }
    if local.queued != 0 && !current.idle {
        let next = exchange(core, local, current, Enqueue::Yielded);
        if next != current {
            account(core, local, current, next);
            // SAFETY: interrupts are off; `next` was claimed by `exchange`; `local` ends here.
            unsafe { change(current, next, core::ptr::null()) };
        }
    }
}

/// Puts the running task back into the queue and takes out the one that runs next, claimed. It may be the same.
// Inlined into its two callers, and all that is rare kept out of line: this is the heart of every yield.
#[inline(always)]
fn exchange(core: &'static Core, local: &mut Local, running: TaskPtr, why: Enqueue) -> TaskPtr {
    running.state.release();
    let mut call = ExchangeCall { policy: policy(local), running, why, next: None };
    let failure = match caught(core, || call.run()) {
        // SAFETY: `run` gave this right up, and it is taken here once.
        Ok(()) => match call.next.map(|next| unsafe { Ready::from_raw(next) }) {
            Some(next) if belongs_to(core, &next) => match claim(next) {
                Some(next) => return next,
                None => return pick_or_idle(core, local), // one in, one out: the count is right
            },
            next => Ok(next),
        },
        Err(cause) => Err(cause),
    };
    exchange_failed(core, local, failure)
}

/// One call of [`Policy::exchange`] on its way through `catch`, as one word.
struct ExchangeCall<'a> {
    policy: &'a mut dyn Policy,
    running: TaskPtr,
    why: Enqueue,
    /// What the policy returned, as a bare pointer: a `Ready` would have this path carry code for dropping it.
    next: Option<NonNull<Entity>>,
}

impl ExchangeCall<'_> {
    #[inline(always)]
    fn run(&mut self) {
        // SAFETY: `exchange`, which makes each of these and runs it once, has just released the task: this is the one right.
        let running = unsafe { self.running.ready() };
        self.next = self.policy.exchange(running, self.why).map(Ready::into_raw);
    }
}

#[cold]
#[inline(never)]
fn exchange_failed(core: &'static Core, local: &mut Local, failure: Result<Option<Ready>, Cause>) -> TaskPtr {
    match failure {
        Ok(Some(next)) => refuse(core, next), // one in, one out
        Ok(None) => local.queued += 1,
        Err(cause) => {
            local.queued += 1;
            replace(core, local, format_args!("{cause}"));
        }
    }
    pick_or_idle(core, local)
}

/// Takes the task that runs next out of the queue, claimed; the idle task if there is none.
#[inline(never)]
fn pick_or_idle(core: &'static Core, local: &mut Local) -> TaskPtr {
    pick(core, local).unwrap_or_else(|| idle_task(core))
}

/// Takes the task that runs next out of the queue, claimed.
#[inline]
pub fn pick(core: &'static Core, local: &mut Local) -> Option<TaskPtr> {
    loop {
        match guarded(core, local, |policy| policy.pick()) {
            Ok(Some(ready)) => {
                local.queued = local.queued.saturating_sub(1);
                core.publish(local);
                if !belongs_to(core, &ready) {
                    refuse(core, ready);
                } else if let Some(task) = claim(ready) {
                    return Some(task);
                }
            }
            Ok(None) if local.queued == 0 => return None,
            Ok(None) => pick_found_nothing(core, local),
            Err(cause) => replace(core, local, format_args!("{cause}")),
        }
    }
}

/// The policy says that nobody waits, though it was given more tasks than it gave back. It may have dropped them just now:
/// then they are in the inbox. If not, it has failed.
#[cold]
fn pick_found_nothing(core: &'static Core, local: &mut Local) {
    let strays = core.strays.swap(0, Relaxed) as usize;
    if strays == 0 {
        let waiting = local.queued;
        return replace(core, local, format_args!("it says that nobody waits, but {waiting} task(s) do"));
    }
    local.queued = local.queued.saturating_sub(strays);
    for ready in core.inbox.take_all() {
        admit(core, local, TaskPtr::current(), ready);
    }
    crate::faulty::blame(core, local, strays);
}

/// Whether a task that a policy returned was handed to it on this very core.
///
/// (Two instances could share a list behind our back. A task that is just giving another core away would then be picked here
/// before it is saved there.)
#[inline]
fn belongs_to(core: &'static Core, ready: &Ready) -> bool {
    core::ptr::eq(TaskPtr::of(ready).home(), core)
}

/// Uses a right up: the task is this core's to run.
#[inline]
fn claim(ready: Ready) -> Option<TaskPtr> {
    let task = TaskPtr::of(&ready);
    let claimed = task.state.claim();
    let _ = ready.into_raw();
    match claimed {
        Ok(()) => Some(task),
        Err(phase) => {
            not_ready(task, phase);
            None
        }
    }
}

/// Cannot happen while a `Ready` is unique; if it does, not running the task is the safe side.
#[cold]
fn not_ready(task: TaskPtr, phase: Phase) {
    log::error!("task {} was picked while it is {phase:?}; the pick is void", task.entity.id());
}

/// A policy returned a task that belongs to another core: it goes back there.
#[cold]
fn refuse(core: &'static Core, ready: Ready) {
    let home = TaskPtr::of(&ready).home();
    log::warn!("{}: the policy picked task {}, which belongs to {}", core.id(), ready.id(), home.id());
    send(home, ready);
}

fn idle_task(core: &'static Core) -> TaskPtr {
    // SAFETY: set by `init_this_core` to a leaked task, before this core switches for the first time.
    unsafe { TaskPtr::from_raw(core.idle.load(Relaxed)) }
}

/// Keeps the books for a switch from `from` to `to`; [`change`] follows at once.
///
/// The two are apart so that no reference to the core's local part is an argument of the function that switches: such a
/// reference must be the only one until its function returns, and by then others have used the core.
#[inline(always)]
pub fn account(core: &'static Core, local: &mut Local, from: TaskPtr, to: TaskPtr) {
    let now = platform::ticks();
    // Each of these words has one writer, this core.
    let ran = now.wrapping_sub(local.since);
    local.since = now;
    from.run_ticks.store(from.run_ticks.load(Relaxed).wrapping_add(ran), Relaxed);
    to.switches.store(to.switches.load(Relaxed).wrapping_add(1), Relaxed);
    core.switches.store(core.switches.load(Relaxed).wrapping_add(1), Relaxed);
    ensure_tick(core, local);
}

/// Runs `to` in place of `from`, and tells it that `dead`, if not null, has ended.
///
/// # Safety
/// 1. Interrupts are off, and no reference to this core's local part is used afterwards.
/// 2. `from` is the current task; `to` is another, and was claimed for this core (or is its idle task).
/// 3. `dead` is null, or it is `from`, whose state is dead.
#[inline(always)]
pub unsafe fn change(from: TaskPtr, to: TaskPtr, dead: *const Task) {
    set_current_task(to.as_ptr().cast());
    // SAFETY: 1. Interrupts are off, and nothing that was looked up before is used below. 2. `to` is ours alone, by
    // its claim (an idle task is its core's alone), and its context was saved before it became ready, by this core or
    // by one that handed it on afterwards. 3. `from.context` lives in the task, which lives until it has run again
    // and ended.
    let dead = unsafe { switch(from.context.get(), *to.context.get(), dead) };
    if !dead.is_null() {
        // SAFETY: the task that ended named itself; its stack is not in use any more, for we stand on ours.
        unsafe { crate::reap::reap(dead) };
    }
}

/// Waits until [`TaskRef::unpark`](crate::TaskRef::unpark). Returns at once if that came since the last park. May return without a
/// wake: check what you wait for, and park again. A pending kill is delivered here.
///
/// # Panics
/// If preemption or interrupts are off, or outside of a task: such a wait could never end.
#[inline(never)]
pub fn park() {
    let _ = wait(None);
}

/// [`park`] for at most `ns` nanoseconds.
///
/// # Panics
/// As [`park`].
pub fn park_timeout(ns: u64) {
    let _ = wait(Some(platform::deadline(ns)));
}

/// Waits for `ns` nanoseconds, whatever wakes come (they are kept for the next [`park`]).
///
/// # Panics
/// As [`park`].
pub fn sleep(ns: u64) {
    let deadline = platform::deadline(ns);
    let mut woken = false;
    while platform::ticks() < deadline {
        woken |= wait(Some(deadline));
    }
    if woken && let Some(current) = TaskPtr::current() {
        // A running task is not enqueued: this only sets its token.
        let _ = current.state.unpark();
    }
}

/// Parks. Returns whether a wake ended it, rather than the deadline.
fn wait(deadline: Option<u64>) -> bool {
    let Some(current) = TaskPtr::current().filter(|task| !task.idle) else { outside_of_a_task() };
    if current.state.take_token() {
        return true;
    }
    let irq = irq_disable();
    if !irq.enables_on_drop() || preempt_count() != 0 {
        drop(irq);
        parked_where_it_must_not();
    }
    // SAFETY: interrupts are off, and no reference to the core's local part is alive.
    unsafe { park_locked(current, deadline) };
    irq.restore_only();
    if current.state.kill_pending() {
        kill::deliver(current);
    }
    deadline.is_none() || !current.timed_out.load(Relaxed)
}

/// # Safety
/// As [`yield_locked`].
unsafe fn park_locked(current: TaskPtr, deadline: Option<u64>) {
    let parked = match current.state.park() {
        // Else a destructor that waits would spin here, and if it is urgent, for ever.
        Park::Killed if !kill::deliverable(current) => current.state.park_despite_kill(),
        parked => parked,
    };
    if parked != Park::Parked {
        current.timed_out.store(false, Relaxed);
        return;
    }
    let core = current.home();
    // SAFETY: the caller's.
    let local = unsafe { core.local() };
    if let Some(deadline) = deadline {
        // From the park above to here another core may have woken the task; it is then in our inbox, and is taken out
        // of the heap again when the inbox is drained.
        current.timed_out.store(false, Relaxed);
        // SAFETY: the task stays while it is parked, and whoever takes it out of the inbox, which is this core,
        // removes the node first (`admit`).
        unsafe { local.timers.insert(current.timer(), deadline) };
        local.arm(deadline);
    }
    // The current task itself may come out of the inbox and be picked below: then there is no switch. Nobody else
    // can have it before it is saved, because only this core takes from its inbox and its queue.
    if !core.inbox.is_empty() {
        drain(core, local, idle_task(core));
    }
    let next = pick_or_idle(core, local);
    if next != current {
        account(core, local, current, next);
        // SAFETY: interrupts are off; `next` was claimed by `pick`; `local` ends here.
        unsafe { change(current, next, core::ptr::null()) };
    }
}

#[cold]
fn outside_of_a_task() -> ! {
    panic!("park outside of a task: the boot and idle contexts cannot wait")
}

#[cold]
fn parked_where_it_must_not() -> ! {
    panic!("park with preemption or interrupts off: this core could not run anybody who might wake the task")
}

/// The last act of a task, on its own stack: it is dead, and the core goes on with another.
///
/// # Safety
/// `current` is the current task, it is not needed any more by what is on its stack, and interrupts are on.
pub unsafe fn exit(current: TaskPtr) -> ! {
    mem::forget(irq_disable()); // for ever: this context is not continued
    // SAFETY: interrupts are off, and no reference to the core's local part is alive.
    unsafe {
        let core = current.home();
        let local = core.local();
        current.state.finish();
        if !core.inbox.is_empty() {
            drain(core, local, idle_task(core));
        }
        let next = pick_or_idle(core, local);
        account(core, local, current, next);
        change(current, next, current.as_ptr());
    }
    unreachable!("a dead task is never claimed, so nothing continues it")
}

/// The preemption point of the trap layer: called on the interrupted task's own stack with interrupts off, when
/// [`core_local::need_resched`] says so and preemption is allowed. Looks at what came in, gives work to
/// thieves, switches if a more urgent task or the tick wants it, and ends a task that was killed and has not noticed.
pub fn preempt() {
    take_need_resched();
    let Some(current) = TaskPtr::current() else { return };
    // SAFETY: interrupts are off (the trampoline's promise), and no reference to the local part is alive.
    unsafe { look(current) };
    if current.state.kill_pending() {
        kill::deliver_by_force(current);
    }
}

/// The same at the end of a guarded region: what [`core_local::set_reschedule_hook`] gets. A kill waits for a better place:
/// here is the inside of a destructor.
pub fn reschedule() {
    let irq = irq_disable();
    debug_assert!(irq.enables_on_drop(), "the hook is called with interrupts on");
    take_need_resched();
    if let Some(current) = TaskPtr::current() {
        // SAFETY: interrupts are off, and no reference to the local part is alive.
        unsafe { look(current) };
        if current.state.kill_pending() {
            kill::remind(current);
        }
    }
    irq.restore_only();
}

/// # Safety
/// As [`yield_locked`]; and the current task is not in the queue.
unsafe fn look(current: TaskPtr) {
    if current.idle {
        return; // the idle loop looks by itself before it halts
    }
    let core = current.home();
    // SAFETY: the caller's.
    let local = unsafe { core.local() };
    if !core.inbox.is_empty() {
        drain(core, local, current);
    }
    serve_steal(core, local, current);
    if mem::take(&mut local.want_switch) && local.queued > 0 {
        core.preemptions.store(core.preemptions.load(Relaxed).wrapping_add(1), Relaxed);
        let next = exchange(core, local, current, Enqueue::Preempted);
        if next != current {
            account(core, local, current, next);
            // SAFETY: interrupts are off; `next` was claimed by `exchange`; `local` ends here.
            unsafe { change(current, next, core::ptr::null()) };
        }
    }
}

/// Whether the caller may park: it is a task, with interrupts and preemption on.
pub fn can_park() -> bool {
    irqs_enabled() && preempt_count() == 0 && TaskPtr::current().is_some_and(|task| !task.idle)
}
