//! The idle loop and the timer interrupt: what a core does when no task does anything.

use core::mem;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use core_local::{irq_disable, set_need_resched};
use task_state::Alert;

use crate::faulty::{guarded, replace};
use crate::local::{Core, Local, NEVER};
use crate::platform;
use crate::schedule::{account, change, pick};
use crate::task::TaskPtr;
use crate::wake::{admit, ask_for_work, drain, serve_steal, share_with_sleepers};

/// Whether a core that becomes idle polls.
static POLLS: AtomicBool = AtomicBool::new(false);

/// Makes every core that becomes idle from now on look for work without pause (`true`), or halt (`false`, as at first).
///
/// A core that polls is woken without an interrupt, and without what it costs to end a halt; but it never rests. It is for
/// measuring, and for machines whose halt is slow. Meant to be said before [`crate::init`]; later, a core that is idle already stays
/// as it is until something wakes it.
pub fn set_idle_polls(polls: bool) {
    // Relaxed: either way is correct at any time, since each core publishes which one it took.
    POLLS.store(polls, Relaxed);
}

/// Turns the calling context into its core's idle loop, for ever. Call [`crate::init_this_core`] first.
///
/// The core halts when there is nothing to do, and an interrupt ends the halt; or it polls, see [`set_idle_polls`].
///
/// # Panics
/// If this core was not initialised, or the caller is a task.
pub fn enter_idle() -> ! {
    mem::forget(irq_disable()); // the loop lets interrupts in only while it halts or polls
    let Some(idle) = TaskPtr::current().filter(|task| task.idle) else {
        panic!("enter_idle is for the context that called init_this_core on this core")
    };
    loop {
        // SAFETY: interrupts are off, this is the idle task, and no reference to the local part is alive.
        unsafe { turn(idle) };
    }
}

/// One turn: run somebody, or look for work and wait.
///
/// # Safety
/// Interrupts are off; `idle` is the current task; no reference to this core's local part is alive.
unsafe fn turn(idle: TaskPtr) {
    let core = idle.home();
    {
        // SAFETY: the caller's.
        let local = unsafe { core.local() };
        if !core.inbox.is_empty() {
            drain(core, local, idle);
        }
        // An idle core has nothing to give; a task that is about to run is looked at by `leave`.
        let _ = core.steal.take();
        if let Some(next) = pick(core, local) {
            leave(core, local, idle);
            account(core, local, idle, next);
            // SAFETY: interrupts are off; `next` was claimed by `pick`; `local` ends here.
            return unsafe { change(idle, next, core::ptr::null()) };
        }
        core.publish(local);
    }
    ask_for_work(core);
    if POLLS.load(Relaxed) {
        core.alertness.poll();
        // Others push into the inbox; interrupt handlers of this core fill its queue, and publish the length. As below, we
        // hold no reference to the local part meanwhile.
        platform::spin_while(|| core.inbox.is_empty() && core.load.load(Relaxed) == 0);
    } else if core.alertness.lower(Alert::Asleep, || core.inbox.is_empty()) {
        // The interrupt that ends the halt may have its handler use the local part: we hold no reference to it.
        platform::halt();
    }
}

/// From idle to running: says how alert the core is now. (The tick may still be armed from before.)
fn leave(core: &'static Core, local: &mut Local, idle: TaskPtr) {
    local.want_switch = false;
    if local.ticking {
        core.alertness.raise();
    } else {
        lower(core, local, idle);
    }
    // If somebody waits, `account` starts the tick.
}

/// The timer interrupt: wakes the tasks whose time has come, and ticks if tasks wait.
pub fn on_timer() {
    let Some(current) = TaskPtr::current() else { return };
    let core = current.home();
    // SAFETY: an interrupt handler runs with interrupts off, and interrupts were on where it came, so none of the
    // scheduler's code, which alone makes such references, was at work here.
    let local = unsafe { core.local() };
    local.armed = NEVER;
    let now = platform::ticks();
    while let Some(node) = local.timers.pop_due(now) {
        // SAFETY: the heap holds nodes of parked (or just woken, not yet drained) tasks, which are alive.
        let task = unsafe { TaskPtr::of_timer(node) };
        if task.state.expire() {
            task.timed_out.store(true, Relaxed);
            // SAFETY: just made ready. It parked on this core, so its context is saved here.
            admit(core, local, Some(current), unsafe { task.ready() });
        }
    }
    if current.idle {
        local.ticking = false;
    } else {
        tick(core, local, current, now);
    }
    core.publish(local);
    let tick_at = if local.ticking { now.saturating_add(platform::tick_length()) } else { NEVER };
    let next = local.timers.earliest().unwrap_or(NEVER).min(tick_at);
    if next != NEVER {
        local.arm(next);
    }
}

fn tick(core: &'static Core, local: &mut Local, current: TaskPtr, now: u64) {
    if current.state.kill_pending() {
        set_need_resched(); // `preempt` delivers it
    }
    if !core.inbox.is_empty() {
        drain(core, local, current);
    }
    serve_steal(core, local, current);
    if local.queued > 0 {
        share_with_sleepers(core, local, current);
    }
    if local.queued > 0 {
        let ran = platform::ticks_to_ns(now.saturating_sub(local.since));
        match guarded(core, local, |policy| policy.tick(current.entity.params(), ran)) {
            Ok(false) => {}
            Ok(true) => {
                local.want_switch = true;
                set_need_resched();
            }
            Err(cause) => replace(core, local, format_args!("{cause}")),
        }
        local.ticking = true;
        core.alertness.raise();
    } else {
        local.ticking = false;
        lower(core, local, current);
    }
}

/// Says that the core has no tick. Whoever came in meanwhile did not poke, so the inbox is emptied until it stays empty.
fn lower(core: &'static Core, local: &mut Local, current: TaskPtr) {
    while !local.ticking && !core.alertness.lower(Alert::Tickless, || core.inbox.is_empty()) {
        drain(core, local, current);
    }
}

/// How long this core has been idle so far, in nanoseconds; without the present spell.
pub fn idle_ns(core: &Core) -> u64 {
    // SAFETY: null, or a leaked idle task.
    let idle = unsafe { core.idle.load(Relaxed).as_ref() };
    idle.map_or(0, |idle| platform::ticks_to_ns(idle.run_ticks.load(Relaxed)))
}
