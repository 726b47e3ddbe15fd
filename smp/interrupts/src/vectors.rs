//! Which vector is for what.
//!
//! The local APIC serves a higher vector first, in classes of sixteen (SDM vol. 3, 11.8.3.1). So what
//! other cores wait for is in the highest class, the timer and the devices are in the lowest.

/// Below this are the CPU's exceptions.
pub const FIRST_EXTERNAL: u8 = 0x20;

/// The local APIC's one-shot timer.
pub const TIMER: u8 = 0x20;

/// The first serial port (ISA interrupt 4).
pub const SERIAL: u8 = 0x24;

/// Devices take theirs from here …
pub const FIRST_DEVICE: u8 = 0x30;
/// … to here, inclusively.
pub const LAST_DEVICE: u8 = 0xdf;

/// Where the two legacy interrupt controllers are moved to, masked: their spurious interrupts
/// (lines 7 and 15) come even so, and must not look like exceptions.
pub const LEGACY_PIC: u8 = 0xe0;

/// Another core asks this one to look at its scheduler.
pub const RESCHEDULE: u8 = 0xf0;

/// Another core has a call for this one, or stops it.
pub const CALL: u8 = 0xf1;

/// The local APIC's own errors.
pub const APIC_ERROR: u8 = 0xfe;

/// The local APIC's spurious interrupt. Its low four bits are ones, as old APICs need. Never
/// acknowledged.
pub const SPURIOUS: u8 = 0xff;
