//! The rendezvous: every core stands still while one works.
//!
//! ```text
//!  owner                               every other core (in its interrupt handler)
//!  take `owner`, phase = GATHER
//!  summoned = all, ring  ────────────► take own bit out of `summoned`: arrived
//!  wait until summoned = 0                 │ spin on `phase`
//!     time out: take the rest back,        │
//!     phase = RELEASE ─────────────────────┤
//!  phase = WORK  ──────────────────────────┤
//!  on_each on this core                    ▼ on_each on that core; own bit out of `unfinished`
//!  wait until unfinished = 0               │ spin on `phase`
//!  f alone                                 │
//!  phase = RELEASE ────────────────────────▼ note the pause; own bit out of `held`; go on
//!  wait until held = 0, free `owner`
//! ```
//!
//! As for calls, one atomic operation on `summoned` decides whether a core takes part or has been given
//! up, so a core that comes late finds its bit gone and goes on at once. The owner waits until all that
//! took part have left before anyone can start the next, so nobody mistakes one round's phase for another's.

use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use core_local::{CachePadded, CoreId};

use super::{Env, bit, members};
use crate::atomics::{AtomicU32, AtomicU64, DataCell};

/// Witness that every other online core stands still.
pub struct Stopped(core::marker::PhantomData<*const ()>);

/// What each core does while all are stopped.
pub type OnEach<'a> = &'a (dyn Fn(CoreId) + Sync);

/// Why a round did not take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopFailure {
    /// These cores did not arrive.
    Unanswered(u64),
    /// This core was the owner all the time.
    Busy(usize),
}

const GATHER: u32 = 0;
const WORK: u32 = 1;
const RELEASE: u32 = 2;

/// In `pauses`: still held.
const STANDING: u64 = u64::MAX;

/// The state of the one rendezvous that can be under way, among `N` cores.
pub struct Stops<const N: usize> {
    /// 0, or the owner's number + 1.
    owner: CachePadded<AtomicU32>,
    phase: CachePadded<AtomicU32>,
    /// Who is to come and has not.
    summoned: CachePadded<AtomicU64>,
    /// Who has not done its `on_each`.
    unfinished: AtomicU64,
    /// Who has not left.
    held: AtomicU64,
    /// Written by the owner while nobody is held; its lifetime is erased, the owner sees to it.
    on_each: DataCell<Option<OnEach<'static>>>,
    /// How long each core was held in its last round, in ns; [`STANDING`] while it is. Written by that core.
    pauses: [AtomicU64; N],
}

// SAFETY: all but `on_each` are atomics; `on_each` is written by the owner while no core is held, and
// read by held cores alone. What it refers to is `Sync`.
unsafe impl<const N: usize> Sync for Stops<N> {}

impl<const N: usize> Stops<N> {
    /// No rendezvous under way.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        assert!(N <= 64);
        Self {
            owner: CachePadded::new(AtomicU32::new(0)),
            phase: CachePadded::new(AtomicU32::new(RELEASE)),
            summoned: CachePadded::new(AtomicU64::new(0)),
            unfinished: AtomicU64::new(0),
            held: AtomicU64::new(0),
            on_each: DataCell::new(None),
            pauses: [const { AtomicU64::new(0) }; N],
        }
    }

    /// No rendezvous under way.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self {
            owner: CachePadded::new(AtomicU32::new(0)),
            phase: CachePadded::new(AtomicU32::new(RELEASE)),
            summoned: CachePadded::new(AtomicU64::new(0)),
            unfinished: AtomicU64::new(0),
            held: AtomicU64::new(0),
            on_each: DataCell::new(None),
            pauses: core::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Whether this core is summoned. Cheap: one load of a line that is rarely written.
    #[inline]
    pub fn is_summoned(&self, me: usize) -> bool {
        self.summoned.load(Relaxed) & bit(me) != 0
    }

    /// Whether this core is inside a round: as its owner, or stopped by it. Then it must not wait for others.
    pub fn is_inside(&self, me: usize) -> bool {
        let stands = self.pauses.get(me).is_some_and(|pause| pause.load(Relaxed) == STANDING);
        stands || self.owner.load(Relaxed) == me as u32 + 1
    }

    /// If this core is summoned, takes part until it is released. Returns for how long (ns). With interrupts off.
    pub fn serve(&self, env: &impl Env) -> u64 {
        let me = env.me();
        // Acquire: pairs with the owner's release of `summoned`: the phase and `on_each` of this round are visible.
        if !self.is_summoned(me) || self.summoned.fetch_and(!bit(me), AcqRel) & bit(me) == 0 {
            return 0;
        }
        let arrived = env.now_ns();
        self.note_pause(me, STANDING);
        let mut worked = false;
        loop {
            match self.phase.load(Acquire) {
                WORK if !worked => {
                    // SAFETY: held, so the owner does not write; what it refers to lives until all have left.
                    if let Some(on_each) = self.on_each.with(|place| unsafe { *place })
                        && let Some(core) = CoreId::new(me as u32)
                    {
                        on_each(core);
                        // Release: the owner sees what was done.
                        self.unfinished.fetch_and(!bit(me), Release);
                    }
                    worked = true;
                }
                RELEASE => break,
                _ => env.relax(),
            }
        }
        let pause = env.now_ns().saturating_sub(arrived);
        self.note_pause(me, pause);
        // Release: the owner sees the pause, and that we look at this round no more.
        self.held.fetch_and(!bit(me), Release);
        pause
    }

    /// Stops `targets` (without this core), runs `on_each` on all of them and on this core, then `f` here
    /// alone, then lets them go. `pause` hears how long each core was held, in ns.
    ///
    /// # Errors
    /// [`StopFailure`]; then nothing has run and all are released.
    pub fn rendezvous<R>(
        &self,
        env: &impl Env,
        targets: u64,
        on_each: Option<OnEach<'_>>,
        f: impl FnOnce(&Stopped) -> R,
        mut pause: impl FnMut(usize, u64),
    ) -> Result<R, StopFailure> {
        let me = env.me();
        let targets = targets & !bit(me);
        self.become_owner(env)?;

        // Since the last owner waited for `held` to become 0, nobody looks at these now.
        // SAFETY: nobody is held. The lifetime is erased: `Round::drop` waits until all have left
        // before this function returns or unwinds, and `on_each` outlives this function.
        self.on_each.with_mut(|place| unsafe {
            *place = core::mem::transmute::<Option<OnEach<'_>>, Option<OnEach<'static>>>(on_each);
        });
        self.unfinished.store(if on_each.is_some() { targets } else { 0 }, Relaxed);
        self.held.store(targets, Relaxed);
        self.phase.store(GATHER, Relaxed);
        // Release: who finds its bit sees all of the above. A swap, not a store, because a core that is late
        // for the last round may be changing this word at this moment: it comes wholly before or after.
        self.summoned.swap(targets, Release);
        let round = Round { stops: self, env };
        env.ring(targets);

        // Acquire: what the others did before they stopped is visible to `f`.
        while self.summoned.load(Acquire) != 0 {
            if env.expired() {
                let missing = round.give_up_on_the_missing();
                if missing != 0 {
                    return Err(StopFailure::Unanswered(missing));
                }
            } else {
                env.serve_and_relax();
            }
        }

        // Release: what this core wrote is visible to `on_each` everywhere.
        self.phase.store(WORK, Release);
        if let Some(on_each) = on_each {
            if let Some(core) = CoreId::new(me as u32) {
                on_each(core);
            }
            while self.unfinished.load(Acquire) != 0 {
                env.relax();
            }
        }
        let result = f(&Stopped(core::marker::PhantomData));
        // Not `drop(round)` alone: the pauses are to be read before another round overwrites them.
        round.release();
        for core in members(targets) {
            pause(core, self.pauses.get(core).map_or(0, |pause| pause.load(Relaxed)));
        }
        drop(round);
        Ok(result)
    }

    fn note_pause(&self, me: usize, pause: u64) {
        if let Some(slot) = self.pauses.get(me) {
            slot.store(pause, Relaxed);
        }
    }

    fn become_owner(&self, env: &impl Env) -> Result<(), StopFailure> {
        let mine = env.me() as u32 + 1;
        loop {
            // Acquire: pairs with the last owner's release: its round is over.
            match self.owner.compare_exchange(0, mine, Acquire, Relaxed) {
                Ok(_) => return Ok(()),
                Err(owner) if env.expired() => return Err(StopFailure::Busy(owner as usize - 1)),
                // The owner may be waiting for us to stop.
                Err(_) => env.serve_and_relax(),
            }
        }
    }
}

impl<const N: usize> Default for Stops<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// A round under way. Its drop lets everybody go, also when `f` or `on_each` unwinds.
struct Round<'a, E: Env, const N: usize> {
    stops: &'a Stops<N>,
    env: &'a E,
}

impl<E: Env, const N: usize> Round<'_, E, N> {
    /// Takes the summons back from those who have not arrived; says who they are.
    fn give_up_on_the_missing(&self) -> u64 {
        let missing = self.stops.summoned.swap(0, AcqRel);
        self.stops.unfinished.fetch_and(!missing, Relaxed);
        self.stops.held.fetch_and(!missing, Relaxed);
        missing
    }

    /// Lets all go and waits until they have left. Does nothing the second time.
    fn release(&self) {
        self.give_up_on_the_missing();
        // Release: what this core did meanwhile is visible to all when they go on.
        self.stops.phase.store(RELEASE, Release);
        while self.stops.held.load(Acquire) != 0 {
            self.env.relax();
        }
    }
}

impl<E: Env, const N: usize> Drop for Round<'_, E, N> {
    fn drop(&mut self) {
        self.release();
        // Release: the next owner sees that this round is over.
        self.stops.owner.store(0, Release);
    }
}
