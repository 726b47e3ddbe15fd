//! The I/O APICs: which core and vector a device's interrupt goes to.

use core::fmt;

use arrayvec::ArrayVec;
use irq_lock::IrqLock;
use x2apic::ioapic::{IoApic, IrqFlags, IrqMode, RedirectionTableEntry};

/// How a device signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trigger {
    /// By level rather than by edge.
    pub level: bool,
    /// Low is active rather than high.
    pub active_low: bool,
}

impl Trigger {
    /// ISA devices: edge, active high, unless the MADT overrides it.
    pub const ISA: Self = Self { level: false, active_low: false };
}

/// Why an interrupt cannot be routed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoApicError {
    /// No I/O APIC has this global system interrupt.
    NoSuchInterrupt(u32),
    /// An I/O APIC addresses 8 bits of APIC id, and this one has more (interrupt remapping is not there).
    CoreOutOfReach(u32),
    /// There are more I/O APICs than the kernel has room for.
    TooMany,
}

impl fmt::Display for IoApicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchInterrupt(gsi) => {
                write!(f, "no I/O APIC serves interrupt {gsi}: the device has to be polled")
            }
            Self::CoreOutOfReach(id) => {
                write!(
                    f,
                    "an I/O APIC cannot reach APIC id {id}; route the interrupt to a core with an id below 255"
                )
            }
            Self::TooMany => write!(f, "more than {MAX_IO_APICS} I/O APICs; the rest is not used"),
        }
    }
}

impl core::error::Error for IoApicError {}

const MAX_IO_APICS: usize = 16;

struct Owned {
    io_apic: IoApic,
    first_gsi: u32,
    last_gsi: u32,
}

static IO_APICS: IrqLock<ArrayVec<Owned, MAX_IO_APICS>> = IrqLock::new("I/O APICs", ArrayVec::new_const());

/// Takes an I/O APIC over and masks all of its interrupts. Returns how many it has.
///
/// # Errors
/// [`IoApicError::TooMany`].
///
/// # Safety
/// `registers` is where its registers are mapped, uncached, for good; it was not added before.
pub unsafe fn add_io_apic(registers: usize, first_gsi: u32) -> Result<u32, IoApicError> {
    // SAFETY: the caller promises the mapping and that it is the only owner.
    let mut io_apic = unsafe { IoApic::new(registers as u64) };
    // SAFETY: as above; this reads the version.
    let last = unsafe { io_apic.max_table_entry() };
    let mut all = IO_APICS.lock();
    for line in 0..=last.min(MAX_LINE) {
        // SAFETY: as above; masked lines are silent.
        unsafe { io_apic.disable_irq(line) };
    }
    let last_gsi = first_gsi.saturating_add(u32::from(last.min(MAX_LINE)));
    all.try_push(Owned { io_apic, first_gsi, last_gsi }).map_err(|_| IoApicError::TooMany)?;
    Ok(u32::from(last.min(MAX_LINE)) + 1)
}

/// The highest line whose two registers have an 8-bit number.
const MAX_LINE: u8 = 119;

/// Sends global system interrupt `gsi` to the core with this APIC id, at `vector`, and unmasks it.
///
/// # Errors
/// [`IoApicError`]; the interrupt stays as it was.
pub fn route(gsi: u32, vector: u8, apic_id: u32, trigger: Trigger) -> Result<(), IoApicError> {
    let dest =
        u8::try_from(apic_id).ok().filter(|id| *id != 0xff).ok_or(IoApicError::CoreOutOfReach(apic_id))?;
    with(gsi, |io_apic, line| {
        let mut flags = IrqFlags::empty();
        flags.set(IrqFlags::LEVEL_TRIGGERED, trigger.level);
        flags.set(IrqFlags::LOW_ACTIVE, trigger.active_low);
        let mut entry = RedirectionTableEntry::default();
        entry.set_mode(IrqMode::Fixed);
        entry.set_vector(vector);
        entry.set_dest(dest);
        // Masked while the entry's two halves are written one after the other.
        entry.set_flags(flags | IrqFlags::MASKED);
        // SAFETY: the line exists; its interrupt goes to a vector, whose handler answers for it.
        unsafe {
            io_apic.set_table_entry(line, entry);
            io_apic.enable_irq(line);
        }
    })
}

/// Masks a global system interrupt.
///
/// # Errors
/// [`IoApicError::NoSuchInterrupt`].
pub fn mask(gsi: u32) -> Result<(), IoApicError> {
    // SAFETY: the line exists; a masked line is silent.
    with(gsi, |io_apic, line| unsafe { io_apic.disable_irq(line) })
}

fn with(gsi: u32, f: impl FnOnce(&mut IoApic, u8)) -> Result<(), IoApicError> {
    let mut all = IO_APICS.lock();
    let owned = all
        .iter_mut()
        .find(|owned| (owned.first_gsi..=owned.last_gsi).contains(&gsi))
        .ok_or(IoApicError::NoSuchInterrupt(gsi))?;
    // Fits: the last line of an I/O APIC is at most MAX_LINE.
    f(&mut owned.io_apic, (gsi - owned.first_gsi) as u8);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_interrupts_and_far_cores_are_errors() {
        assert_eq!(route(4, 0x24, 0, Trigger::ISA), Err(IoApicError::NoSuchInterrupt(4)));
        assert_eq!(route(4, 0x24, 300, Trigger::ISA), Err(IoApicError::CoreOutOfReach(300)));
        assert_eq!(mask(4), Err(IoApicError::NoSuchInterrupt(4)));
    }
}
