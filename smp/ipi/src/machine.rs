//! The protocols bound to this machine: interrupts, the clock, the local APIC.

use core::cell::Cell;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

use core_local::{CoreId, CoreSet, MAX_CORES, PerCore, Pinned, irq_disable, per_core, preempt_disable};
use interrupts::{VectorTaken, vectors};

use crate::error::{RendezvousError, Unanswered};
use crate::protocol::{Calls, Env, StopFailure, Stopped, Stops, Work};

/// How many cores a call can reach.
pub const MAX_TARGETS: usize = MAX_CORES;

static CALLS: Calls<MAX_CORES> = Calls::new();
static STOPS: Stops<MAX_CORES> = Stops::new();

/// How long each core has been held by rendezvous in all, in ns; written by the core itself.
static HELD_NS: PerCore<AtomicU64> = per_core!(AtomicU64::new(0));

/// Takes the RESCHEDULE and CALL vectors. Once, before other cores are started.
///
/// # Errors
/// [`VectorTaken`] if called twice.
pub fn init() -> Result<(), VectorTaken> {
    interrupts::register(vectors::RESCHEDULE, "reschedule IPI", core_local::set_need_resched)?;
    interrupts::register(vectors::CALL, "call IPI", serve)
}

/// Serves what is addressed to this core: calls of other cores, and a rendezvous' stop, for as long
/// as that takes. The CALL vector's handler; a core that waits for something with its interrupts off
/// for long may also call it.
pub fn serve() {
    let irq = irq_disable();
    let core = irq.core();
    CALLS.serve(core.index());
    let held = STOPS.serve(&Waiter::new(core, 0));
    if held != 0 {
        // This core alone writes its counter, with interrupts off.
        let total = HELD_NS.this(&irq);
        total.store(total.load(Ordering::Relaxed) + held, Ordering::Relaxed);
    }
}

/// Asks a core to look at its scheduler soon, without waiting: sets its `need_resched` and interrupts it.
#[inline]
pub fn poke(core: CoreId) {
    let pinned = preempt_disable();
    if pinned.core() == core {
        core_local::set_need_resched();
    } else {
        interrupt(core, vectors::RESCHEDULE);
    }
}

/// Runs `f(arg)` on each of `targets` but this core, in interrupt context, and waits until all have run it.
///
/// # Errors
/// [`Unanswered`]: these cores did not begin within `timeout_ns`, and never will. The others have run it.
///
/// # Panics
/// If this core holds an IRQ lock, is itself running another core's call, or stands in a rendezvous
/// (where the others would not answer).
pub fn call(targets: CoreSet, f: fn(usize), arg: usize, timeout_ns: u64) -> Result<(), Unanswered> {
    // The slot is the core's, so the call must end where it began.
    let pinned = preempt_disable();
    // Also when there is nobody to call, so that a run on one core finds the mistake.
    irq_lock::assert_none_held("a cross-core call");
    assert!(!STOPS.is_inside(pinned.core().index()), "a cross-core call from inside a rendezvous");
    if targets.without(pinned.core()).is_empty() {
        return Ok(());
    }
    let waiter = Waiter::new(pinned.core(), timeout_ns);
    CALLS
        .call(&waiter, targets.bits(), Work { f, arg })
        .map_err(|cores| Unanswered { cores: CoreSet::from_bits(cores) })
}

/// As [`call`], with a closure that may borrow: when this returns no core runs it or will.
///
/// # Errors
/// As [`call`].
///
/// # Panics
/// As [`call`].
pub fn call_with<F: Fn(CoreId) + Sync>(targets: CoreSet, f: &F, timeout_ns: u64) -> Result<(), Unanswered> {
    fn run<F: Fn(CoreId) + Sync>(f: usize) {
        let f = core::ptr::with_exposed_provenance::<F>(f);
        // SAFETY: `call` returns, or unwinds, only when nobody runs or will run this, and `f` is
        // borrowed until then. It is `Sync`.
        let f = unsafe { &*f };
        f(core_local::current());
    }
    call(targets, run::<F>, core::ptr::from_ref(f).expose_provenance(), timeout_ns)
}

/// For how long each core stood still in a rendezvous.
#[derive(Clone)]
pub struct Pauses {
    cores: CoreSet,
    ns: [u64; MAX_CORES],
}

impl Pauses {
    /// The cores that took part with their pauses in ns, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = (CoreId, u64)> {
        self.cores.iter().map(|core| (core, self.ns[core.index()]))
    }

    /// The longest pause, in ns.
    pub fn longest_ns(&self) -> u64 {
        self.iter().map(|(_, ns)| ns).max().unwrap_or(0)
    }

    fn note(&mut self, core: CoreId, ns: u64) {
        self.cores.insert(core);
        self.ns[core.index()] = ns;
    }
}

impl fmt::Debug for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(core, ns)| (core.index(), ns))).finish()
    }
}

/// Stops every online core, runs `on_each` on each of them (this one too, in parallel), then `f` here
/// alone, then lets all go. Everything runs with interrupts off. Tells for how long each core stood still:
/// this core from when it began to gather the others.
///
/// One rendezvous takes place at a time; a core that waits for its turn serves the one that is on.
///
/// # Errors
/// [`RendezvousError`] after `timeout_ns`: nothing has run, and every core goes on. Once all
/// cores stand still there is no time limit.
///
/// # Panics
/// If this core holds an IRQ lock or is inside a rendezvous. A panic in `f`, or in `on_each` on this core, lets the others go and unwinds.
pub fn rendezvous<R>(
    f: impl FnOnce(&Stopped) -> R,
    on_each: Option<&(dyn Fn(CoreId) + Sync)>,
    timeout_ns: u64,
) -> Result<(R, Pauses), RendezvousError> {
    irq_lock::assert_none_held("a rendezvous");
    let irq = irq_disable();
    assert!(!STOPS.is_inside(irq.core().index()), "a rendezvous from inside a rendezvous");
    let waiter = Waiter::new(irq.core(), timeout_ns);
    let mut pauses = Pauses { cores: CoreSet::EMPTY, ns: [0; MAX_CORES] };
    let held_before = held_ns(irq.core());
    let start = clock::now_ns();
    let result = STOPS.rendezvous(&waiter, core_local::online().bits(), on_each, f, |core, ns| {
        if let Some(core) = CoreId::new(core as u32) {
            pauses.note(core, ns);
        }
    });
    // What others held us for while we waited for our turn is on their account.
    let others = held_ns(irq.core()) - held_before;
    pauses.note(irq.core(), (clock::now_ns() - start).saturating_sub(others));
    match result {
        Ok(value) => Ok((value, pauses)),
        Err(StopFailure::Unanswered(cores)) => Err(RendezvousError::Unanswered(CoreSet::from_bits(cores))),
        Err(StopFailure::Busy(owner)) => {
            Err(RendezvousError::Busy(CoreId::new(owner as u32).unwrap_or(CoreId::BOOT)))
        }
    }
}

/// For how long this core has been held by other cores' rendezvous since boot, in ns.
pub fn held_ns(core: CoreId) -> u64 {
    HELD_NS.get(core).load(Ordering::Relaxed)
}

/// The environment of a wait: who waits, and until when.
struct Waiter {
    core: CoreId,
    start_ns: u64,
    held_at_start_ns: u64,
    timeout_ns: u64,
    turns: Cell<u32>,
}

impl Waiter {
    fn new(core: CoreId, timeout_ns: u64) -> Self {
        let (start_ns, held_at_start_ns) =
            if timeout_ns == 0 { (0, 0) } else { (clock::now_ns(), held_ns(core)) };
        Self { core, start_ns, held_at_start_ns, timeout_ns, turns: Cell::new(0) }
    }
}

impl Env for Waiter {
    fn me(&self) -> usize {
        self.core.index()
    }

    fn ring(&self, targets: u64) {
        let are_several = targets & targets.wrapping_sub(1) != 0;
        if are_several && CoreSet::from_bits(targets) == core_local::online().without(self.core) {
            // One command in place of many. What is not online is interrupted too, if it can be; it finds no mail.
            interrupt_all_others(vectors::CALL);
        } else {
            CoreSet::from_bits(targets).iter().for_each(|core| interrupt(core, vectors::CALL));
        }
    }

    fn expired(&self) -> bool {
        let held = held_ns(self.core) - self.held_at_start_ns;
        clock::now_ns().saturating_sub(self.start_ns).saturating_sub(held) >= self.timeout_ns
    }

    fn serve_and_relax(&self) {
        let me = self.core.index();
        if CALLS.has_mail(me) || STOPS.is_summoned(me) {
            serve();
        }
        self.relax();
    }

    fn relax(&self) {
        core::hint::spin_loop();
        // On the host a core is a thread, and there may be more of them than processors.
        self.turns.set(self.turns.get().wrapping_add(1));
        #[cfg(not(keel_kernel))]
        if self.turns.get().is_multiple_of(64) {
            std::thread::yield_now();
        }
    }

    fn now_ns(&self) -> u64 {
        clock::now_ns()
    }
}

/// Interrupts every other core.
fn interrupt_all_others(vector: u8) {
    #[cfg(keel_kernel)]
    lapic::send_ipi_all_others(vector);
    #[cfg(not(keel_kernel))]
    let _ = vector;
}

/// Interrupts another core. On the host there are no interrupts: there, the threads that stand for cores
/// call [`serve`] themselves.
fn interrupt(core: CoreId, vector: u8) {
    #[cfg(keel_kernel)]
    lapic::send_ipi(core_local::block(core).apic_id(), vector);
    #[cfg(not(keel_kernel))]
    let _ = (core, vector);
}
