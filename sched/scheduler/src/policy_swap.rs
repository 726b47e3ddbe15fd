//! Replacing the policy of all cores at once, under load.
//!
//! **Stage**: an instance for every core is made, in the caller's task; this may fail or panic, and nothing has changed then.
//! **Commit**: all cores stop; each moves its own waiting tasks from the old instance to the new one, in the old one's order. Running
//! and parked tasks are in no policy and are not concerned.
//! **Retire**: the old instances are dropped in the caller's task. When this has returned, nothing in the scheduler
//! points into the old policy's cell any more.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::sync::atomic::{AtomicBool, Ordering::*};

use core_local::{CoreId, preempt_disable};
use irq_lock::IrqLock;
use sched_policy::{Enqueue, Policy, PolicyFactory};
use unwind::Cause;

use crate::builtin::BUILT_IN;
use crate::faulty::{RETIRING, caught, drop_quietly};
use crate::local::{self, Core, Local};
use crate::platform::{self, RendezvousError};

/// No policy gives up more tasks than this on one core: one that never comes to an end is broken.
const EXPORT_LIMIT: usize = 1 << 20;

/// What a swap of policies did.
#[derive(Clone, Debug)]
pub struct PolicySwap {
    /// The policy before.
    pub from: String,
    /// The policy after.
    pub to: &'static str,
    /// How many waiting tasks changed hands.
    pub tasks_moved: usize,
    /// For how long each core stood still, in nanoseconds.
    pub pauses_ns: Vec<(CoreId, u64)>,
    /// Cores on which the old policy gave up more or fewer tasks than it had been given, or a policy failed. What was left in the
    /// old one was put back afterwards.
    pub mismatched: Vec<CoreId>,
}

/// Why the policy was not swapped. Nothing has changed.
#[derive(Clone, Debug)]
pub enum PolicySwapError {
    /// Another swap is going on.
    Busy,
    /// The new policy failed while an instance was made.
    Create {
        /// The policy.
        policy: &'static str,
        /// Its panic.
        message: String,
    },
    /// The cores did not all stop.
    Rendezvous(RendezvousError),
}

impl fmt::Display for PolicySwapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another swap of policies is going on; try again when it is done"),
            Self::Create { policy, message } => {
                write!(f, "policy {policy} could not be made, the old one stays: {message}")
            }
            Self::Rendezvous(error) => write!(f, "the old policy stays: {error}"),
        }
    }
}

impl core::error::Error for PolicySwapError {}

/// What is handed to a core, and back.
#[derive(Default)]
struct Exchange {
    policy: Option<Box<dyn Policy>>,
    spare: Option<Box<dyn Policy>>,
    moved: usize,
    mismatch: bool,
}

static SWAPPING: AtomicBool = AtomicBool::new(false);
static NAME: IrqLock<String> = IrqLock::new("policy name", String::new());

struct Swapping;

impl Drop for Swapping {
    fn drop(&mut self) {
        SWAPPING.store(false, Release);
    }
}

/// The name of the policy that is in force. (A core whose instance failed runs the built-in one; the log says so.)
pub fn current_policy() -> String {
    let name = NAME.lock();
    if name.is_empty() { String::from(BUILT_IN.name) } else { name.clone() }
}

/// Makes `factory`'s policy the policy of all cores. Waits at most `timeout_ns` for the cores to stop.
///
/// When this returns, in success and in failure, the scheduler holds nothing of the policy that is not in force: its cell may go.
///
/// # Errors
/// [`PolicySwapError`]; the old policy is still in force.
pub fn swap_policy(factory: &PolicyFactory, timeout_ns: u64) -> Result<PolicySwap, PolicySwapError> {
    // All of it, or none.
    let _shield = crate::kill::shield();
    if SWAPPING.swap(true, Acquire) {
        return Err(PolicySwapError::Busy);
    }
    let _swapping = Swapping;
    let from = current_policy();
    let name = String::from(factory.name);
    let cores: Vec<CoreId> = local::started().iter().collect();
    let mut slots = Vec::with_capacity(cores.len());
    for &core in &cores {
        let made = unwind::catch(|| ((factory.create)(core), (BUILT_IN.create)(core)));
        let (policy, spare) = made.map_err(|cause| PolicySwapError::Create {
            policy: factory.name,
            message: match cause {
                Cause::Panic(message) => message,
                // That was not the policy's doing: the caller is being killed.
                Cause::Killed => unwind::raise(cause),
                other => alloc::format!("{other}"),
            },
        })?;
        let staged = Exchange { policy: Some(policy), spare: Some(spare), ..Exchange::default() };
        slots.push((core, IrqLock::new("policy swap", staged)));
    }
    let slots = slots;
    let on_each = |core: CoreId| {
        if let Some((_, slot)) = slots.iter().find(|(of, _)| *of == core) {
            let core = local::core(core);
            // SAFETY: all cores stand still, with interrupts off, outside of the scheduler's code (which runs
            // with interrupts off), so no reference to the local part is alive on this core.
            let local = unsafe { core.local() };
            // No lock is held while policies are called: what panics with one held cannot be unwound.
            let mut staged = mem::take(&mut *slot.lock());
            exchange(core, local, &mut staged);
            *slot.lock() = staged;
            core.publish(local);
        }
    };
    // From here to the end no kill by force: it would keep the old instances, and what they hold, from being dropped.
    let _pinned = preempt_disable();
    let pauses_ns = platform::stop_all(&on_each, timeout_ns).map_err(PolicySwapError::Rendezvous)?;
    *NAME.lock() = name;

    RETIRING.store(true, SeqCst);
    let mut report = PolicySwap { from, to: factory.name, tasks_moved: 0, pauses_ns, mismatched: Vec::new() };
    for (core, slot) in slots {
        let done = slot.into_inner();
        report.tasks_moved += done.moved;
        if done.mismatch {
            report.mismatched.push(core);
        }
        drop_quietly(done.policy);
        drop_quietly(done.spare);
    }
    RETIRING.store(false, SeqCst);
    Ok(report)
}

/// On each core, while all stand still: the tasks go from the old policy into the new one.
fn exchange(core: &'static Core, local: &mut Local, slot: &mut Exchange) {
    let (Some(mut new), Some(mut old)) = (slot.policy.take(), local.policy.take()) else { return };
    let before = local.queued;
    let moved = caught(core, || {
        let mut moved = 0;
        while moved < EXPORT_LIMIT {
            let Some(task) = old.export() else { break };
            new.enqueue(task, Enqueue::Migrated);
            moved += 1;
        }
        moved
    });
    let after = caught(core, || new.len());
    slot.moved = *moved.as_ref().unwrap_or(&0);
    local.queued = slot.moved;
    local.strays_seen = 0;
    slot.mismatch = moved.is_err() || after != Ok(before);
    if local.spare.is_none() {
        local.spare = slot.spare.take();
    }
    match moved {
        Ok(_) => {
            local.policy = Some(new);
            slot.policy = Some(old);
        }
        Err(cause) => {
            // Both may hold tasks. The built-in one takes over, and both are dropped soon, by the caller's task.
            log::error!("a policy failed during the swap: {cause}; the built-in policy takes over here");
            local.queued = 0;
            local.policy = local.spare.take();
            slot.policy = Some(old);
            slot.spare = Some(new);
        }
    }
}
