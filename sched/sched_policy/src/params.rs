//! The parameters of a task that policies read. They belong to the task, not to a policy, so that a swap of
//! policies keeps them. Each policy reads what it understands.

use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

/// A task's scheduling parameters. Anyone may change them at any time; a policy sees the change when it next
/// looks (hence Relaxed: no other data hangs on them).
#[derive(Debug)]
pub struct Params {
    priority: AtomicU8,
    weight: AtomicU32,
    deadline_ns: AtomicU64,
}

impl Params {
    /// The priority of a task that asked for none.
    pub const DEFAULT_PRIORITY: u8 = 128;
    /// The weight of a task that asked for none.
    pub const DEFAULT_WEIGHT: u32 = 1024;

    /// Parameters with these values; see the getters for their meaning.
    pub const fn new(priority: u8, weight: u32, deadline_ns: u64) -> Self {
        Params {
            priority: AtomicU8::new(priority),
            weight: AtomicU32::new(weight),
            deadline_ns: AtomicU64::new(deadline_ns),
        }
    }

    /// Urgency: 0 is the least, 255 the most.
    #[inline]
    pub fn priority(&self) -> u8 {
        self.priority.load(Relaxed)
    }

    /// Sets the priority.
    pub fn set_priority(&self, priority: u8) {
        self.priority.store(priority, Relaxed);
    }

    /// Share of the core relative to other tasks; twice the weight, twice the time. 1024 is the default.
    pub fn weight(&self) -> u32 {
        self.weight.load(Relaxed)
    }

    /// Sets the weight.
    pub fn set_weight(&self, weight: u32) {
        self.weight.store(weight, Relaxed);
    }

    /// Time in nanoseconds, counted from each wake, in which the task wants to have run; 0 means none.
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns.load(Relaxed)
    }

    /// Sets the relative deadline in nanoseconds; 0 means none.
    pub fn set_deadline_ns(&self, ns: u64) {
        self.deadline_ns.store(ns, Relaxed);
    }
}

impl Default for Params {
    fn default() -> Self {
        Params::new(Self::DEFAULT_PRIORITY, Self::DEFAULT_WEIGHT, 0)
    }
}
