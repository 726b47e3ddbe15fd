//! `pvh_start`: 32-bit protected mode to long mode in the higher half.
//!
//! Everything here is linked and loaded low (`.boot`), where 32-bit code can name it. On entry (PVH): ebx = physical
//! address of the start info, paging off, interrupts off, flat segments. SSE is switched on before any Rust runs,
//! since the prebuilt core library uses it.
//!
//! If the CPU has no long mode or no NX bit, the letter `L` or `N` on the serial port is all that can be said.

use core::arch::global_asm;

global_asm!(
    r#"
.section .note.Xen, "a", @note
    .long 4, 4, 18          /* name size, value size, XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long pvh_start

.section .boot, "awx", @progbits
.code32
.globl pvh_start
pvh_start:
    cli
    cld
    mov esp, offset boot_stack32_top
    mov ebp, ebx                        /* the start info survives in ebp */

    mov eax, 0x80000000
    cpuid
    cmp eax, 0x80000001
    jb 8f
    mov eax, 0x80000001
    cpuid
    mov esi, edx
    test esi, 1 << 29                   /* long mode */
    jz 8f
    test esi, 1 << 20                   /* NX */
    jz 9f

    /* PML4: identity and physical map share one PDPT; the image has its own. */
    mov eax, offset boot_pdpt
    or eax, 3
    mov [boot_pml4], eax
    mov [boot_pml4 + 256 * 8], eax
    mov eax, offset boot_pdpt_image
    or eax, 3
    mov [boot_pml4 + 511 * 8], eax
    mov eax, offset boot_pd
    or eax, 3
    mov [boot_pdpt_image + 510 * 8], eax

    /* Four page directories of 2 MiB pages: the first 4 GiB. */
    mov edi, offset boot_pd
    mov eax, 0x83
    xor edx, edx
1:  mov [edi], eax
    mov [edi + 4], edx
    add edi, 8
    add eax, 0x200000
    jnc 1b

    mov edi, offset boot_pdpt
    test esi, 1 << 26                   /* 1 GiB pages: map all 512 GiB */
    jz 3f
    mov eax, 0x83
    xor edx, edx
    mov ecx, 512
2:  mov [edi], eax
    mov [edi + 4], edx
    add edi, 8
    add eax, 0x40000000
    adc edx, 0
    loop 2b
    jmp 5f
3:  mov eax, offset boot_pd             /* no 1 GiB pages: those four */
    or eax, 3
    mov ecx, 4
4:  mov [edi], eax
    add edi, 8
    add eax, 0x1000
    loop 4b

5:  mov eax, offset boot_pml4
    mov cr3, eax
    mov eax, cr4
    or eax, (1 << 5) | (1 << 9) | (1 << 10)         /* PAE, OSFXSR, OSXMMEXCPT */
    mov cr4, eax
    mov ecx, 0xc0000080                             /* EFER: LME, NXE */
    rdmsr
    or eax, (1 << 8) | (1 << 11)
    wrmsr
    mov eax, cr0
    and eax, ~((1 << 2) | (1 << 3))                 /* no emulation of SSE, no lazy switching */
    or eax, (1 << 31) | (1 << 16) | (1 << 5) | (1 << 1) | 1     /* PG, WP, NE, MP, PE */
    mov cr0, eax
    lgdt [boot_gdt_pointer]
    ljmp 8, offset boot_long

8:  mov al, 0x4c
    jmp 7f
9:  mov al, 0x4e
7:  mov dx, 0x3f8
    out dx, al
6:  hlt
    jmp 6b

.code64
boot_long:
    mov ax, 16
    mov ds, ax
    mov es, ax
    mov ss, ax
    xor eax, eax
    mov fs, ax
    mov gs, ax
    movabs rsp, offset boot_stack_top
    fninit                              /* the protocol says nothing of the FPU's control words */
    push 0x1f80
    ldmxcsr [rsp]
    pop rax
    mov edi, ebp
    xor ebp, ebp
    movabs rax, offset keel_pvh_main
    call rax
    ud2

.align 8
boot_gdt:
    .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
boot_gdt_pointer:
    .word 23
    .quad boot_gdt

.section .boot.bss, "aw", @nobits
.align 4096
boot_pml4:          .skip 4096
boot_pdpt:          .skip 4096
boot_pdpt_image:    .skip 4096
boot_pd:            .skip 4 * 4096
boot_stack32:       .skip 256
boot_stack32_top:

.section .bss.boot_stack, "aw", @nobits
.align 4096
.globl boot_stack_bottom
.globl boot_stack_top
boot_stack_bottom:  .skip 256 * 1024
boot_stack_top:
.text
"#
);
