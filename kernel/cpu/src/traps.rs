//! What every trap does first, on its interrupt stack: tell interrupts from exceptions, and decide how to leave.

use crate::fault::{self, TaskHooks};
use crate::step;
use crate::stubs::preempt_trampoline;
use core_local::need_resched;
use interrupts::vectors;

/// The interrupted context as the entry stub saved it. The order is that of the pushes, last first.
#[derive(Debug)]
#[repr(C)]
#[allow(missing_docs, reason = "the fields are the registers that they are named for")]
pub struct TrapFrame {
    pub xmm: [u128; 16],
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rbp: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rbx: u64,
    pub rax: u64,
    pub vector: u64,
    pub error_code: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

/// RFLAGS.IF: interrupts were on.
const INTERRUPT_FLAG: u64 = 1 << 9;
/// RFLAGS.TF: a debug exception after each instruction.
pub const TRAP_FLAG: u64 = 1 << 8;
/// RFLAGS that must be clear in a trampoline: TF, IF, DF.
const CLEAR_IN_TRAMPOLINE: u64 = 1 << 8 | 1 << 9 | 1 << 10;
/// Bytes below rsp that the interrupted function may use without saying so (psABI §3.2.2).
const RED_ZONE: u64 = 128;
/// What must be left of a stack for a trampoline and what it calls. Not more than the guard page, which could be jumped over.
pub const STACK_ROOM: u64 = 4096;

impl TrapFrame {
    /// Whether the interrupted context could be interrupted.
    pub fn interrupts_were_on(&self) -> bool {
        self.rflags & INTERRUPT_FLAG != 0
    }

    /// Whether the interrupted stack has room for a trampoline. The reserve and the guard below it, which are not mapped, are
    /// larger than the room that is asked for: if its far end is mapped, all of it is.
    pub(crate) fn has_room(&self, hooks: &TaskHooks) -> bool {
        (hooks.is_writable)(self.rsp.wrapping_sub(STACK_ROOM) as usize)
    }

    /// Makes the trap return to `trampoline`, on the interrupted stack below the red zone, with `extra` words
    /// and above them the hardware's frame, by which the trampoline finds the interrupted context.
    ///
    /// # Safety
    /// The interrupted stack has room: 128 bytes of red zone and the words; and it belongs to a context that may be left
    /// for ever (a fault) or rescheduled (preemption was not disabled).
    pub(crate) unsafe fn divert<const N: usize>(&mut self, trampoline: u64, extra: [u64; N]) {
        let frame = [self.rip, self.cs, self.rflags, self.rsp, self.ss];
        let base = (self.rsp - RED_ZONE) & !15;
        let sp = base - (frame.len() + N) as u64 * 8;
        // SAFETY: the caller vouches for the room.
        unsafe {
            (sp as *mut [u64; N]).write(extra);
            (sp as *mut [u64; N]).add(1).cast::<[u64; 5]>().write(frame);
        }
        self.rip = trampoline;
        self.rsp = sp;
        self.rflags &= !CLEAR_IN_TRAMPOLINE;
    }
}

unsafe extern "C" {
    static __unwinder_start: u8;
    static __unwinder_end: u8;
}

/// The unwinder's last step switches to a frame above the context it reads from, so for some instructions live data
/// lies below rsp. Nothing may be pushed onto that stack meanwhile: no diversion inside its code.
pub fn inside_unwinder(rip: u64) -> bool {
    (&raw const __unwinder_start as u64..&raw const __unwinder_end as u64).contains(&rip)
}

/// Whether no controller waits for the acknowledgement of this vector (SDM vol. 3, §11.9; the legacy PICs are masked).
fn is_spurious(vector: u8) -> bool {
    vector == vectors::SPURIOUS || (vectors::LEGACY_PIC..vectors::LEGACY_PIC + 16).contains(&vector)
}

/// # Safety
/// Called by the entry stub only, on an interrupt stack, with the frame it saved.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn keel_trap(frame: &mut TrapFrame) {
    let vector = frame.vector as u8;
    if vector < 32 {
        fault::exception(frame, vector);
        return;
    }
    if !interrupts::dispatch(vector) && !is_spurious(vector) {
        log::warn!("interrupt {vector:#x} has no handler");
    }
    if !is_spurious(vector) {
        lapic::eoi();
    }
    fault::tell_of_nmis();
    // A task at the very end of its stack is left alone: it will return, or overflow, which is its fault and not ours.
    // Nor is one that steps: it is on its way to its end, and its core must see it there.
    if need_resched()
        && !step::is_stepping(frame)
        && fault::is_open(frame)
        && !inside_unwinder(frame.rip)
        && fault::hooks().is_some_and(|hooks| frame.has_room(hooks))
    {
        // SAFETY: an open context runs on a task's stack (or the idle context's), and there is room.
        unsafe { frame.divert(preempt_trampoline(), []) };
    }
}

/// # Safety
/// Called by the preemption trampoline only.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn keel_preempt() {
    if step::arrive() {
        return;
    }
    if let Some(hooks) = fault::hooks() {
        (hooks.preempt)();
    }
}
