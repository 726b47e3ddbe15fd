//! CPU exceptions: the task's fault if it can be unwound, the kernel's end if not.

use crate::step;
use crate::stubs::fault_trampoline;
use crate::traps::{STACK_ROOM, TrapFrame};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use core_local::{MAX_CORES, preempt_count};
use unwind::{Cause, Fault, FaultKind};
use x86_64::instructions::{hlt, interrupts};
use x86_64::registers::control::Cr2;

/// What the trap layer asks of those above it.
#[derive(Debug)]
pub struct TaskHooks {
    /// Reschedules, and ends the task if it was killed and has not noticed. Runs on the interrupted task's stack with
    /// interrupts off.
    pub preempt: fn(),
    /// Whether the address lies in the guard of the running task's stack. If it does, the hook has made the stack's
    /// reserve usable, so that the task can be unwound where it stands. Runs on an interrupt stack: no lock, no allocation.
    pub stack_overflow: fn(address: usize) -> bool,
    /// Whether this address on the running context's stack can be written. As `stack_overflow`: no lock, no allocation.
    pub is_writable: fn(address: usize) -> bool,
    /// Whether the running context is a task that can be unwound.
    pub in_task: fn() -> bool,
    /// Logs the fault with a backtrace. Runs on the task's stack, with interrupts on.
    pub report: fn(&Fault),
}

static HOOKS: AtomicPtr<TaskHooks> = AtomicPtr::new(core::ptr::null_mut());

/// Sets the hooks. Until then every exception ends the kernel.
pub fn set_task_hooks(hooks: &'static TaskHooks) {
    HOOKS.store(core::ptr::from_ref(hooks).cast_mut(), Ordering::Release);
}

pub(crate) fn hooks() -> Option<&'static TaskHooks> {
    // SAFETY: null or what `set_task_hooks` stored.
    unsafe { HOOKS.load(Ordering::Acquire).as_ref() }
}

/// Bit per core: it is deciding about an exception. A second one now has overwritten the first one's stack.
static DECIDING: [AtomicU64; MAX_CORES.div_ceil(64)] = [const { AtomicU64::new(0) }; MAX_CORES.div_ceil(64)];
/// The kernel is stopping: an NMI means that this core must halt.
static HALTING: AtomicBool = AtomicBool::new(false);
/// NMIs that nobody has been told of yet.
static UNTOLD_NMIS: AtomicU32 = AtomicU32::new(0);

const DEBUG: u8 = 1;
const NMI: u8 = 2;
const BREAKPOINT: u8 = 3;
const DOUBLE_FAULT: u8 = 8;
const PAGE_FAULT: u8 = 14;
const MACHINE_CHECK: u8 = 18;

/// Halts every other online core for good, whatever it is doing. For a kernel that is about to say why it stops.
pub fn halt_others() {
    HALTING.store(true, Ordering::Release);
    let own = core_local::current();
    for other in core_local::online().iter().filter(|&core| core != own) {
        lapic::send_nmi(core_local::block(other).apic_id());
    }
}

/// Logs NMIs that came since the last call. They come at any instruction, so their handler cannot do it.
pub(crate) fn tell_of_nmis() {
    if UNTOLD_NMIS.load(Ordering::Relaxed) != 0 {
        let count = UNTOLD_NMIS.swap(0, Ordering::Relaxed);
        log::warn!("{count} NMI(s) that nobody asked for: look for a hardware error");
    }
}

/// Handles vector 0 to 31.
pub fn exception(frame: &mut TrapFrame, vector: u8) {
    match vector {
        // The interrupted code may hold any lock, the console's too: nothing here takes one.
        NMI if HALTING.load(Ordering::Acquire) => loop {
            interrupts::disable();
            hlt();
        },
        NMI => {
            UNTOLD_NMIS.fetch_add(1, Ordering::Relaxed);
        }
        DEBUG if step::is_stepping(frame) => step::after(frame),
        DEBUG | BREAKPOINT if frame.interrupts_were_on() => {
            log::warn!("debug exception {vector} at {:#x}", frame.rip);
        }
        // With interrupts off the console's lock may be held here.
        DEBUG | BREAKPOINT => {}
        DOUBLE_FAULT | MACHINE_CHECK => fatal(frame, vector, "cannot be recovered from"),
        _ => {
            let core = core_local::current().index();
            let (word, bit) = (&DECIDING[core / 64], 1 << (core % 64));
            if word.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
                fatal(frame, vector, "while handling another exception");
            }
            decide(frame, vector);
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }
}

/// Whether the interrupted context may be left for an unwind.
pub(crate) fn is_open(frame: &TrapFrame) -> bool {
    frame.interrupts_were_on() && preempt_count() == 0
}

fn decide(frame: &mut TrapFrame, vector: u8) {
    let address = Cr2::read_raw();
    let Some(hooks) = hooks() else { fatal(frame, vector, "during start-up") };
    let overflow = vector == PAGE_FAULT && (hooks.stack_overflow)(address as usize);
    let in_task = (hooks.in_task)();
    let unwinding = unwind::is_unwinding();
    if overflow {
        // The reserve is open now: the task goes on, to a place where it can be unwound; or to the end of its unwinding.
        if in_task && !unwinding {
            step::begin(frame, address);
        }
        return;
    }
    if is_open(frame) && in_task && !unwinding {
        return divert(hooks, frame, vector, address);
    }
    let why = match () {
        () if !is_open(frame) => "in a section that cannot be unwound",
        () if !in_task => "outside any task",
        () => "in a destructor, while unwinding",
    };
    fatal(frame, vector, why)
}

/// Sends the interrupted task, which is open and not unwinding, to its end.
fn divert(hooks: &TaskHooks, frame: &mut TrapFrame, vector: u8, address: u64) {
    if vector == PAGE_FAULT {
        leave_wild_address(frame);
    }
    if !frame.has_room(hooks) {
        // At the end of its stack, though it has not overflowed it. The unwinder needs the reserve.
        (hooks.stack_overflow)(frame.rsp.wrapping_sub(STACK_ROOM) as usize);
    }
    // SAFETY: the task's stack has room, or its reserve is open. The task is left for ever: `keel_fault` unwinds it.
    unsafe { frame.divert(fault_trampoline(), [u64::from(vector), address, frame.error_code, 0]) };
}

/// A task that called an address where there is no code cannot be unwound from there: nothing describes a frame. But
/// the call has pushed where it came from, and the fault is its fault.
fn leave_wild_address(frame: &mut TrapFrame) {
    if unwind::is_code(frame.rip as usize) {
        return;
    }
    // SAFETY: a task's stack pointer points into its stack. If it does not, this faults, and that ends the kernel.
    let caller = unsafe { *(frame.rsp as *const u64) };
    if unwind::is_code(caller as usize) {
        // The call itself: the address after it may belong to the next function.
        frame.rip = caller - 1;
        frame.rsp += 8;
    }
}

fn fatal(frame: &TrapFrame, vector: u8, why: &str) -> ! {
    panic!(
        "exception {vector} (error code {:#x}) {why}: rip {:#x}, rsp {:#x}, address {:#x}",
        frame.error_code,
        frame.rip,
        frame.rsp,
        Cr2::read_raw()
    )
}

/// What `divert` leaves on the task's stack: its words, and the hardware's frame above them.
#[repr(C)]
struct Diverted {
    vector: u64,
    address: u64,
    error_code: u64,
    padding: u64,
    rip: u64,
}

/// # Safety
/// Called by the fault trampoline only, on the faulting task's stack, with the words that `divert` wrote.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn keel_fault(diverted: &Diverted) -> ! {
    let kind = match diverted.vector as u8 {
        0 => FaultKind::DivideError,
        6 => FaultKind::InvalidOpcode,
        13 => FaultKind::GeneralProtection,
        PAGE_FAULT => FaultKind::Page,
        other => FaultKind::Other(other),
    };
    let page_fault = diverted.vector as u8 == PAGE_FAULT;
    let address = page_fault.then_some(diverted.address as usize);
    let fault = Fault { kind, ip: diverted.rip as usize, address };
    interrupts::enable();
    // Not if it was the report of an earlier fault that failed.
    if let Some(hooks) = hooks().filter(|_| unwind::begin_report()) {
        (hooks.report)(&fault);
    }
    unwind::raise(Cause::Fault(fault))
}
