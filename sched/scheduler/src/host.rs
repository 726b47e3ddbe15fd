//! Threads as cores, for tests of this crate and of those above it.
//!
//! The mechanism is the kernel's own, context switch included. What differs: an interrupt (timer, poke, stop) comes only where
//! a task calls [`poll`] or its core halts, so a task that computes must poll as often as it wants to be interruptible.

use core::mem::ManuallyDrop;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc;
use std::sync::{Once, OnceLock};

use core_local::{CoreId, IrqGuard, irq_disable, need_resched, preempt_count};

use crate::{Builder, Death, enter_idle, init, init_this_core, platform, preempt};

/// How many threads stand for cores.
pub const CORES: u32 = 4;

/// How many stacks are allocated at this moment.
pub static STACKS: AtomicUsize = AtomicUsize::new(0);

/// Starts [`CORES`] threads as cores, once per process.
pub fn start() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        remember_enabling();
        for index in 0..CORES {
            let (ready, wait) = mpsc::channel();
            let core = move || {
                let Some(id) = CoreId::new(index) else { unreachable!("CORES is small") };
                // SAFETY: on the host there are no conditions; one thread per core.
                unsafe { core_local::install(id, index) };
                core_local::set_online(id);
                // SAFETY: this thread's stack stays, and it ends in `enter_idle`.
                unsafe {
                    if index == 0 {
                        if let Err(error) = init() {
                            panic!("{error}");
                        }
                    } else {
                        init_this_core();
                    }
                }
                let _ = ready.send(());
                enter_idle()
            };
            let thread = std::thread::Builder::new().name(std::format!("core {index}"));
            if let Err(error) = thread.spawn(core) {
                panic!("no thread for core {index}: {error}");
            }
            let _ = wait.recv();
        }
    });
}

/// Runs `f` in a task and waits for its result, from a thread that is no core.
///
/// # Panics
/// If the task dies, with its reason.
pub fn run<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    start();
    let (sender, receiver) = mpsc::channel();
    let task = move || {
        let child = crate::spawn("test", f);
        let result = match child {
            Ok(child) => child.join(),
            Err(error) => Err(Death::Panicked(std::format!("{error}"))),
        };
        let _ = sender.send(result);
    };
    match Builder::new("harness").spawn(task) {
        Ok(handle) => drop(handle),
        Err(error) => panic!("{error}"),
    }
    match receiver.recv() {
        Ok(Ok(result)) => result,
        Ok(Err(death)) => panic!("the task died: {death}"),
        Err(_) => panic!("the harness task died"),
    }
}

/// An interrupt comes here, if one is due. It may switch tasks, and unwind a task that is killed.
#[inline(never)]
pub fn poll() {
    let irq = irq_disable();
    platform::interrupts();
    if need_resched() && preempt_count() == 0 && irq.enables_on_drop() {
        // As in the trap layer's trampoline, no guard stands for the interrupts: `preempt` may unwind from here.
        core::mem::forget(irq);
        preempt();
        enable_irqs();
    } else {
        irq.restore_only();
    }
}

/// A guard whose end turns interrupts on, to make others from.
struct Enabling(ManuallyDrop<IrqGuard>);

// SAFETY: a guard is a flag; it is bound to its thread because dropping it acts on the thread that does so, which
// is what is wanted here.
unsafe impl Send for Enabling {}
// SAFETY: as above.
unsafe impl Sync for Enabling {}

static ENABLING: OnceLock<Enabling> = OnceLock::new();

/// Keeps a guard of a thread that has its interrupts on.
fn remember_enabling() {
    let guard = irq_disable();
    assert!(guard.enables_on_drop(), "a new thread has its interrupts on");
    // SAFETY: a guard is plain data; the copy is never dropped, only copied again.
    let copy = unsafe { core::ptr::read(&guard) };
    let _ = ENABLING.set(Enabling(ManuallyDrop::new(copy)));
    guard.restore_only();
}

/// Turns the thread's interrupt flag on where no guard stands for it: at a task's beginning.
pub(crate) fn enable_irqs() {
    if let Some(enabling) = ENABLING.get() {
        // SAFETY: a guard is plain data, and this one stands for the interrupts that the new task's core turned off.
        unsafe { core::ptr::read(&*enabling.0) }.restore_only();
    }
}
