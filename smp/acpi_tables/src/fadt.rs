//! The FADT (ACPI 6.5, §5.2.9): power-management timer and reset register.

use crate::PmTimer;
use acpi::address::AddressSpace;
use acpi::fadt::Fadt;

/// The timer, and the reset register with its value, where they are I/O ports.
pub fn read(table: &[u8]) -> (Option<PmTimer>, Option<(u16, u8)>) {
    // An older FADT is shorter than the type: what it lacks reads as zero, which means "not there".
    let mut bytes = [0u8; size_of::<Fadt>()];
    let length = table.len().min(bytes.len());
    bytes[..length].copy_from_slice(&table[..length]);
    // SAFETY: `Fadt` is `repr(C, packed)` integers: any bytes of its size are one.
    let fadt = unsafe { bytes.as_ptr().cast::<Fadt>().read_unaligned() };
    let flags = fadt.flags;
    let port =
        |space, address: u64| (space == AddressSpace::SystemIo).then(|| u16::try_from(address).ok())?;
    let pm_timer = fadt.pm_timer_block().ok().flatten().and_then(|block| {
        let port = port(block.address_space, block.address).filter(|&port| port != 0)?;
        Some(PmTimer { port, is_32_bit: flags.pm_timer_is_32_bit() })
    });
    let reset =
        fadt.reset_register().ok().filter(|_| flags.supports_system_reset_via_fadt()).and_then(|register| {
            let port = port(register.address_space, register.address).filter(|&port| port != 0)?;
            Some((port, fadt.reset_value))
        });
    (pm_timer, reset)
}
