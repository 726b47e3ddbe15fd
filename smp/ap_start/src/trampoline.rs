//! The trampoline: real mode to long mode, for every AP at once.
//!
//! It is assembled into read-only data and copied to a page below 1 MiB, so nothing in it may refer to itself by
//! address: in real mode it uses the code segment that the SIPI set (page << 8), and computes linear addresses from
//! it. It writes nothing: the page is mapped read-only once paging is on. The temporary GDT lies in the page.

use crate::roster::offsets;
use core::arch::global_asm;

unsafe extern "C" {
    static keel_trampoline_start: u8;
    static keel_trampoline_end: u8;
}

/// What the boot core writes into the copy.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Physical address of the page table, below 4 GiB.
    pub cr3: u64,
    /// The roster's address in the kernel's half.
    pub roster: u64,
    /// Number of entries in it.
    pub entries: u64,
    /// `extern "C" fn(core: u32) -> !`.
    pub entry: u64,
}

/// Where in the page the [`Words`] lie. The data come first, so that the code can name them by constants.
pub const WORDS: usize = 8;
const GDT: usize = WORDS + size_of::<Words>();
const GDT_POINTER: usize = GDT + 4 * 8;
const FAR_32: usize = GDT_POINTER + 8;
const FAR_64: usize = FAR_32 + 8;
/// Where the 32-bit linear addresses are, to which the address of the page must be added.
pub const RELOCATIONS: [usize; 3] = [GDT_POINTER + 2, FAR_32, FAR_64];

/// The code to copy into the page.
pub fn code() -> &'static [u8] {
    let start = &raw const keel_trampoline_start;
    let length = &raw const keel_trampoline_end as usize - start as usize;
    // SAFETY: the assembler's labels around the code below, in read-only data.
    unsafe { core::slice::from_raw_parts(start, length) }
}

// Registers through the modes: ebx = linear address of the page.
global_asm!(
    r#"
.section .rodata.keel_trampoline, "a", @progbits
.p2align 4
.globl keel_trampoline_start, keel_trampoline_end
.hidden keel_trampoline_start, keel_trampoline_end
keel_trampoline_start:
.code16
    jmp keel_trampoline_16
    .p2align 3, 0
    .quad 0, 0, 0, 0                                        /* Words */
    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00af9a000000ffff
    .word 31                                                /* GDT pointer */
    .long {gdt}
    .word 0
    .long keel_trampoline_32 - keel_trampoline_start        /* far pointers */
    .long 8
    .long keel_trampoline_64 - keel_trampoline_start
    .long 24

keel_trampoline_16:
    cli
    cld
    mov ax, cs
    mov ds, ax
    movzx ebx, ax
    shl ebx, 4
    lgdt [{gdt_pointer}]
    mov eax, cr0
    or eax, 1
    mov cr0, eax
    .byte 0x66, 0xff, 0x2e                                  /* ljmp dword [far_32] */
    .word {far_32}

.code32
keel_trampoline_32:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov eax, cr4
    or eax, (1 << 5) | (1 << 7) | (1 << 9) | (1 << 10)      /* PAE, PGE, OSFXSR, OSXMMEXCPT */
    mov cr4, eax
    mov eax, [ebx + {words}]
    mov cr3, eax
    mov ecx, 0xc0000080                                     /* EFER: LME, NXE */
    rdmsr
    or eax, (1 << 8) | (1 << 11)
    wrmsr
    mov eax, cr0
    and eax, ~((1 << 2) | (1 << 3) | (1 << 29) | (1 << 30)) /* no FPU emulation; caches on: INIT left CD and NW set */
    or eax, (1 << 31) | (1 << 16) | (1 << 5) | (1 << 1)     /* PG, WP, NE, MP */
    mov cr0, eax
    .byte 0xff, 0xab                                        /* ljmp [ebx + far_64] */
    .long {far_64}

.code64
keel_trampoline_64:
    mov ebx, ebx                        /* the upper half is not defined after the change of mode */
    mov r8, [rbx + {words} + 8]         /* roster */
    mov r9, [rbx + {words} + 16]        /* entries */
    mov r10, [rbx + {words} + 24]       /* entry point */

    /* Our APIC id: leaf 0xB where it says anything (32 bits), else leaf 1 (8 bits). cpuid overwrites ebx. */
    xor eax, eax
    cpuid
    cmp eax, 0xb
    jb 1f
    mov eax, 0xb
    xor ecx, ecx
    cpuid
    test ebx, ebx
    jnz 2f
1:  mov eax, 1
    cpuid
    mov edx, ebx
    shr edx, 24
2:  xor r11d, r11d
3:  cmp r11, r9
    jae 9f
    cmp dword ptr [r8 + {state}], {waiting}
    jne 4f
    cmp [r8 + {apic_id}], edx
    je 5f
4:  add r8, {size}
    inc r11
    jmp 3b
5:  mov eax, {waiting}
    mov ecx, {claimed}
    lock cmpxchg [r8 + {state}], ecx
    jne 9f
    mov rsp, [r8 + {stack_top}]
    fninit                              /* INIT left the FPU's control words as they were */
    push 0x1f80
    ldmxcsr [rsp]
    pop rax
    mov edi, r11d
    xor ebp, ebp
    push 0                              /* where a return address would be: the end of the stack */
    jmp r10
9:  cli
    hlt
    jmp 9b
keel_trampoline_end:
.text
"#,
    words = const WORDS,
    gdt = const GDT,
    gdt_pointer = const GDT_POINTER,
    far_32 = const FAR_32,
    far_64 = const FAR_64,
    size = const offsets::SIZE,
    apic_id = const offsets::APIC_ID,
    state = const offsets::STATE,
    stack_top = const offsets::STACK_TOP,
    waiting = const offsets::WAITING,
    claimed = const offsets::CLAIMED,
);
