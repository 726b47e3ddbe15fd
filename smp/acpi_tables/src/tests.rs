//! Tables built by hand, whole and damaged.

use super::*;
use proptest::prelude::*;

/// Physical memory from address `BASE` on.
struct Fake(Vec<u8>);
const BASE: u64 = 0x1000;

impl Memory for Fake {
    fn bytes(&self, at: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(at.checked_sub(BASE)?).ok()?;
        self.0.get(start..start.checked_add(length)?)
    }
}

fn fix_checksum(bytes: &mut [u8], at: usize) {
    bytes[at] = 0;
    bytes[at] = 0u8.wrapping_sub(bytes.iter().fold(0, |sum, &byte| sum.wrapping_add(byte)));
}

fn table(signature: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 36];
    bytes[..4].copy_from_slice(signature);
    bytes[4..8].copy_from_slice(&(36 + body.len() as u32).to_le_bytes());
    bytes[8] = 3;
    bytes.extend_from_slice(body);
    fix_checksum(&mut bytes, 9);
    bytes
}

fn madt_body() -> Vec<u8> {
    let mut body = 0xfee0_0000u32.to_le_bytes().to_vec();
    body.extend([1, 0, 0, 0]);
    for (id, flags) in [(0u8, 1u8), (1, 1), (5, 0)] {
        body.extend([0, 8, id, id, flags, 0, 0, 0]);
    }
    body.extend([9, 16, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]); // core 1 again, as x2APIC
    body.extend([9, 16, 0, 0, 0x34, 0x12, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    body.extend([9, 16, 0, 0, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0]); // broadcast
    body.extend([1, 12, 0, 0, 0, 0, 0xc0, 0xfe, 0, 0, 0, 0]);
    body.extend([2, 10, 0, 0, 2, 0, 0, 0, 0, 0]);
    body.extend([2, 10, 0, 9, 9, 0, 0, 0, 0xf, 0]);
    body.extend([0x7f, 4, 0, 0]);
    body
}

/// Root pointer at `BASE`, XSDT and tables behind it.
fn machine(tables: &[Vec<u8>]) -> Fake {
    let mut memory = vec![0u8; 36];
    let mut addresses = Vec::new();
    for table in tables {
        addresses.extend((BASE + memory.len() as u64).to_le_bytes());
        memory.extend_from_slice(table);
    }
    let root = BASE + memory.len() as u64;
    memory.extend(super::tests::table(b"XSDT", &addresses));
    memory[..8].copy_from_slice(b"RSD PTR ");
    memory[15] = 2;
    memory[20] = 36;
    memory[24..32].copy_from_slice(&root.to_le_bytes());
    fix_checksum(&mut memory[..20], 8);
    fix_checksum(&mut memory[..36], 32);
    Fake(memory)
}

fn fadt() -> Vec<u8> {
    let mut body = vec![0u8; 240];
    body[76 - 36..80 - 36].copy_from_slice(&0x608u32.to_le_bytes());
    body[91 - 36] = 4;
    body[112 - 36..116 - 36].copy_from_slice(&(1u32 << 8 | 1 << 10).to_le_bytes());
    body[116 - 36..128 - 36].copy_from_slice(&[1, 8, 0, 1, 0xf9, 0x0c, 0, 0, 0, 0, 0, 0]);
    body[128 - 36] = 0xf;
    table(b"FACP", &body)
}

fn hpet() -> Vec<u8> {
    let mut body = vec![0u8; 20];
    body[8..16].copy_from_slice(&0xfed0_0000u64.to_le_bytes());
    table(b"HPET", &body)
}

#[test]
fn a_whole_machine() {
    let memory = machine(&[table(b"APIC", &madt_body()), hpet(), fadt()]);
    let (platform, result) = discover(&memory, BASE);
    assert_eq!((result, &platform.problems[..]), (Ok(()), &[][..]));
    let ids: Vec<_> = platform.cores.iter().map(|c| (c.apic_id, c.x2apic_entry, c.enabled)).collect();
    assert_eq!(ids, [(0, false, true), (1, false, true), (5, false, false), (0x1234, true, true)]);
    assert_eq!(platform.local_apic_address, 0xfee0_0000);
    assert_eq!(platform.io_apics, [IoApic { address: 0xfec0_0000, first_gsi: 0 }]);
    assert_eq!(platform.isa_route(0).gsi, 2);
    assert_eq!(platform.isa_route(9), IsaOverride { irq: 9, gsi: 9, active_low: true, level: true });
    assert_eq!(platform.isa_route(4).gsi, 4);
    assert_eq!(platform.hpet_address, Some(0xfed0_0000));
    assert_eq!(platform.pm_timer, Some(PmTimer { port: 0x608, is_32_bit: true }));
    assert_eq!(platform.reset, Some((0xcf9, 0xf)));
    assert_eq!(platform.tables.len(), 3);
}

#[test]
fn a_missing_madt_keeps_the_rest() {
    let (platform, result) = discover(&machine(&[hpet()]), BASE);
    assert_eq!((result, platform.hpet_address), (Err(AcpiError::NoMadt), Some(0xfed0_0000)));
}

#[test]
fn a_damaged_table_is_left_out_and_named() {
    let mut bad = hpet();
    bad[40] ^= 1;
    let (platform, result) = discover(&machine(&[bad, table(b"APIC", &madt_body())]), BASE);
    assert_eq!(result, Ok(()));
    assert_eq!(platform.problems, [Problem::Checksum { signature: Signature(*b"HPET") }]);
    assert_eq!(platform.hpet_address, None);
}

#[test]
fn an_entry_of_length_zero_ends_the_madt() {
    let mut body = madt_body();
    let at = 44 + 16;
    body.splice(24..24, [0, 0]);
    let (platform, result) = discover(&machine(&[table(b"APIC", &body)]), BASE);
    assert_eq!(result, Ok(()));
    assert_eq!(platform.cores.len(), 2);
    assert_eq!(platform.problems, [Problem::MadtCut { at }]);
}

#[test]
fn no_root_pointer() {
    assert_eq!(discover(&Fake(vec![0; 64]), BASE).1, Err(AcpiError::BadRootPointer(BASE)));
    assert_eq!(discover(&Fake(vec![]), u64::MAX).1, Err(AcpiError::BadRootPointer(u64::MAX)));
}

proptest! {
    /// Damage anywhere, with checksums put right again so that it gets deep: never a panic, never a read outside.
    #[test]
    fn damaged_tables_are_survived(damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), fix in any::<bool>()) {
        let mut madt = table(b"APIC", &madt_body());
        for (at, byte) in &damage {
            let at = at.index(madt.len());
            madt[at] = *byte;
        }
        if fix {
            fix_checksum(&mut madt, 9);
        }
        let mut memory = machine(&[madt, hpet(), fadt()]);
        let _ = discover(&memory, BASE);
        for (at, byte) in damage {
            let at = at.index(memory.0.len());
            memory.0[at] = byte;
        }
        let _ = discover(&memory, BASE);
    }

    #[test]
    fn any_memory_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<u64>()) {
        let _ = discover(&Fake(bytes.clone()), at);
        let _ = discover(&Fake(bytes), BASE);
    }
}
