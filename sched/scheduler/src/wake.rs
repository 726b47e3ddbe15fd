//! How a task that became ready gets to a core: wakes, the inbox, stealing and giving.
//!
//! A ready task goes to its home core, where its context was saved; only that core takes it out of the inbox, at
//! points where the context of whoever parked there is saved or is the current one. So nobody ever continues a
//! context that is still being saved, and no `on_cpu` flag is needed.

use core::sync::atomic::Ordering::Relaxed;

use core_local::{CoreSet, IrqGuard, set_need_resched};
use inbox::Handle;
use sched_policy::{CoreId, Enqueue, Ready};

use crate::faulty::{blame, guarded, replace};
use crate::local::{self, Core, Local};
use crate::platform;
use crate::task::TaskPtr;

/// Brings a task that was just made ready to its home core, and ends `irq`, which the caller took before it made the task
/// ready. Lock-free; callable everywhere.
pub fn wake(ready: Ready, irq: IrqGuard) {
    let home = TaskPtr::of(&ready).home();
    match TaskPtr::current() {
        // (Code of a policy must not wake anybody; if it does, it must not reach the local part, which is lent out.)
        Some(current) if core::ptr::eq(current.home(), home) && !home.in_policy.load(Relaxed) => {
            // SAFETY: our core, interrupts off. No reference to the local part is alive: the scheduler's own code
            // calls `wake` only where it holds none, and a policy was ruled out.
            let local = unsafe { home.local() };
            admit(home, local, Some(current), ready);
            home.publish(local);
            if !current.idle {
                ensure_tick(home, local);
            }
            // The guard's end is a preemption point: a more urgent task takes over right there.
            drop(irq);
        }
        _ => {
            send(home, ready);
            irq.restore_only();
        }
    }
}

/// Pushes a ready task into a core's inbox and pokes the core if it would not look.
///
/// Interrupts are off: who pushes into an empty inbox pokes for all who push after it, so it must not stop in between.
pub fn send(core: &'static Core, ready: Ready) {
    if core.inbox.push(ready) && core.alertness.wants_poke() {
        platform::poke(core.id());
    }
}

/// Hands one ready task to this core's policy.
pub fn admit(core: &'static Core, local: &mut Local, current: Option<TaskPtr>, ready: Ready) {
    let task = TaskPtr::of(&ready);
    let from_here = core::ptr::eq(task.home(), core);
    if task.timer.armed() {
        debug_assert!(from_here, "a task's timer is in the heap of the core on which it parked");
        // SAFETY: an armed timer is in its home core's heap, which is this one.
        unsafe { local.timers.remove(task.timer()) };
    }
    if !ready.allowed_on(core.id()) {
        return forward(core, ready);
    }
    let why = match () {
        () if task.switches.load(Relaxed) == 0 => Enqueue::New,
        () if from_here => Enqueue::Woken,
        () => Enqueue::Migrated,
    };
    task.set_home(core);
    let running = current.filter(|current| !current.idle);
    local.queued += 1;
    let result = guarded(core, local, |policy| {
        let urgent = running.is_some_and(|running| policy.preempts(running.entity.params(), ready.params()));
        policy.enqueue(ready, why);
        urgent
    });
    match result {
        Ok(false) => {}
        Ok(true) => {
            local.want_switch = true;
            set_need_resched();
        }
        Err(cause) => replace(core, local, format_args!("{cause}")),
    }
}

/// Sends a task that may not run here to a core where it may.
#[cold]
fn forward(core: &'static Core, ready: Ready) {
    match local::started().intersection(ready.entity().allowed()).first() {
        Some(other) => send(local::core(other), ready),
        None => {
            // Spawn refuses such a set and cores do not leave, so this is a defect; keep the task visible.
            log::error!("{}: task {} may run on no core that runs; it stays ready", core.id(), ready.id());
            let _ = ready.into_raw();
        }
    }
}

/// Takes everything out of this core's inbox.
#[inline(never)]
pub fn drain(core: &'static Core, local: &mut Local, current: TaskPtr) {
    let strays = core.strays.swap(0, Relaxed) as usize;
    local.queued = local.queued.saturating_sub(strays);
    for ready in core.inbox.take_all() {
        admit(core, local, Some(current), ready);
    }
    if strays > 0 {
        blame(core, local, strays);
    }
    core.publish(local);
    if !current.idle {
        ensure_tick(core, local);
    }
}

/// Sees to it that the tick runs if somebody waits.
#[inline]
pub fn ensure_tick(core: &'static Core, local: &mut Local) {
    if local.queued > 0 && !local.ticking {
        start_tick(core, local);
    }
}

#[cold]
fn start_tick(core: &'static Core, local: &mut Local) {
    local.ticking = true;
    local.arm(platform::ticks().saturating_add(platform::tick_length()));
    core.alertness.raise();
}

impl Local {
    /// Arms the hardware timer for `at` (clock ticks), unless it is armed for an earlier moment.
    pub fn arm(&mut self, at: u64) {
        if at < self.armed {
            self.armed = at;
            platform::arm_timer(at);
        }
    }
}

/// An idle core asks the core with the longest queue for work.
pub fn ask_for_work(thief: &'static Core) {
    let me = thief.id();
    let others = local::started().iter().filter(|id| *id != me).map(local::core);
    let busiest = others.map(|core| (core.load.load(Relaxed), core)).max_by_key(|(load, _)| *load);
    if let Some((1.., victim)) = busiest
        && victim.steal.ask(me.index() as u32)
    {
        platform::poke(victim.id());
    }
}

/// Serves a waiting request for work. The current task is not in the queue, so everything in it can go.
pub fn serve_steal(core: &'static Core, local: &mut Local, current: TaskPtr) {
    let Some(thief) = core.steal.take().and_then(CoreId::new) else { return };
    if local.queued > 0 && local::core(thief).alertness.hint().is_idle() {
        let half = local.queued.div_ceil(2);
        give(core, local, current, thief, half);
    }
}

/// Gives waiting tasks to the cores that sleep: called with each tick, because a core that found nothing to
/// steal when it went to sleep does not ask again.
pub fn share_with_sleepers(core: &'static Core, local: &mut Local, current: TaskPtr) {
    let idle = |id: &CoreId| local::core(*id).alertness.hint().is_idle();
    let sleepers: CoreSet = local::started().iter().filter(idle).fold(CoreSet::EMPTY, CoreSet::with);
    let share = local.queued.div_ceil(sleepers.len() + 1);
    for sleeper in sleepers.iter() {
        if local.queued == 0 {
            break;
        }
        let count = share.min(local.queued);
        give(core, local, current, sleeper, count);
    }
}

fn give(core: &'static Core, local: &mut Local, current: TaskPtr, thief: CoreId, count: usize) {
    for _ in 0..count {
        match guarded(core, local, |policy| policy.steal(thief)) {
            Ok(Some(ready)) if !core::ptr::eq(TaskPtr::of(&ready).home(), core) => {
                // Not handed to this core's policy: see `schedule::belongs_to`.
                send(TaskPtr::of(&ready).home(), ready);
            }
            Ok(Some(ready)) => {
                local.queued = local.queued.saturating_sub(1);
                if !ready.allowed_on(thief) {
                    admit(core, local, Some(current), ready);
                    break;
                }
                core.given.store(core.given.load(Relaxed) + 1, Relaxed);
                send(local::core(thief), ready);
            }
            Ok(None) => break,
            Err(cause) => {
                replace(core, local, format_args!("{cause}"));
                break;
            }
        }
    }
    core.publish(local);
}
