//! What belongs to a core.
//!
//! ```text
//!   Core ─┬─ inbox       written by every core     (a line of its own)
//!         ├─ alertness, steal request, load        read by others, written seldom
//!         └─ Local       the owner alone, with interrupts off: policy, timers, tick, spare stacks
//! ```
//!
//! There is no lock here. `Local` is reached by [`Core::local`], whose contract is the whole rule: interrupts off, own core,
//! one reference at a time, and none across a switch.

use alloc::boxed::Box;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering::*};

use arrayvec::ArrayVec;
use core_local::{CachePadded, CoreId, CoreSet, PerCore, per_core};
use inbox::Inbox;
use sched_policy::{Policy, Ready};
use task_state::{Alertness, StealRequest};

use crate::platform::Stack;
use crate::timers::TimerHeap;

/// No deadline.
pub const NEVER: u64 = u64::MAX;

/// How many stacks of the default size a core keeps for the next tasks that are spawned on it.
pub const SPARE_STACKS: usize = 8;

/// A core as the scheduler sees it.
pub struct Core {
    /// Ready tasks for this core.
    pub inbox: CachePadded<Inbox<Ready>>,
    /// Whether it looks into the inbox by itself.
    pub alertness: Alertness,
    /// An idle core's wish for work.
    pub steal: StealRequest,
    /// How many tasks wait in its policy: a hint for placement and stealing.
    pub load: AtomicU32,
    /// How many rights to run its policy has dropped since it last looked.
    pub strays: AtomicU32,
    /// It runs a policy's code. Written by it alone.
    pub in_policy: AtomicBool,
    id: AtomicU32,
    /// Switches on this core. Written by it alone.
    pub switches: AtomicU64,
    /// Preemptions on this core. Written by it alone.
    pub preemptions: AtomicU64,
    /// Tasks given to idle cores. Written by it alone.
    pub given: AtomicU64,
    /// The idle task's run time in clock ticks is read through this.
    pub idle: AtomicPtr<crate::task::Task>,
    local: CachePadded<UnsafeCell<Local>>,
}

// SAFETY: everything but `local` is atomic; `local` is guarded by the contract of `Core::local`.
unsafe impl Sync for Core {}

/// The owner's part.
pub struct Local {
    /// The policy; there from `init_this_core` on.
    pub policy: Option<Box<dyn Policy>>,
    /// A built-in policy, ready to take over without allocating.
    pub spare: Option<Box<dyn Policy>>,
    /// How many tasks the mechanism has handed to the policy and not got back.
    pub queued: usize,
    /// Rights that this policy has dropped.
    pub strays_seen: usize,
    /// Timed waits of tasks that parked here.
    pub timers: TimerHeap,
    /// For when the hardware timer is armed, in clock ticks.
    pub armed: u64,
    /// The tick runs: others wait behind the running task.
    pub ticking: bool,
    /// When the running task was switched to, in clock ticks.
    pub since: u64,
    /// The running task is to be preempted.
    pub want_switch: bool,
    /// Stacks for the next tasks.
    pub stacks: ArrayVec<Stack, SPARE_STACKS>,
}

impl Core {
    const fn new() -> Self {
        Core {
            inbox: CachePadded::new(Inbox::new()),
            alertness: Alertness::new(),
            steal: StealRequest::new(),
            load: AtomicU32::new(0),
            strays: AtomicU32::new(0),
            in_policy: AtomicBool::new(false),
            id: AtomicU32::new(0),
            switches: AtomicU64::new(0),
            preemptions: AtomicU64::new(0),
            given: AtomicU64::new(0),
            idle: AtomicPtr::new(core::ptr::null_mut()),
            local: CachePadded::new(UnsafeCell::new(Local {
                policy: None,
                spare: None,
                queued: 0,
                strays_seen: 0,
                timers: TimerHeap::new(),
                armed: NEVER,
                ticking: false,
                since: 0,
                want_switch: false,
                stacks: ArrayVec::new_const(),
            })),
        }
    }

    /// The owner's part.
    ///
    /// # Safety
    /// 1. This is the calling core (or it takes no part yet), and interrupts are off while the reference lives.
    /// 2. No other reference to it is alive: only entry points of the scheduler call this, they hand the reference
    ///    down, and they do not hold it across a switch or a call of another entry point.
    #[allow(clippy::mut_from_ref, reason = "the contract makes the reference exclusive")]
    #[inline]
    pub unsafe fn local(&self) -> &mut Local {
        // SAFETY: the caller's contract.
        unsafe { &mut *self.local.get() }
    }

    /// The core's number.
    pub fn id(&self) -> CoreId {
        CoreId::new(self.id.load(Relaxed)).unwrap_or(CoreId::BOOT)
    }

    /// The number of its idle task; 0 if it has none yet.
    pub fn idle_id(&self) -> u64 {
        // SAFETY: null, or an idle task, which is never freed.
        unsafe { self.idle.load(Acquire).as_ref() }.map_or(0, |idle| idle.entity.id())
    }

    /// Says which core this is; before anything else is done with it.
    pub fn name(&self, id: CoreId) {
        self.id.store(id.index() as u32, Relaxed);
    }

    /// Publishes the length of the queue.
    #[inline]
    pub fn publish(&self, local: &Local) {
        let load = local.queued as u32; // a hint; no machine holds 2^32 tasks
        if self.load.load(Relaxed) != load {
            self.load.store(load, Relaxed);
        }
    }
}

static CORES: PerCore<Core> = per_core!(Core::new());

/// Any core.
pub fn core(id: CoreId) -> &'static Core {
    CORES.get(id)
}

/// The cores that take part in scheduling.
pub fn started() -> CoreSet {
    CoreSet::from_bits(STARTED.load(Acquire))
}

/// Counts a core in.
pub fn set_started(id: CoreId) {
    STARTED.fetch_or(CoreSet::single(id).bits(), Release);
}

static STARTED: AtomicU64 = AtomicU64::new(0);
