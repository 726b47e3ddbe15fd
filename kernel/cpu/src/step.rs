//! A task that overflowed its stack goes on to a place where it can be unwound.
//!
//! It overflowed somewhere in a function's prologue, or in the middle of an allocation with interrupts off. The best place to
//! unwind from is one where a call has just been made: every frame stands at a call, and the callee, which has done
//! nothing yet, might as well have panicked at once. The compiler has planned for that at every call that it does not know
//! to be one that cannot unwind; and where it knows, the unwinder refuses, and changes nothing.
//!
//! So the task, whose reserve is open, goes on in single steps (RFLAGS.TF, SDM vol. 3, §18.3.1.4) until it has made such a call
//! with interrupts and preemption on. In a recursion without end that is the next turn; at the worst it is some thousand debug
//! exceptions, once in the life of a task that is about to end.

use crate::fault::{hooks, is_open};
use crate::stubs::preempt_trampoline;
use crate::traps::{TRAP_FLAG, TrapFrame, inside_unwinder};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::Relaxed};
use core_local::{PerCore, per_core};
use unwind::{Cause, Fault, FaultKind};

/// Who steps on a core. The core's own, used with interrupts off.
struct Stepping {
    task: AtomicPtr<()>,
    /// The instruction that overflowed, and the address that it touched.
    ip: AtomicU64,
    address: AtomicU64,
    /// The instruction that runs now is a call.
    calling: AtomicBool,
    /// The trampoline has been sent to end the task.
    arrived: AtomicBool,
}

static STEPPING: PerCore<Stepping> = per_core!(Stepping {
    task: AtomicPtr::new(null_mut()),
    ip: AtomicU64::new(0),
    address: AtomicU64::new(0),
    calling: AtomicBool::new(false),
    arrived: AtomicBool::new(false),
});

fn here() -> &'static Stepping {
    STEPPING.get(core_local::current())
}

impl Stepping {
    fn is_of_current(&self) -> bool {
        let task = self.task.load(Relaxed).cast_const();
        !task.is_null() && task == core_local::current_task()
    }
}

/// The interrupted task has overflowed its stack at `address`, and its reserve is open: it goes on until it can be unwound.
pub fn begin(frame: &mut TrapFrame, address: u64) {
    let here = here();
    here.task.store(core_local::current_task().cast_mut(), Relaxed);
    here.ip.store(frame.rip, Relaxed);
    here.address.store(address, Relaxed);
    here.arrived.store(false, Relaxed);
    here.calling.store(is_call(frame.rip), Relaxed);
    frame.rflags |= TRAP_FLAG;
}

/// Whether the interrupted context single-steps. Nobody does but for us.
pub fn is_stepping(frame: &TrapFrame) -> bool {
    frame.rflags & TRAP_FLAG != 0
}

/// After a step: sends the task to its end if it has just made a call.
pub fn after(frame: &mut TrapFrame) {
    let here = here();
    if !here.is_of_current() {
        // A switch took the flag along to another task: that one goes on as before, and the first, on its reserve, to the
        // next overflow.
        frame.rflags &= !TRAP_FLAG;
        return;
    }
    let called = here.calling.swap(is_call(frame.rip), Relaxed);
    let Some(hooks) = hooks() else { return };
    if called
        && is_open(frame)
        && (hooks.in_task)()
        && !unwind::is_unwinding()
        && !inside_unwinder(frame.rip)
        && frame.has_room(hooks)
    {
        here.arrived.store(true, Relaxed);
        // SAFETY: the context is open and there is room. If the task does not end there, it goes on from here, in steps.
        unsafe { frame.divert(preempt_trampoline(), []) };
    }
}

/// On the task's own stack, with interrupts off: ends the task if that is what it was sent here for. Returns whether it was, but
/// cannot be unwound here.
pub fn arrive() -> bool {
    let here = here();
    if !here.is_of_current() || !here.arrived.swap(false, Relaxed) {
        return false;
    }
    let Some(hooks) = hooks() else { return false };
    let (ip, address) = (here.ip.load(Relaxed) as usize, here.address.load(Relaxed) as usize);
    let fault = Fault { kind: FaultKind::StackOverflow, ip, address: Some(address) };
    x86_64::instructions::interrupts::enable();
    // Once, though it may take several calls until one is found that can be unwound.
    if unwind::begin_report() {
        (hooks.report)(&fault);
    }
    let unwind::Unhandled { .. } = unwind::try_raise(Cause::Fault(fault));
    x86_64::instructions::interrupts::disable();
    true
}

/// Whether the instruction at `rip` is a near call (SDM vol. 2, CALL): `E8`, or `FF /2` behind any of the prefixes that
/// compilers use.
fn is_call(rip: u64) -> bool {
    // SAFETY: it is about to be executed, so the first byte is there, and so are those behind it that make it an instruction:
    // each byte is read only if the ones before it say that the instruction goes on.
    let byte = |at: u64| unsafe { ((rip + at) as *const u8).read() };
    let mut at = 0;
    while at < 4 && matches!(byte(at), 0x40..=0x4f | 0x66 | 0x2e | 0x3e | 0xf2) {
        at += 1;
    }
    match byte(at) {
        0xe8 => true,
        0xff => byte(at + 1) >> 3 & 0b111 == 2,
        _ => false,
    }
}
