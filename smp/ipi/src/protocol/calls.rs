//! Calls: each core has one slot for the call it makes, and one mailbox naming who wants something of it.
//!
//! ```text
//!   slot of initiator I                            mailbox of target T
//!   ┌─────────────────────────────┐                ┌──────────────────────┐
//!   │ work        f, arg          │   ring T       │ bit I: "look at I's  │
//!   │ unclaimed   bit T: may take │ ─────────────► │ slot"                │
//!   │ unfinished  bit T: not done │                └──────────────────────┘
//!   └─────────────────────────────┘
//! ```
//!
//! The target takes its bit out of `unclaimed` by one atomic operation; only if the bit was there does
//! it read `work` and run it, and then it takes its bit out of `unfinished`. The initiator reuses the slot
//! only when both words are 0. A time-out swaps `unclaimed` with 0: the bits that this returns are cores that
//! will never read the slot for this call, all others have the work and will finish.
//!
//! So no generation number is needed. A mailbox bit that is read late finds the target's bit gone, or finds
//! it set by a later call that is really meant for the target; then it is served a little earlier than its
//! own ring would have done.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use core_local::CachePadded;

use super::{Env, bit, members};
use crate::atomics::{AtomicU64, DataCell};

/// What the targets are to do.
#[derive(Clone, Copy)]
pub struct Work {
    /// The function.
    pub f: fn(usize),
    /// Its argument.
    pub arg: usize,
}

struct Slot {
    /// Written by the initiator while both words below are 0; read by targets that have claimed.
    work: DataCell<Option<Work>>,
    /// The targets that have not begun.
    unclaimed: AtomicU64,
    /// The targets that have not ended.
    unfinished: AtomicU64,
}

impl Slot {
    /// Forbids the work to all who have not begun; says who they are.
    fn revoke(&self) -> u64 {
        // One atomic operation decides for each core: claimed or revoked.
        let revoked = self.unclaimed.swap(0, AcqRel);
        self.unfinished.fetch_and(!revoked, AcqRel);
        revoked
    }
}

/// A call under way. If something that was served meanwhile unwinds through [`Calls::call`], its drop
/// still sees to it that nobody runs the work afterwards. Otherwise it finds nothing to do.
struct InFlight<'a, E: Env> {
    slot: &'a Slot,
    env: &'a E,
}

impl<E: Env> Drop for InFlight<'_, E> {
    fn drop(&mut self) {
        if self.slot.unfinished.load(Acquire) != 0 {
            self.slot.revoke();
            while self.slot.unfinished.load(Acquire) != 0 {
                self.env.relax();
            }
        }
    }
}

/// The slots and mailboxes of `N` cores.
pub struct Calls<const N: usize> {
    slots: [CachePadded<Slot>; N],
    mail: [CachePadded<AtomicU64>; N],
}

// SAFETY: the words are atomics; `work` is written by its initiator alone, when no target may read it (see the module).
unsafe impl<const N: usize> Sync for Calls<N> {}

impl<const N: usize> Calls<N> {
    /// No calls under way.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        assert!(N <= 64);
        Self {
            slots: [const {
                CachePadded::new(Slot {
                    work: DataCell::new(None),
                    unclaimed: AtomicU64::new(0),
                    unfinished: AtomicU64::new(0),
                })
            }; N],
            mail: [const { CachePadded::new(AtomicU64::new(0)) }; N],
        }
    }

    /// No calls under way.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            slots: core::array::from_fn(|_| {
                CachePadded::new(Slot {
                    work: DataCell::new(None),
                    unclaimed: AtomicU64::new(0),
                    unfinished: AtomicU64::new(0),
                })
            }),
            mail: core::array::from_fn(|_| CachePadded::new(AtomicU64::new(0))),
        }
    }

    /// Has `targets` (without this core) run `work`, and waits for them. Afterwards nobody runs it or will.
    ///
    /// # Errors
    /// The cores that did not begin before `env` said that the time was over; they never will.
    ///
    /// # Panics
    /// If this core is already in a call: work that another core sent may not itself call.
    pub fn call(&self, env: &impl Env, targets: u64, work: Work) -> Result<(), u64> {
        let me = env.me();
        let targets = targets & !bit(me);
        if targets == 0 {
            return Ok(());
        }
        let slot = &self.slots[me];
        // This core alone sets bits here, so relaxed reads see its own last store or later removals.
        assert!(slot.unfinished.load(Acquire) == 0, "a cross-core call from inside a cross-core call");
        // The acquire above saw the last target of the last call finish: nobody reads `work` now.
        // SAFETY: `unclaimed` and `unfinished` are 0, so no target may read, and only this core writes.
        slot.work.with_mut(|place| unsafe { *place = Some(work) });
        slot.unfinished.store(targets, Relaxed);
        // Release: who claims sees the work, and the bits of `unfinished`. A swap, not a store, because a core
        // that is late for the last call may be changing this word at this moment: it comes wholly before or after.
        slot.unclaimed.swap(targets, Release);
        let in_flight = InFlight { slot, env };
        for target in members(targets) {
            // Release: who reads the mail sees the bit in `unclaimed`.
            self.mail[target].fetch_or(bit(me), Release);
        }
        env.ring(targets);

        // Who was given up, once the time is over.
        let mut revoked = None;
        // Acquire: what the targets did is visible when this returns.
        while slot.unfinished.load(Acquire) != 0 {
            if revoked.is_none() && env.expired() {
                revoked = Some(slot.revoke());
            } else {
                env.serve_and_relax();
            }
        }
        drop(in_flight);
        match revoked {
            None | Some(0) => Ok(()),
            Some(cores) => Err(cores),
        }
    }

    /// Whether someone wants something of this core. Cheap: one load of a line that is this core's.
    #[inline]
    pub fn has_mail(&self, me: usize) -> bool {
        self.mail[me].load(Relaxed) != 0
    }

    /// Runs all work that is addressed to this core; says whether there was any. With interrupts off.
    pub fn serve(&self, me: usize) -> bool {
        // Acquire: pairs with the initiators' release, so their bits in `unclaimed` are visible.
        let mail = self.mail[me].swap(0, Acquire);
        let mut served = false;
        for initiator in members(mail) {
            let Some(slot) = self.slots.get(initiator) else { continue };
            // Acquire: the claim makes the work visible. It goes on from the initiator's release even when
            // other targets have claimed in between (a release sequence).
            if slot.unclaimed.fetch_and(!bit(me), Acquire) & bit(me) == 0 {
                continue;
            }
            // SAFETY: claimed and not finished: the initiator does not write until our bit in
            // `unfinished` is gone.
            let work = slot.work.with(|place| unsafe { *place });
            if let Some(Work { f, arg }) = work {
                f(arg);
                served = true;
            }
            // Release: the initiator sees what `f` did, and our read of `work` is over.
            slot.unfinished.fetch_and(!bit(me), Release);
        }
        served
    }
}

impl<const N: usize> Default for Calls<N> {
    fn default() -> Self {
        Self::new()
    }
}
