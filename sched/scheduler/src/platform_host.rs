//! The machine that the mechanism sees on the host: threads for cores, and interrupts that come when a thread polls or halts.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::Vec;

use core_local::{CoreId, MAX_CORES};

/// Nothing can go wrong on the host.
pub use core::convert::Infallible as StackError;
/// Nothing can go wrong on the host.
pub use core::convert::Infallible as VectorTaken;
/// Nothing can go wrong on the host: it waits.
pub use core::convert::Infallible as RendezvousError;

pub fn ticks() -> u64 {
    clock::now_ticks()
}

pub fn ticks_to_ns(ticks: u64) -> u64 {
    clock::ticks_to_ns(ticks)
}

pub fn deadline(ns: u64) -> u64 {
    ticks().saturating_add(clock::ns_to_ticks(ns))
}

pub fn tick_length() -> u64 {
    clock::ns_to_ticks(sched_policy::TICK_NS)
}

/// A thread that stands for a core: what has been sent to it.
struct Machine {
    poked: Mutex<bool>,
    changed: Condvar,
    timer: AtomicU64,
}

static MACHINES: [Machine; MAX_CORES] = [const {
    Machine { poked: Mutex::new(false), changed: Condvar::new(), timer: AtomicU64::new(u64::MAX) }
}; MAX_CORES];

fn mine() -> &'static Machine {
    &MACHINES[core_local::current().index()]
}

fn lock(mutex: &Mutex<bool>) -> MutexGuard<'_, bool> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn arm_timer(at: u64) {
    mine().timer.store(at, SeqCst);
}

pub fn poke(core: CoreId) {
    let machine = &MACHINES[core.index()];
    *lock(&machine.poked) = true;
    machine.changed.notify_one();
}

pub fn halt() {
    let machine = mine();
    let mut poked = lock(&machine.poked);
    while !*poked && ticks() < machine.timer.load(SeqCst) && STOP.load(SeqCst) == 0 {
        let wait = Duration::from_nanos(ticks_to_ns(
            machine.timer.load(SeqCst).saturating_sub(ticks()).min(tick_length()),
        ));
        poked = machine.changed.wait_timeout(poked, wait).unwrap_or_else(PoisonError::into_inner).0;
    }
    drop(poked);
    interrupts();
}

/// As [`halt`], but looks by itself whether `nothing` has come. (The host may have fewer processors than there are cores.)
pub fn spin_while(nothing: impl Fn() -> bool) {
    while nothing() {
        std::thread::yield_now();
        interrupts();
    }
}

/// Takes what has been sent to this thread, as an interrupt does. Called with interrupts off.
pub fn interrupts() {
    let machine = mine();
    if machine.timer.load(SeqCst) <= ticks() {
        machine.timer.store(u64::MAX, SeqCst);
        crate::idle::on_timer();
    }
    if core::mem::take(&mut *lock(&machine.poked)) {
        core_local::set_need_resched();
    }
    loop {
        let round = STOP.load(SeqCst);
        if round == 0 {
            break;
        }
        ARRIVED.fetch_add(1, SeqCst);
        while STOP.load(SeqCst) == round {
            std::thread::yield_now();
        }
    }
}

pub fn enable_irqs() {
    // The new task begins where its core had turned interrupts off; on the host that is a flag of the thread.
    crate::host::enable_irqs();
}

pub fn init() -> Result<(), VectorTaken> {
    Ok(())
}

/// The number of the round for which all threads are to stand still; 0 for none.
static STOP: AtomicU32 = AtomicU32::new(0);
static ROUNDS: AtomicU32 = AtomicU32::new(0);
static ARRIVED: AtomicU32 = AtomicU32::new(0);

/// Stops all threads that stand for cores and runs `on_each` once for each of them, on this one. (While they stand still, that makes
/// no difference.)
pub fn stop_all(
    on_each: &(dyn Fn(CoreId) + Sync),
    _timeout_ns: u64,
) -> Result<Vec<(CoreId, u64)>, RendezvousError> {
    let irq = core_local::irq_disable();
    let start = clock::now_ns();
    let cores = crate::local::started();
    ARRIVED.store(0, SeqCst);
    STOP.store(ROUNDS.fetch_add(1, SeqCst) + 1, SeqCst);
    let inside = cores.contains(core_local::current()) && !core_local::current_task().is_null();
    let others = cores.len() - usize::from(inside);
    cores.iter().for_each(|core| MACHINES[core.index()].changed.notify_one());
    while (ARRIVED.load(SeqCst) as usize) < others {
        std::thread::yield_now();
    }
    cores.iter().for_each(on_each);
    let ns = clock::now_ns() - start;
    STOP.store(0, SeqCst);
    irq.restore_only();
    Ok(cores.iter().map(|core| (core, ns)).collect())
}

/// A stack from the heap, without a guard.
pub struct Stack {
    bottom: *mut u8,
    layout: Layout,
}

// SAFETY: the memory is owned.
unsafe impl Send for Stack {}
// SAFETY: nothing can be reached through `&Stack`.
unsafe impl Sync for Stack {}

impl Stack {
    pub fn overflowed(&self, _address: usize) -> bool {
        false
    }

    /// # Safety
    /// None: there is no reserve.
    pub unsafe fn open_reserve(&self) -> Result<(), StackError> {
        Ok(())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout.
        unsafe { dealloc(self.bottom, self.layout) };
        crate::host::STACKS.fetch_sub(1, SeqCst);
    }
}

pub fn new_stack(bytes: usize) -> Result<Stack, StackError> {
    // The host's frames are larger (debug builds, std's panic machinery).
    let layout = Layout::from_size_align(bytes.next_multiple_of(4096) + 256 * 1024, 16);
    let Ok(layout) = layout else { unreachable!("stack sizes are bounded by MAX_STACK_BYTES") };
    // SAFETY: the size is not zero.
    let bottom = unsafe { alloc(layout) };
    if bottom.is_null() {
        handle_alloc_error(layout);
    }
    crate::host::STACKS.fetch_add(1, SeqCst);
    Ok(Stack { bottom, layout })
}

pub fn stack_top(stack: &Stack) -> usize {
    (stack.bottom.expose_provenance() + stack.layout.size()) & !15
}

/// Whether `address` lies in the guard or the reserve below it.
pub fn overflowed(stack: &Stack, address: usize) -> bool {
    stack.overflowed(address)
}

/// Nanoseconds since the machine's reset.
pub fn now_ns() -> u64 {
    clock::now_ns()
}
