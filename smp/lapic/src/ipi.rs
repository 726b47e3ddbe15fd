//! Interrupts to other cores, through the interrupt command register (SDM vol. 3, 11.6.1).

use core_local::irq_disable;

use crate::registers as reg;

const FIXED: u32 = 0b000 << 8;
const NMI: u32 = 0b100 << 8;
const INIT: u32 = 0b101 << 8;
const START_UP: u32 = 0b110 << 8;
/// The level bit: set in everything but the INIT de-assert that no CPU of this age wants.
const ASSERT: u32 = 1 << 14;
const ALL_BUT_SELF: u32 = 0b11 << 18;
/// xAPIC: the last command is still on its way.
const PENDING: u32 = 1 << 12;

/// How often to look whether xAPIC's last command is gone, before sending the next regardless.
const MAX_POLLS: u32 = 100_000;

/// Interrupts the core with this APIC id at `vector`. In xAPIC mode ids above 254 cannot be reached; nothing is sent then.
#[inline]
pub fn send_ipi(apic_id: u32, vector: u8) {
    send(FIXED | ASSERT | u32::from(vector), apic_id);
}

/// Interrupts all other cores at `vector`, whether the kernel has started them or not.
pub fn send_ipi_all_others(vector: u8) {
    send(FIXED | ASSERT | ALL_BUT_SELF | u32::from(vector), 0);
}

/// Interrupts a core even though it has interrupts off.
pub fn send_nmi(apic_id: u32) {
    send(NMI | ASSERT, apic_id);
}

/// Resets all other cores: they wait for a start-up IPI. Whatever they were doing is lost.
///
/// # Safety
/// No other core runs code of this kernel.
pub unsafe fn send_init_all() {
    send(INIT | ASSERT | ALL_BUT_SELF, 0);
}

/// Starts all other cores that wait for it, in real mode at physical address `page` × 4096.
///
/// # Safety
/// At that address is code fit to be executed by any number of cores at once.
pub unsafe fn send_startup_all(page: u8) {
    send(START_UP | ASSERT | ALL_BUT_SELF | u32::from(page), 0);
}

fn send(command: u32, apic_id: u32) {
    match reg::chosen() {
        reg::X2APIC => {
            // An x2APIC MSR write does not wait for earlier stores to be visible, as one to uncached memory would
            // (SDM 11.12.3): what the other core is to find in memory must be there before it is interrupted.
            // SAFETY: fences; then a command that the callers answer for.
            unsafe {
                core::arch::x86_64::_mm_mfence();
                core::arch::x86_64::_mm_lfence();
                reg::COMMAND.write_wide(u64::from(apic_id) << 32 | u64::from(command));
            }
        }
        reg::XAPIC if apic_id < 0xff => {
            // Two registers, so an interrupt handler that sends must not come between.
            let irq = irq_disable();
            // SAFETY: the mode is chosen and interrupts are off; the callers answer for the command.
            unsafe {
                for _ in 0..MAX_POLLS {
                    if reg::COMMAND.read() & PENDING == 0 {
                        break;
                    }
                    core::hint::spin_loop();
                }
                reg::COMMAND_HIGH.write(apic_id << 24);
                reg::COMMAND.write(command);
            }
            drop(irq);
        }
        _ => {}
    }
}
