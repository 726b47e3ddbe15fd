//! The assembly: 256 entry stubs, their common body, and the two trampolines on a task's stack.
//!
//! Each describes its frame in CFI. `rsp` of the interrupted context is part of the hardware's frame, so it is given as a saved
//! register and not as the frame's CFA.

use core::arch::global_asm;

unsafe extern "C" {
    static keel_trap_stubs: u8;
    static keel_preempt_trampoline: u8;
    static keel_fault_trampoline: u8;
}

/// Bytes from one stub to the next.
const STUB_SIZE: u64 = 16;

/// Address of the entry stub for `vector`.
pub fn trap_stub(vector: u8) -> u64 {
    &raw const keel_trap_stubs as u64 + u64::from(vector) * STUB_SIZE
}

/// Where a trap returns to in order to reschedule on the interrupted stack.
pub fn preempt_trampoline() -> u64 {
    &raw const keel_preempt_trampoline as u64
}

/// Where a fault returns to in order to unwind the interrupted task.
pub fn fault_trampoline() -> u64 {
    &raw const keel_fault_trampoline as u64
}

// Stack at a stub's entry: [error code for some vectors] rip cs rflags rsp ss, rsp 16-aligned before the push (IST).
// The stubs have one FDE: with an error code the CFA is 8 bytes further, and so is everything saved.
global_asm!(
    r#"
.altmacro
.macro save reg
    push \reg
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset \reg, 0
.endm
.macro restore reg
    pop \reg
    .cfi_adjust_cfa_offset -8
    .cfi_restore \reg
.endm
.macro save_all
    save rax
    save rbx
    save rcx
    save rdx
    save rsi
    save rdi
    save rbp
    save r8
    save r9
    save r10
    save r11
    save r12
    save r13
    save r14
    save r15
.endm
.macro restore_all
    restore r15
    restore r14
    restore r13
    restore r12
    restore r11
    restore r10
    restore r9
    restore r8
    restore rbp
    restore rdi
    restore rsi
    restore rdx
    restore rcx
    restore rbx
    restore rax
.endm
.macro save_vectors
    sub rsp, 256
    .cfi_adjust_cfa_offset 256
    .set slot, 0
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movaps [rsp + slot], xmm\number
    .set slot, slot + 16
    .endr
.endm
.macro restore_vectors
    .set slot, 0
    .irp number, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
    movaps xmm\number, [rsp + slot]
    .set slot, slot + 16
    .endr
    add rsp, 256
    .cfi_adjust_cfa_offset -256
.endm

.section .text.keel_traps, "ax", @progbits
.p2align 4
.globl keel_trap_stubs
.hidden keel_trap_stubs
.type keel_trap_stubs, @function
keel_trap_stubs:
    .cfi_startproc simple
    .cfi_signal_frame
    .set vector, 0
    .rept 256
    .p2align 4
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .cfi_def_cfa rsp, 48
    .else
    .cfi_def_cfa rsp, 40
    .endif
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    .if (vector == 8) || ((vector >= 10) && (vector <= 14)) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
    push 0
    .cfi_def_cfa_offset 48
    .endif
    .byte 0x68                          /* push imm32 */
    .long vector
    .cfi_def_cfa_offset 56
    jmp keel_trap_common
    .set vector, vector + 1
    .endr
    .cfi_endproc
.size keel_trap_stubs, . - keel_trap_stubs

.type keel_trap_common, @function
keel_trap_common:
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa rsp, 56
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    save_all
    save_vectors
    cld
    mov rdi, rsp
    call keel_trap
    restore_vectors
    restore_all
    add rsp, 16
    .cfi_adjust_cfa_offset -16
    iretq
    .cfi_endproc
.size keel_trap_common, . - keel_trap_common

/* On the task's stack, all registers as they were interrupted, interrupts off: rip cs rflags rsp ss. */
.globl keel_preempt_trampoline
.hidden keel_preempt_trampoline
.type keel_preempt_trampoline, @function
keel_preempt_trampoline:
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa rsp, 40
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    save_all
    save_vectors
    cld
    call keel_preempt
    restore_vectors
    restore_all
    iretq
    .cfi_endproc
.size keel_preempt_trampoline, . - keel_preempt_trampoline

/* The same with four words below the frame: vector, cr2, error code, padding. Does not come back. */
/* Nine words and fifteen registers: rsp is 16-aligned at the call, as the ABI demands. */
.globl keel_fault_trampoline
.hidden keel_fault_trampoline
.type keel_fault_trampoline, @function
keel_fault_trampoline:
    .cfi_startproc simple
    .cfi_signal_frame
    .cfi_def_cfa rsp, 72
    .cfi_offset rip, -40
    .cfi_offset rsp, -16
    save_all
    cld
    lea rdi, [rsp + 120]
    call keel_fault
    ud2
    .cfi_endproc
.size keel_fault_trampoline, . - keel_fault_trampoline
.noaltmacro
.text
"#
);
