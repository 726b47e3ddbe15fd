//! What the firmware's ACPI tables say of the machine: cores, interrupt controllers, timers, reset.
//!
//! Tables are hostile input: any address or length in them may be wrong. So the way from the root pointer to the tables
//! (`root`) goes through a bounds-checked window onto physical memory, in safe code, with lengths and checksums verified;
//! and only what passed is laid under the `acpi` crate's table types, which trust what they are given.
//!
//! A table that is damaged is left out and named in [`Platform::problems`]; what is missing then is the caller's
//! business (without a MADT: [`AcpiError::NoMadt`], and the kernel goes on with the boot core).
//!
//! Source: ACPI specification 6.5, §5.2.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod fadt;
mod madt;
mod root;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::fmt;

/// A window onto physical memory.
pub trait Memory {
    /// The `length` bytes at physical address `at`, or `None` if any of them cannot be read.
    fn bytes(&self, at: u64, length: usize) -> Option<&[u8]>;
}

/// Four characters that name a table.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Signature(pub [u8; 4]);

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            let shown = if byte.is_ascii_graphic() { char::from(byte) } else { '?' };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A table that is there and whose checksum is right.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Table {
    /// Its name.
    pub signature: Signature,
    /// Its revision.
    pub revision: u8,
    /// Its physical address.
    pub address: u64,
    /// Its length in bytes.
    pub length: u32,
}

/// Why there is nothing to go by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AcpiError {
    /// No root pointer at the address that the loader gave, or one that is damaged.
    BadRootPointer(u64),
    /// The root table is missing or damaged.
    BadRootTable(u64),
    /// There is no usable MADT: the other cores and the I/O APICs are unknown.
    NoMadt,
}

impl fmt::Display for AcpiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadRootPointer(at) => write!(f, "no valid ACPI root pointer at {at:#x}"),
            Self::BadRootTable(at) => write!(f, "the ACPI root table at {at:#x} is missing or damaged"),
            Self::NoMadt => f.write_str("ACPI has no usable MADT, so other cores cannot be found"),
        }
    }
}

/// Why a table was left out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// It does not lie in memory, or says that it is shorter than its own header.
    Unreadable {
        /// Where it should be.
        address: u64,
    },
    /// Its bytes do not add up.
    Checksum {
        /// Which table.
        signature: Signature,
    },
    /// The MADT is cut off, or an entry in it has an impossible length.
    MadtCut {
        /// How many bytes were good.
        at: usize,
    },
    /// There are more tables than can be believed.
    TooMany,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { address } => {
                write!(f, "ACPI table at {address:#x} ignored: it does not lie in memory")
            }
            Self::Checksum { signature } => write!(f, "ACPI table {signature} ignored: wrong checksum"),
            Self::MadtCut { at } => {
                write!(f, "ACPI MADT is damaged from byte {at} on; what comes before is used")
            }
            Self::TooMany => f.write_str("ACPI root table lists too many tables; the rest is ignored"),
        }
    }
}

/// A core as the MADT describes it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CoreDescription {
    /// Its local APIC's id.
    pub apic_id: u32,
    /// It was listed by an x2APIC entry (type 9) and not by a local-APIC entry (type 0).
    pub x2apic_entry: bool,
    /// It can be started now.
    pub enabled: bool,
}

/// An I/O APIC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IoApic {
    /// Physical address of its registers.
    pub address: u32,
    /// The first global system interrupt that it serves.
    pub first_gsi: u32,
}

/// An ISA interrupt that does not go where its number says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct IsaOverride {
    /// The ISA interrupt.
    pub irq: u8,
    /// Where it goes.
    pub gsi: u32,
    /// It is active low.
    pub active_low: bool,
    /// It is level triggered.
    pub level: bool,
}

/// The ACPI power-management timer, where it is an I/O port.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PmTimer {
    /// Its port.
    pub port: u16,
    /// It counts 32 bits, else 24.
    pub is_32_bit: bool,
}

/// What the tables say.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Platform {
    /// All good tables.
    pub tables: Vec<Table>,
    /// What was wrong.
    pub problems: Vec<Problem>,
    /// All cores, each APIC id once, in the order of the table.
    pub cores: Vec<CoreDescription>,
    /// Physical address of the local APIC's registers (xAPIC).
    pub local_apic_address: u64,
    /// The I/O APICs.
    pub io_apics: Vec<IoApic>,
    /// Exceptions to "ISA interrupt n is GSI n".
    pub isa_overrides: Vec<IsaOverride>,
    /// Physical address of the HPET's registers.
    pub hpet_address: Option<u64>,
    /// The power-management timer.
    pub pm_timer: Option<PmTimer>,
    /// The reset register, where it is an I/O port, and the value that resets.
    pub reset: Option<(u16, u8)>,
}

impl Platform {
    /// Where the ISA interrupt goes: its override if there is one, itself otherwise (edge triggered, active high).
    pub fn isa_route(&self, irq: u8) -> IsaOverride {
        let straight = IsaOverride { irq, gsi: u32::from(irq), active_low: false, level: false };
        self.isa_overrides.iter().copied().find(|route| route.irq == irq).unwrap_or(straight)
    }
}

/// Reads the tables from the root pointer at physical address `root_pointer`. The first part of the answer is what was
/// found, also where the second is an error: without a MADT there may still be a timer.
pub fn discover(memory: &impl Memory, root_pointer: u64) -> (Platform, Result<(), AcpiError>) {
    let mut platform = Platform::default();
    let found = root::tables(memory, root_pointer, &mut platform.problems);
    platform.tables = match found {
        Ok(tables) => tables,
        Err(error) => return (platform, Err(error)),
    };
    let table = |wanted: &[u8; 4]| {
        let table = platform.tables.iter().find(|table| table.signature.0 == *wanted)?;
        memory.bytes(table.address, table.length as usize)
    };
    let hpet_address = table(b"HPET").and_then(hpet_address);
    let (pm_timer, reset) = table(b"FACP").map_or((None, None), fadt::read);
    let madt = table(b"APIC").map(madt::read);
    (platform.hpet_address, platform.pm_timer, platform.reset) = (hpet_address, pm_timer, reset);
    match madt {
        Some(madt) if !madt.cores.is_empty() => {
            platform.cores = madt.cores;
            platform.local_apic_address = madt.local_apic_address;
            platform.io_apics = madt.io_apics;
            platform.isa_overrides = madt.isa_overrides;
            platform.problems.extend(madt.problem);
            (platform, Ok(()))
        }
        _ => (platform, Err(AcpiError::NoMadt)),
    }
}

/// The HPET description table (IA-PC HPET specification 1.0a, §3.2.4): a generic address at offset 40, in memory space.
fn hpet_address(table: &[u8]) -> Option<u64> {
    let space = *table.get(40)?;
    let address = u64::from_le_bytes(table.get(44..52)?.try_into().ok()?);
    (space == 0 && address != 0).then_some(address)
}
