//! From the root pointer to the list of tables. Safe code over a bounds-checked window.

use crate::{AcpiError, Memory, Problem, Signature, Table};
use alloc::vec::Vec;

/// Length of the header that every table begins with (ACPI 6.5, table 5.4).
pub const HEADER: usize = 36;
/// Real machines have some tens.
const MAX_TABLES: usize = 256;

fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)) == 0
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// All bytes of the table at `address`, if it lies in memory.
fn table_bytes(memory: &impl Memory, address: u64) -> Option<&[u8]> {
    let length = number(memory.bytes(address, HEADER)?.get(4..8)?) as usize;
    if length < HEADER {
        return None;
    }
    memory.bytes(address, length)
}

/// Where the root table is, and the size of its entries (ACPI 6.5, §5.2.5.3).
fn root_table(memory: &impl Memory, at: u64) -> Option<(u64, usize)> {
    let first = memory.bytes(at, 20)?;
    if !first.starts_with(b"RSD PTR ") || !sums_to_zero(first) {
        return None;
    }
    if first[15] >= 2 {
        // The extended part: its own checksum, and a 64-bit address.
        let whole = memory.bytes(at, 36)?;
        let xsdt = number(&whole[24..32]);
        if sums_to_zero(whole) && xsdt != 0 {
            return Some((xsdt, 8));
        }
    }
    Some((number(&first[16..20]), 4))
}

/// Lists the tables whose bounds and checksums are right; what is wrong goes to `problems`.
pub fn tables(
    memory: &impl Memory,
    pointer: u64,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Table>, AcpiError> {
    let (root, entry_size) = root_table(memory, pointer).ok_or(AcpiError::BadRootPointer(pointer))?;
    let bytes = table_bytes(memory, root)
        .filter(|bytes| matches!(&bytes[..4], b"RSDT" | b"XSDT") && sums_to_zero(bytes))
        .ok_or(AcpiError::BadRootTable(root))?;
    let mut found = Vec::new();
    for (index, entry) in bytes[HEADER..].chunks_exact(entry_size).enumerate() {
        if index == MAX_TABLES {
            problems.push(Problem::TooMany);
            break;
        }
        let address = number(entry);
        let Some(table) = table_bytes(memory, address) else {
            problems.push(Problem::Unreadable { address });
            continue;
        };
        let signature = Signature([table[0], table[1], table[2], table[3]]);
        if sums_to_zero(table) {
            found.push(Table { signature, revision: table[8], address, length: table.len() as u32 });
        } else {
            problems.push(Problem::Checksum { signature });
        }
    }
    Ok(found)
}
