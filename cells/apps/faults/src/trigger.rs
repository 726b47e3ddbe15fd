//! What makes a task fail. Each function owns nothing that has a destructor.
//!
//! All but the panic and the recursion are instructions that fault by definition; the trap layer turns the fault into an
//! unwind of the task, so none of them ever returns. If one does, a protection is missing, and no harm is done.

use core::arch::asm;
use core::hint::black_box;
use core::sync::atomic::AtomicU8;

/// In the message of the panic.
pub const MESSAGE: &str = "this task was asked to panic";

/// An address that the kernel maps nothing at: in the lower half, far above the trampoline's page.
pub const UNMAPPED: usize = 0x5ead_dead_d000;

/// Neither in the lower nor in the upper half of the address space (SDM vol. 1, §3.3.7.1).
const NOT_CANONICAL: usize = 1 << 63;

/// Data that happen to be an instruction: `ret`.
static DATA: AtomicU8 = AtomicU8::new(0xc3);

/// The address that [`text`] writes to.
pub fn own_text() -> usize {
    text as *const () as usize
}

/// The address that [`exec`] jumps to.
pub fn own_data() -> usize {
    DATA.as_ptr() as usize
}

/// Panics.
#[inline(never)]
pub fn panic() {
    if black_box(true) {
        panic!("{MESSAGE}");
    }
}

/// Reads an address that is not mapped.
#[inline(never)]
pub fn page() {
    read(UNMAPPED);
}

/// Reads an address that cannot be mapped.
#[inline(never)]
pub fn general_protection() {
    read(NOT_CANONICAL);
}

fn read(address: usize) {
    // SAFETY: the load faults, so it reads nothing; it is in assembly because to Rust it would be undefined behaviour.
    unsafe { asm!("mov {0}, [{0}]", inout(reg) address => _, options(nostack, readonly)) };
}

/// Writes to its own code.
#[inline(never)]
pub fn text() {
    // SAFETY: the access faults. If the page were writable, it would write what is there.
    unsafe { asm!("lock or byte ptr [{}], 0", in(reg) own_text(), options(nostack)) };
}

/// Executes data.
#[inline(never)]
pub fn exec() {
    // SAFETY: the fetch faults. If the page were executable, the byte there would return at once.
    unsafe { asm!("call {}", in(reg) own_data(), clobber_abi("C")) };
}

/// Divides by zero.
#[inline(never)]
pub fn divide() {
    // SAFETY: the instruction faults before it changes anything; its operands are declared.
    unsafe {
        asm!("div {0:e}", in(reg) 0u32, inout("eax") 1u32 => _, inout("edx") 0u32 => _, options(nomem, nostack));
    }
}

/// Executes the instruction that is defined to be undefined.
#[inline(never)]
pub fn invalid_opcode() {
    // SAFETY: the instruction faults and changes nothing.
    unsafe { asm!("ud2", options(nomem, nostack)) };
}

/// Calls itself until the stack's guard page stops it.
#[inline(never)]
pub fn stack() {
    descend(0);
}

#[inline(never)]
fn descend(depth: u64) -> u64 {
    // Through a pointer that the compiler cannot see through, it is not a loop; with work left after the call, not a jump.
    let frame = black_box([depth; 16]);
    let deeper: fn(u64) -> u64 = black_box(descend);
    deeper(depth + 1) ^ black_box(frame)[0]
}
