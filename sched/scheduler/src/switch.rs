//! The context switch and the first instructions of a task.
//!
//! A switch is an ordinary function call to the compiler, so the caller has saved what it needs of the caller-saved
//! registers, all XMM registers among them; only the six callee-saved integer registers and rsp are left.
//! (MXCSR's and the x87's control bits are callee-saved too, and no task changes them: they are the same everywhere.)
//!
//! ```text
//!   a task that does not run            a task that has not run yet
//!   rsp ─▶ r15                          rsp ─▶ 0
//!          r14                                 0
//!          r13                                 0
//!          r12                                 address of its `Task`
//!          rbx                                 0
//!          rbp                                 0
//!          return address into `switch`'s      `task_entry`
//!          caller                              0, 0   (keeps rsp aligned; no return address)
//! ```
//!
//! The CFI of `switch` is right at every instruction: both stacks have the same shape at the moment of the
//! change, so a parked task can be unwound from its saved rsp.

use core::arch::naked_asm;

use crate::task::Task;

/// Saves this context at `*save`, continues the one saved as `load`, and returns `dead` *there*: in the context that
/// goes on, not in the one that calls. So the one that goes on learns which task ended to make room for it.
///
/// # Safety
/// 1. Interrupts are off, and the caller holds no reference to this core's state across the call: when it returns,
///    it may be on another core.
/// 2. `load` was saved by `switch` or made by [`prepare`], nobody else continues it, and its stack is mapped.
/// 3. `save` stays valid until this context is continued.
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn switch(save: *mut usize, load: usize, dead: *const Task) -> *const Task {
    naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "push rbx",
        ".cfi_def_cfa_offset 24",
        ".cfi_offset rbx, -24",
        "push r12",
        ".cfi_def_cfa_offset 32",
        ".cfi_offset r12, -32",
        "push r13",
        ".cfi_def_cfa_offset 40",
        ".cfi_offset r13, -40",
        "push r14",
        ".cfi_def_cfa_offset 48",
        ".cfi_offset r14, -48",
        "push r15",
        ".cfi_def_cfa_offset 56",
        ".cfi_offset r15, -56",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "mov rax, rdx",
        "pop r15",
        ".cfi_def_cfa_offset 48",
        ".cfi_restore r15",
        "pop r14",
        ".cfi_def_cfa_offset 40",
        ".cfi_restore r14",
        "pop r13",
        ".cfi_def_cfa_offset 32",
        ".cfi_restore r13",
        "pop r12",
        ".cfi_def_cfa_offset 24",
        ".cfi_restore r12",
        "pop rbx",
        ".cfi_def_cfa_offset 16",
        ".cfi_restore rbx",
        "pop rbp",
        ".cfi_def_cfa_offset 8",
        ".cfi_restore rbp",
        "ret",
        ".cfi_endproc",
    )
}

/// Lays out a new task's stack for its first [`switch`], and returns the rsp to load.
///
/// # Safety
/// `top` is the end of a mapped, writable stack that belongs to `task`, aligned to 16 bytes.
pub unsafe fn prepare(top: usize, task: *const Task) -> usize {
    let entry = task_entry as *const () as usize;
    //           r15 r14 r13 r12            rbx rbp return
    let words = [0, 0, 0, task.addr(), 0, 0, entry, 0, 0];
    let rsp = top - size_of_val(&words);
    debug_assert_eq!((rsp + 7 * 8) % 16, 0, "rsp is aligned when `task_entry` begins");
    // `with_exposed_provenance`: a stack is memory that the compiler knows nothing of.
    // SAFETY: the words lie below `top`, in the stack.
    unsafe { core::ptr::with_exposed_provenance_mut::<[usize; 9]>(rsp).write(words) };
    rsp
}

/// Where a task begins: `switch` returns here, with the task that ended (or null) in rax and the new task in r12.
///
/// It is the outermost frame: its CFI says that the return address is undefined, which ends every unwind.
#[unsafe(naked)]
unsafe extern "C-unwind" fn task_entry() -> ! {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip",
        "mov rdi, rax",
        "mov rsi, r12",
        "call {root}",
        "ud2",
        ".cfi_endproc",
        root = sym crate::root::root,
    )
}
