//! This core's words, through GS. One instruction each: an interrupt comes before or after it, so
//! no other protection is needed, and a task that migrates meanwhile has acted on one core or the
//! other, never on half of each.
//!
//! None of these blocks is `pure`, and those that order a critical section are not `nomem`: the
//! compiler must not move memory accesses across `cli`, `sti` or a change of the preemption count.

use core::arch::asm;

use x86_64::VirtAddr;
use x86_64::registers::model_specific::GsBase;

use crate::block::{CoreBlock, offsets};
use crate::core_id::CoreId;

/// # Safety
/// See [`crate::install`].
pub unsafe fn install(block: &'static CoreBlock) {
    GsBase::write(VirtAddr::from_ptr(block));
}

macro_rules! gs_read {
    ($offset:expr, $type:ty, $format:literal) => {{
        let value: $type;
        // SAFETY: GS points to this core's CoreBlock since `install`, and the offset is that of a
        // field of this size (asserted in `block`). It only reads.
        unsafe {
            asm!(concat!("mov {value", $format, "}, gs:[{offset}]"), value = out(reg) value,
                offset = const $offset, options(nostack, preserves_flags, readonly));
        }
        value
    }};
}

macro_rules! gs_write {
    ($offset:expr, $value:expr, $format:literal) => {
        // SAFETY: GS points to this core's CoreBlock since `install`, and the offset is that of an
        // atomic field of this size (asserted in `block`), which this core alone writes.
        unsafe {
            asm!(concat!("mov gs:[{offset}], {value", $format, "}"), value = in(reg) $value,
                offset = const $offset, options(nostack, preserves_flags));
        }
    };
}

#[inline]
pub fn id() -> CoreId {
    let index = gs_read!(offsets::ID, u32, ":e");
    match CoreId::new(index) {
        Some(id) => id,
        None => not_installed(),
    }
}

#[cold]
fn not_installed() -> ! {
    panic!("this core's GS base does not point to its CoreBlock: call core_local::install first")
}

#[inline]
pub fn executor() -> u32 {
    gs_read!(offsets::ID, u32, ":e") + 1
}

#[inline]
pub fn current_task() -> *const () {
    gs_read!(offsets::CURRENT_TASK, *const (), "")
}

#[inline]
pub fn set_current_task(task: *const ()) {
    gs_write!(offsets::CURRENT_TASK, task, "");
}

#[inline]
pub fn held_locks() -> *const () {
    gs_read!(offsets::HELD_LOCKS, *const (), "")
}

#[inline]
pub fn set_held_locks(head: *const ()) {
    gs_write!(offsets::HELD_LOCKS, head, "");
}

#[inline]
pub fn preempt_count() -> u32 {
    gs_read!(offsets::PREEMPT_COUNT, u32, ":e")
}

#[inline]
pub fn preempt_increment() {
    // SAFETY: as in `gs_write`. Not `nomem`: what follows stays after it.
    unsafe { asm!("inc dword ptr gs:[{offset}]", offset = const offsets::PREEMPT_COUNT, options(nostack)) };
}

/// Says whether that was the last guard.
#[inline]
pub fn preempt_decrement() -> bool {
    let last: u8;
    // SAFETY: as in `gs_write`. Not `nomem`: what came before stays before it.
    unsafe {
        asm!("dec dword ptr gs:[{offset}]", "setz {last}", offset = const offsets::PREEMPT_COUNT,
            last = out(reg_byte) last, options(nostack));
    }
    last != 0
}

#[inline]
pub fn need_resched() -> bool {
    gs_read!(offsets::NEED_RESCHED, u32, ":e") != 0
}

#[inline]
pub fn set_need_resched() {
    gs_write!(offsets::NEED_RESCHED, 1u32, ":e");
}

#[inline]
pub fn take_need_resched() -> bool {
    let mut value = 0u32;
    // SAFETY: as in `gs_write`. One instruction, so that the request is taken from one core only.
    unsafe {
        asm!("xchg gs:[{offset}], {value:e}", offset = const offsets::NEED_RESCHED,
            value = inout(reg) value, options(nostack, preserves_flags));
    }
    value != 0
}

#[inline]
pub fn irqs_enabled() -> bool {
    x86_64::instructions::interrupts::are_enabled()
}

/// Says whether interrupts were on.
#[inline]
pub fn irq_save_and_disable() -> bool {
    let flags: u64;
    // SAFETY: pushes one word and pops it again; the red zone is not in use in kernel code, and the
    // compiler knows of the push (no `nostack`). Masking interrupts cannot break memory safety.
    unsafe { asm!("pushfq", "pop {flags}", "cli", flags = out(reg) flags) };
    flags & (1 << 9) != 0
}

#[inline]
pub fn irq_enable() {
    x86_64::instructions::interrupts::enable();
}
