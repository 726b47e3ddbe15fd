//! CPU exceptions: the task's fault if it can be unwound, the kernel's end if not.

use crate::stubs::fault_trampoline;
use crate::traps::TrapFrame;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use core_local::{MAX_CORES, preempt_count};
use unwind::{Cause, Fault, FaultKind};
use x86_64::registers::control::Cr2;

/// What the trap layer asks of those above it.
#[derive(Debug)]
pub struct TaskHooks {
    /// Reschedules and delivers a pending kill. Runs on the interrupted task's stack with interrupts off.
    pub preempt: fn(),
    /// Whether the address lies in the guard of the running task's stack. If it does, the hook has made the stack's
    /// reserve usable, so that the task can be unwound where it stands. Runs on an interrupt stack: no lock, no allocation.
    pub stack_overflow: fn(address: usize) -> bool,
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

const NMI: u8 = 2;
const DEBUG: u8 = 1;
const BREAKPOINT: u8 = 3;
const DOUBLE_FAULT: u8 = 8;
const PAGE_FAULT: u8 = 14;
const MACHINE_CHECK: u8 = 18;

/// Handles vector 0 to 31.
pub fn exception(frame: &mut TrapFrame, vector: u8) {
    match vector {
        NMI => log::warn!("NMI at {:#x}", frame.rip),
        DEBUG | BREAKPOINT => log::warn!("debug exception {vector} at {:#x}", frame.rip),
        DOUBLE_FAULT | MACHINE_CHECK => fatal(frame, vector, "cannot be recovered from"),
        _ => {
            let core = core_local::current().index();
            let (word, bit) = (&DECIDING[core / 64], 1 << (core % 64));
            if word.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
                fatal(frame, vector, "while handling another exception");
            }
            divert(frame, vector);
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }
}

fn divert(frame: &mut TrapFrame, vector: u8) {
    let address = Cr2::read_raw();
    let Some(hooks) = hooks() else { fatal(frame, vector, "during start-up") };
    if !frame.interrupts_were_on() || preempt_count() != 0 {
        fatal(frame, vector, "in a section that cannot be unwound");
    }
    if !(hooks.in_task)() {
        fatal(frame, vector, "outside any task");
    }
    if unwind::is_unwinding() {
        fatal(frame, vector, "in a destructor, while unwinding");
    }
    let overflow = vector == PAGE_FAULT && (hooks.stack_overflow)(address as usize);
    // SAFETY: the task's stack has room: it did not overflow, or its reserve has just been opened. The task is left for
    // ever: `keel_fault` unwinds it.
    unsafe {
        frame.divert(fault_trampoline(), [u64::from(vector), u64::from(overflow), address, frame.error_code])
    };
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

/// # Safety
/// Called by the fault trampoline only, on the faulting task's stack, with the words that `divert` wrote.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn keel_fault(words: &[u64; 4]) -> ! {
    // The hardware's frame lies right above the words.
    // SAFETY: `divert` wrote both.
    let rip = unsafe { *words.as_ptr().add(words.len()) };
    let [vector, overflow, address, _] = *words;
    let kind = match vector as u8 {
        0 => FaultKind::DivideError,
        6 => FaultKind::InvalidOpcode,
        13 => FaultKind::GeneralProtection,
        PAGE_FAULT if overflow != 0 => FaultKind::StackOverflow,
        PAGE_FAULT => FaultKind::Page,
        other => FaultKind::Other(other),
    };
    let page_fault = vector as u8 == PAGE_FAULT;
    let fault = Fault { kind, ip: rip as usize, address: page_fault.then_some(address as usize) };
    x86_64::instructions::interrupts::enable();
    if let Some(hooks) = hooks() {
        (hooks.report)(&fault);
    }
    unwind::raise(Cause::Fault(fault))
}
