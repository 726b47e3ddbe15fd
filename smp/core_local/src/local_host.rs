//! The host's stand-in: a thread is a core, and its words are thread-local.
//!
//! A thread gets the lowest core number that is free when it first asks, and gives it back when it
//! ends; [`crate::install`] overrides that. State is the thread's own, so two threads that claim one
//! core (tests that run side by side) do not disturb each other. Interrupts are a flag.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::block::CoreBlock;
use crate::core_id::{CoreId, CoreSet, MAX_CORES};

struct Thread {
    id: Cell<CoreId>,
    executor: u32,
    /// The number that this thread took from the pool, to be given back.
    taken: Option<CoreId>,
    preempt_count: Cell<u32>,
    need_resched: Cell<bool>,
    current_task: Cell<*const ()>,
    held_locks: Cell<*const ()>,
    irqs_enabled: Cell<bool>,
}

static TAKEN: AtomicU64 = AtomicU64::new(0);
static EXECUTORS: AtomicU32 = AtomicU32::new(1);

impl Thread {
    fn new() -> Self {
        let executor = EXECUTORS.fetch_add(1, Ordering::Relaxed);
        let mut taken = None;
        // The closure returns None, and the update fails, when all are taken.
        let _ = TAKEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
            taken = CoreSet::from_bits(!bits).first();
            taken.map(|core| CoreSet::from_bits(bits).with(core).bits())
        });
        // With more threads than cores, numbers repeat: that is fine for all but the name.
        let shared = CoreId::new(executor % MAX_CORES as u32).unwrap_or(CoreId::BOOT);
        Self {
            id: Cell::new(taken.unwrap_or(shared)),
            executor,
            taken,
            preempt_count: Cell::new(0),
            need_resched: Cell::new(false),
            current_task: Cell::new(core::ptr::null()),
            held_locks: Cell::new(core::ptr::null()),
            irqs_enabled: Cell::new(true),
        }
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(core) = self.taken {
            TAKEN.fetch_and(!CoreSet::single(core).bits(), Ordering::Relaxed);
        }
    }
}

#[cfg(not(loom))]
std::thread_local! { static THREAD: Thread = Thread::new(); }
#[cfg(loom)]
loom::thread_local! { static THREAD: Thread = Thread::new(); }

/// # Safety
/// None of its own here; in the kernel there are conditions.
pub unsafe fn install(block: &'static CoreBlock) {
    THREAD.with(|thread| thread.id.set(block.id()));
}

pub fn id() -> CoreId {
    THREAD.with(|thread| thread.id.get())
}

pub fn executor() -> u32 {
    THREAD.with(|thread| thread.executor)
}

pub fn current_task() -> *const () {
    THREAD.with(|thread| thread.current_task.get())
}

pub fn set_current_task(task: *const ()) {
    THREAD.with(|thread| thread.current_task.set(task));
}

pub fn held_locks() -> *const () {
    THREAD.with(|thread| thread.held_locks.get())
}

pub fn set_held_locks(head: *const ()) {
    THREAD.with(|thread| thread.held_locks.set(head));
}

pub fn preempt_count() -> u32 {
    THREAD.with(|thread| thread.preempt_count.get())
}

pub fn preempt_increment() {
    THREAD.with(|thread| thread.preempt_count.update(|count| count + 1));
}

pub fn preempt_decrement() -> bool {
    THREAD.with(|thread| {
        thread.preempt_count.update(|count| count - 1);
        thread.preempt_count.get() == 0
    })
}

pub fn need_resched() -> bool {
    THREAD.with(|thread| thread.need_resched.get())
}

pub fn set_need_resched() {
    THREAD.with(|thread| thread.need_resched.set(true));
}

pub fn take_need_resched() -> bool {
    THREAD.with(|thread| thread.need_resched.replace(false))
}

pub fn irqs_enabled() -> bool {
    THREAD.with(|thread| thread.irqs_enabled.get())
}

pub fn irq_save_and_disable() -> bool {
    THREAD.with(|thread| thread.irqs_enabled.replace(false))
}

pub fn irq_enable() {
    THREAD.with(|thread| thread.irqs_enabled.set(true));
}
