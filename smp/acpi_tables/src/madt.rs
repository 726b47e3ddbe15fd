//! The MADT (ACPI 6.5, §5.2.12): cores and interrupt controllers.
//!
//! The `acpi` crate's iterator trusts the lengths in the table. So the entries that are wanted and whole are first copied, in
//! safe code, into a table that is right by construction, and that one is what it reads.

use crate::root::HEADER;
use crate::{CoreDescription, IoApic, IsaOverride, Problem};
use acpi::madt::{Madt as Layout, MadtEntry};
use alloc::vec::Vec;
use core::pin::Pin;

/// The header, the local APIC's address and the flags.
const FIXED: usize = HEADER + 8;
const _: () = assert!(size_of::<Layout>() == FIXED);

/// What is read from the MADT.
#[derive(Debug, Default)]
pub struct Madt {
    pub cores: Vec<CoreDescription>,
    pub local_apic_address: u64,
    pub io_apics: Vec<IoApic>,
    pub isa_overrides: Vec<IsaOverride>,
    pub problem: Option<Problem>,
}

/// The entry types that are used here, with their lengths; 0 for the rest.
fn wanted_length(kind: u8) -> usize {
    match kind {
        0 => 8,  // local APIC
        1 => 12, // I/O APIC
        2 => 10, // interrupt source override
        5 => 12, // local APIC address override
        9 => 16, // local x2APIC
        _ => 0,
    }
}

/// The wanted entries of `table` under its header, with the length put right.
fn vetted(table: &[u8]) -> Option<(Vec<u8>, Option<Problem>)> {
    let mut copy = Vec::from(table.get(..FIXED)?);
    let mut at = FIXED;
    let mut problem = None;
    while at < table.len() {
        let Some(&[kind, length]) = table.get(at..at + 2) else {
            problem = Some(Problem::MadtCut { at });
            break;
        };
        let length = usize::from(length);
        let wanted = wanted_length(kind);
        match table.get(at..at + length) {
            Some(entry) if length >= 2 && length >= wanted => {
                if wanted > 0 {
                    copy.extend_from_slice(&[kind, wanted as u8]);
                    copy.extend_from_slice(&entry[2..wanted]);
                }
            }
            _ => {
                problem = Some(Problem::MadtCut { at });
                break;
            }
        }
        at += length;
    }
    let length = (copy.len() as u32).to_le_bytes();
    copy[4..8].copy_from_slice(&length);
    Some((copy, problem))
}

/// Reads a MADT whose bounds and checksum have been verified.
pub fn read(table: &[u8]) -> Madt {
    let Some((copy, problem)) = vetted(table) else {
        return Madt { problem: Some(Problem::MadtCut { at: table.len() }), ..Madt::default() };
    };
    // SAFETY:
    // 1. `Layout` is `repr(C, packed)` integers: any bytes are one, at any address, and `copy` holds at least as many.
    // 2. Its iterator reads `header.length` bytes from its address; that is the length of `copy`.
    // 3. Every entry in there is as long as its type demands.
    // 4. `copy` neither moves nor changes while `layout` lives.
    let layout = unsafe { Pin::new_unchecked(&*copy.as_ptr().cast::<Layout>()) };
    let mut madt =
        Madt { local_apic_address: u64::from(layout.local_apic_address), problem, ..Madt::default() };
    for entry in layout.entries() {
        match entry {
            // An id of all ones is a broadcast, never a core.
            MadtEntry::LocalApic(core) if core.apic_id != u8::MAX => {
                madt.add(u32::from(core.apic_id), false, core.flags);
            }
            MadtEntry::LocalX2Apic(core) if core.x2apic_id != u32::MAX => {
                madt.add(core.x2apic_id, true, core.flags);
            }
            MadtEntry::IoApic(io) => madt
                .io_apics
                .push(IoApic { address: io.io_apic_address, first_gsi: io.global_system_interrupt_base }),
            MadtEntry::InterruptSourceOverride(route) => madt.isa_overrides.push(IsaOverride {
                irq: route.irq,
                gsi: route.global_system_interrupt,
                // MPS INTI flags (table 5.26): 0b11 in each pair is "low" and "level".
                active_low: route.flags & 0b11 == 0b11,
                level: route.flags >> 2 & 0b11 == 0b11,
            }),
            MadtEntry::LocalApicAddressOverride(address) => {
                madt.local_apic_address = address.local_apic_address;
            }
            _ => {}
        }
    }
    madt
}

impl Madt {
    /// Adds a core unless its id is known: firmware may list one both ways.
    fn add(&mut self, apic_id: u32, x2apic_entry: bool, flags: u32) {
        let enabled = flags & 1 != 0;
        match self.cores.iter_mut().find(|core| core.apic_id == apic_id) {
            Some(known) => known.enabled |= enabled,
            None => self.cores.push(CoreDescription { apic_id, x2apic_entry, enabled }),
        }
    }
}
