//! Whether a core looks at its inbox by itself, or must be poked.
//!
//! A core whose tick is armed looks within a tick at the latest, so a wake from afar costs it nothing; one that polls
//! looks all the time. A core that sleeps, or runs its only task without a tick, looks only when it is interrupted.
//! Neither side may miss the other:
//!
//! ```text
//!   owner                                   producer
//!   alertness := asleep                     push into the inbox
//!   ───────── fence (SeqCst) ─────────      ───────── fence (SeqCst) ─────────
//!   inbox empty? then halt                  it does not look? then poke
//! ```
//!
//! At least one of the two sees what the other wrote (store buffering is what the fences forbid), so either the owner
//! stays awake or it is poked. The halt itself is `sti; hlt`, between which no interrupt is taken (SDM vol. 2, STI), so
//! a poke that comes after the check still ends it.

use crate::atomics::{AtomicU32, Ordering::*, fence};
use crate::const_new;

/// How a core notices what is pushed into its inbox.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Alert {
    /// Its tick is armed: it looks by itself.
    Ticking = 0,
    /// It has nothing to run and polls: it looks by itself.
    Polling = 1,
    /// It runs its only task and has no tick: it must be poked.
    Tickless = 2,
    /// It has nothing to run and halts: it must be poked.
    Asleep = 3,
}

impl Alert {
    /// Whether the core has nothing to run.
    #[must_use]
    pub const fn is_idle(self) -> bool {
        matches!(self, Alert::Polling | Alert::Asleep)
    }

    /// Whether the core looks by itself.
    const fn looks(self) -> bool {
        matches!(self, Alert::Ticking | Alert::Polling)
    }
}

/// A core's published alertness. Written by its core alone.
#[derive(Debug)]
pub struct Alertness(AtomicU32);

impl Alertness {
    const_new! {
        /// That of a core which looks by itself.
        new = Alertness(AtomicU32::new(Alert::Ticking as u32))
    }

    /// The owner is about to stop looking. Returns whether it may: if `nothing_waits` says no after the
    /// announcement, the owner stays as alert as a ticking core and must look now.
    pub fn lower(&self, to: Alert, nothing_waits: impl FnOnce() -> bool) -> bool {
        self.0.store(to as u32, Relaxed);
        fence(SeqCst);
        if nothing_waits() {
            return true;
        }
        self.raise();
        false
    }

    /// The owner looks by itself again: it looks at its inbox after this call.
    // Relaxed: a producer that still sees the old value pokes once too often, which is harmless.
    #[inline]
    pub fn raise(&self) {
        self.0.store(Alert::Ticking as u32, Relaxed);
    }

    /// The owner has nothing to run and looks at its inbox without pause from now on, until it calls
    /// [`Alertness::raise`] or [`Alertness::lower`].
    // Relaxed, as in `raise`. Who still sees this value when the owner has lowered it does not poke; its fence then comes
    // before the one in `lower`, after which the owner looks.
    pub fn poll(&self) {
        self.0.store(Alert::Polling as u32, Relaxed);
    }

    /// Whether a producer must poke the core. Called after the push.
    #[inline]
    pub fn wants_poke(&self) -> bool {
        fence(SeqCst);
        !self.hint().looks()
    }

    /// The value at this moment: a hint, for placement and reports.
    pub fn hint(&self) -> Alert {
        match self.0.load(Relaxed) {
            0 => Alert::Ticking,
            1 => Alert::Polling,
            2 => Alert::Tickless,
            _ => Alert::Asleep,
        }
    }
}
