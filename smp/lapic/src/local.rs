//! Choosing the mode, and bringing a core's local APIC into it.

use core::fmt;

use interrupts::vectors;
use raw_cpuid::CpuId;
use x86_64::instructions::port::PortWriteOnly;
use x86_64::registers::model_specific::Msr;

use crate::registers::{self as reg, LVT_MASKED};

/// How the local APICs are driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Registers are MSRs, ids have 32 bits.
    X2Apic,
    /// Registers are in memory, ids have 8 bits.
    XApic,
}

impl Mode {
    /// One word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::X2Apic => "x2apic",
            Self::XApic => "xapic",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why there is no usable local APIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LapicError {
    /// The CPU has none.
    NotPresent,
    /// xAPIC mode needs its registers mapped, and no address was given.
    NotMapped,
    /// The mode has been chosen before.
    AlreadyChosen,
}

impl fmt::Display for LapicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPresent => "this CPU has no local APIC: neither timer nor other cores can be used",
            Self::NotMapped => {
                "this CPU has no x2APIC and the address of the xAPIC is unknown (no MADT?): neither timer nor other cores can be used"
            }
            Self::AlreadyChosen => "the local APICs' mode was chosen before",
        })
    }
}

impl core::error::Error for LapicError {}

/// IA32_APIC_BASE.
const APIC_BASE: Msr = Msr::new(0x1b);
const BASE_ENABLED: u64 = 1 << 11;
const BASE_X2APIC: u64 = 1 << 10;
const SOFTWARE_ENABLED: u32 = 1 << 8;

/// Chooses the mode for all cores, silences the legacy interrupt controllers, and initialises
/// the boot core's local APIC. `mmio` is where the xAPIC's registers are mapped; `force_xapic` leaves
/// a CPU's x2APIC alone (for tests and for broken firmware).
///
/// # Errors
/// [`LapicError`]; nothing has been changed then.
///
/// # Safety
/// `mmio`, if given, maps the local APIC's register page, uncached, for good. Runs once, on the
/// boot core, with interrupts off.
pub unsafe fn init_boot(mmio: Option<usize>, force_xapic: bool) -> Result<Mode, LapicError> {
    let features = CpuId::new().get_feature_info();
    if !features.as_ref().is_some_and(|features| features.has_apic()) {
        return Err(LapicError::NotPresent);
    }
    if reg::chosen() != reg::NOT_CHOSEN {
        return Err(LapicError::AlreadyChosen);
    }
    let has_x2apic = features.is_some_and(|features| features.has_x2apic());
    let mode = match mmio {
        Some(base) if force_xapic || !has_x2apic => {
            // SAFETY: the caller promises the mapping.
            unsafe { reg::choose(reg::XAPIC, base) };
            Mode::XApic
        }
        None if !has_x2apic => return Err(LapicError::NotMapped),
        _ => {
            // SAFETY: x2APIC mode needs no mapping, and the CPU has it.
            unsafe { reg::choose(reg::X2APIC, 0) };
            Mode::X2Apic
        }
    };
    silence_legacy_pics();
    // SAFETY: the mode is chosen, interrupts are off.
    unsafe { init_this_core() };
    Ok(mode)
}

/// Brings this core's local APIC into the chosen mode and enables it: every local line masked, every
/// vector accepted, the timer stopped.
///
/// # Safety
/// [`init_boot`] has succeeded; interrupts are off on this core.
pub unsafe fn init_this_core() {
    enter_mode();
    // SAFETY: the mode is chosen and this core is in it. Masking and enabling cannot break memory safety.
    unsafe {
        // Software-enable first: while it is off, LVT entries cannot be unmasked (SDM 11.4.7.2).
        reg::SPURIOUS.write(SOFTWARE_ENABLED | u32::from(vectors::SPURIOUS));
        for line in [reg::LVT_LINT0, reg::LVT_LINT1, reg::LVT_THERMAL, reg::LVT_PERFORMANCE, reg::LVT_ERROR] {
            line.write(LVT_MASKED | u32::from(vectors::APIC_ERROR));
        }
        reg::TASK_PRIORITY.write(0);
        reg::ERROR_STATUS.write(0);
        // Firmware may have left an interrupt in service; it would hold all lower ones back.
        reg::EOI.write(0);
    }
    crate::timer::init_this_core();
}

fn enter_mode() {
    let mut base_register = APIC_BASE;
    // SAFETY: the transitions are those that SDM 11.12.5 allows: off to xAPIC, xAPIC to x2APIC, and from
    // x2APIC to xAPIC by way of off.
    unsafe {
        let base = base_register.read();
        if reg::is_x2apic() {
            base_register.write(base | BASE_ENABLED);
            base_register.write(base | BASE_ENABLED | BASE_X2APIC);
        } else {
            if base & BASE_X2APIC != 0 {
                base_register.write(base & !(BASE_ENABLED | BASE_X2APIC));
            }
            base_register.write((base & !BASE_X2APIC) | BASE_ENABLED);
        }
    }
}

/// Moves the two 8259s' interrupts away from the exceptions and masks all of them. Their lines 7 and 15 can
/// still come, as spurious ones.
fn silence_legacy_pics() {
    let pics = [(0x20u16, vectors::LEGACY_PIC, 4u8), (0xa0, vectors::LEGACY_PIC + 8, 2)];
    for (command, vector, cascade) in pics {
        // ICW1: initialise, ICW4 follows. ICW2: vector. ICW3: cascade. ICW4: 8086 mode. OCW1: mask all.
        let writes = [
            (command, 0x11),
            (command + 1, vector),
            (command + 1, cascade),
            (command + 1, 1),
            (command + 1, 0xff),
        ];
        for (port, value) in writes {
            // SAFETY: these are the legacy interrupt controllers' ports on every PC; nobody else uses them.
            unsafe { PortWriteOnly::<u8>::new(port).write(value) };
        }
    }
}

/// The chosen mode; `None` before [`init_boot`] has succeeded.
pub fn mode() -> Option<Mode> {
    match reg::chosen() {
        reg::X2APIC => Some(Mode::X2Apic),
        reg::XAPIC => Some(Mode::XApic),
        _ => None,
    }
}

/// This core's APIC id; from CPUID while no mode has been chosen.
pub fn id() -> u32 {
    match mode() {
        // SAFETY: the mode is chosen, and cores enter it before they do anything else here.
        Some(Mode::X2Apic) => unsafe { reg::ID.read() },
        // SAFETY: as above.
        Some(Mode::XApic) => unsafe { reg::ID.read() >> 24 },
        None => {
            CpuId::new().get_feature_info().map_or(0, |features| u32::from(features.initial_local_apic_id()))
        }
    }
}

/// Acknowledges the interrupt being served, so that the next of its priority can come. Not for the
/// spurious vector. Does nothing while no mode has been chosen.
#[inline]
pub fn eoi() {
    if reg::chosen() != reg::NOT_CHOSEN {
        // SAFETY: the mode is chosen; an acknowledgement too many is ignored by the APIC.
        unsafe { reg::EOI.write(0) };
    }
}
