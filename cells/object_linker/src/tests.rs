//! The unwind table's framing; whole objects are tested in `tests/`.

use crate::{LinkError, eh_frame};
use alloc::{vec, vec::Vec};

fn record(length: u32, id: u32, extra: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&id.to_le_bytes());
    bytes.resize(8 + extra, 0);
    bytes
}

fn reason(table: &[u8]) -> Option<&'static str> {
    match eh_frame::check(table) {
        Err(LinkError::BadEhFrame(_, why)) => Some(why),
        _ => None,
    }
}

#[test]
fn well_framed_tables_pass() {
    let mut table = record(12, 0, 8);
    table.extend(record(12, 20, 8));
    assert_eq!(eh_frame::check(&table), Ok(()));
    assert_eq!(eh_frame::check(&[]), Ok(()));
}

#[test]
fn badly_framed_tables_are_named() {
    let cie = record(12, 0, 8);
    assert_eq!(reason(&[0, 0]), Some("is cut short"));
    assert_eq!(reason(&record(13, 0, 8)), Some("has a length that leads outside"));
    assert_eq!(reason(&record(u32::MAX, 0, 8)), Some("has a 64-bit length, which no compiler emits"));
    assert_eq!(reason(&[cie.clone(), vec![0; 4]].concat()), Some("ends in the middle (a zero length)"));
    assert_eq!(reason(&[cie.clone(), record(12, 21, 8)].concat()), Some("refers to a CIE before the table"));
    assert_eq!(reason(&[cie, record(12, 8, 8)].concat()), Some("refers to a CIE that is none"));
}
