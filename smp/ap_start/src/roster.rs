//! The table in which a starting core finds itself, and the one race in it.
//!
//! ```text
//!            boot core: expect          AP: claim                AP: arrive
//!  VACANT ───────────────► WAITING ───────────────► CLAIMED ───────────────► ONLINE
//!                             │ boot core: abandon (deadline)      │ boot core: abandon
//!                             ▼                                    ▼
//!                         ABANDONED ◄──────────────────────────────┘
//! ```
//!
//! An AP that finds ABANDONED halts for ever. `claim` gives the AP its stack; `arrive` makes it a core of the system.
//! Both are compare-and-swaps against `abandon`, so each core is either online or left out, and both sides agree
//! which. A stack that was claimed is never taken back: an abandoned core may still stand on it.

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use core_local::{CoreId, MAX_CORES};

const VACANT: u32 = 0;
const WAITING: u32 = 1;
const CLAIMED: u32 = 2;
const ONLINE: u32 = 3;
const ABANDONED: u32 = 4;

/// One core's line. The trampoline's assembly walks the table with this layout and claims entries itself, for it
/// cannot call Rust before it has a stack.
#[repr(C)]
#[derive(Debug)]
pub struct Entry {
    apic_id: AtomicU32,
    state: AtomicU32,
    stack_top: AtomicU64,
    online_at: AtomicU64,
}

/// Bytes per entry, and offsets in it, for the assembly.
pub mod offsets {
    /// Size of an entry.
    pub const SIZE: usize = 24;
    /// The APIC id (4 bytes).
    pub const APIC_ID: usize = 0;
    /// The state (4 bytes).
    pub const STATE: usize = 4;
    /// Top of the stack (8 bytes).
    pub const STACK_TOP: usize = 8;
    /// What the assembly compares and stores.
    pub const WAITING: u32 = super::WAITING;
    /// What the assembly stores.
    pub const CLAIMED: u32 = super::CLAIMED;
}

#[cfg(not(loom))]
const _: () = {
    assert!(size_of::<Entry>() == offsets::SIZE);
    assert!(core::mem::offset_of!(Entry, apic_id) == offsets::APIC_ID);
    assert!(core::mem::offset_of!(Entry, state) == offsets::STATE);
    assert!(core::mem::offset_of!(Entry, stack_top) == offsets::STACK_TOP);
};

/// How a core's start ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// It is a core of the system, since this TSC value.
    Online(u64),
    /// It never answered.
    Silent,
    /// It answered, but did not reach the kernel in time.
    Stuck,
}

/// The table, indexed by core.
#[derive(Debug)]
pub struct Roster([Entry; MAX_CORES]);

impl Roster {
    /// A table that expects nobody.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self(
            [const {
                Entry {
                    apic_id: AtomicU32::new(0),
                    state: AtomicU32::new(VACANT),
                    stack_top: AtomicU64::new(0),
                    online_at: AtomicU64::new(0),
                }
            }; MAX_CORES],
        )
    }

    /// A table that expects nobody.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self(core::array::from_fn(|_| Entry {
            apic_id: AtomicU32::new(0),
            state: AtomicU32::new(VACANT),
            stack_top: AtomicU64::new(0),
            online_at: AtomicU64::new(0),
        }))
    }

    /// Expects the core with this APIC id as `core`, on a stack that ends at `stack_top`. Before any SIPI.
    pub fn expect(&self, core: CoreId, apic_id: u32, stack_top: u64) {
        let entry = &self.0[core.index()];
        entry.apic_id.store(apic_id, Ordering::Relaxed);
        entry.stack_top.store(stack_top, Ordering::Relaxed);
        // Release: who sees WAITING sees the stack.
        entry.state.store(WAITING, Ordering::Release);
    }

    /// What the trampoline does in assembly, for models and tests: the AP with this id takes its entry.
    pub fn claim(&self, apic_id: u32) -> Option<(CoreId, u64)> {
        let (index, entry) = self.0.iter().enumerate().find(|(_, entry)| {
            entry.state.load(Ordering::Acquire) == WAITING && entry.apic_id.load(Ordering::Relaxed) == apic_id
        })?;
        entry.state.compare_exchange(WAITING, CLAIMED, Ordering::AcqRel, Ordering::Acquire).ok()?;
        Some((CoreId::new(index as u32)?, entry.stack_top.load(Ordering::Relaxed)))
    }

    /// The AP says that it is ready to be a core of the system, at TSC value `now`. False: it was given up, and
    /// must halt.
    #[must_use]
    pub fn arrive(&self, core: CoreId, now: u64) -> bool {
        let entry = &self.0[core.index()];
        entry.online_at.store(now, Ordering::Relaxed);
        entry.state.compare_exchange(CLAIMED, ONLINE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether the core has arrived.
    pub fn is_online(&self, core: CoreId) -> bool {
        self.0[core.index()].state.load(Ordering::Acquire) == ONLINE
    }

    /// Closes the core's entry: it is online, or it never will be.
    pub fn close(&self, core: CoreId) -> Outcome {
        let entry = &self.0[core.index()];
        loop {
            let state = entry.state.load(Ordering::Acquire);
            match state {
                ONLINE => return Outcome::Online(entry.online_at.load(Ordering::Relaxed)),
                WAITING | CLAIMED => {
                    let given_up =
                        entry.state.compare_exchange(state, ABANDONED, Ordering::AcqRel, Ordering::Acquire);
                    if given_up.is_ok() {
                        return if state == CLAIMED { Outcome::Stuck } else { Outcome::Silent };
                    }
                }
                _ => return Outcome::Silent,
            }
        }
    }
}

impl Default for Roster {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn core(index: u32) -> CoreId {
        CoreId::new(index).unwrap()
    }

    #[test]
    fn only_expected_cores_get_a_stack_and_only_once() {
        let roster = Roster::new();
        roster.expect(core(1), 7, 0x1000);
        assert_eq!(roster.claim(8), None);
        assert_eq!(roster.claim(7), Some((core(1), 0x1000)));
        assert_eq!(roster.claim(7), None);
        assert!(roster.arrive(core(1), 99));
        assert_eq!(roster.close(core(1)), Outcome::Online(99));
    }

    #[test]
    fn a_late_core_is_refused_wherever_it_stands() {
        let roster = Roster::new();
        roster.expect(core(1), 1, 0x1000);
        roster.expect(core(2), 2, 0x2000);
        assert_eq!(roster.close(core(1)), Outcome::Silent);
        assert_eq!(roster.claim(1), None);
        assert!(roster.claim(2).is_some());
        assert_eq!(roster.close(core(2)), Outcome::Stuck);
        assert!(!roster.arrive(core(2), 5));
    }
}

#[cfg(all(test, loom))]
mod models {
    use super::*;
    use loom::sync::Arc;
    use loom::thread;

    /// Whatever the timing, both sides agree, and the AP sees the stack that was meant for it.
    #[test]
    fn a_core_is_online_for_both_sides_or_for_neither() {
        loom::model(|| {
            let core = CoreId::new(1).unwrap();
            let roster = Arc::new(Roster::new());
            roster.expect(core, 9, 0xabc0);
            let ap = {
                let roster = roster.clone();
                thread::spawn(move || {
                    roster.claim(9).is_some_and(|(core, stack)| {
                        assert_eq!(stack, 0xabc0);
                        roster.arrive(core, 42)
                    })
                })
            };
            let outcome = roster.close(core);
            let arrived = ap.join().unwrap();
            assert_eq!(arrived, outcome == Outcome::Online(42));
        });
    }
}
