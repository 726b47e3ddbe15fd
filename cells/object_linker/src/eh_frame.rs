//! A check that an unwind table is at least well framed.
//!
//! The unwinder walks the table from record to record. A length that leads outside, or a zero in the middle (which
//! ends the table early), would make it miss frames or leave the cell, so these are refused before the table is registered.
//! What the records *say* is believed, like the code: the unwinder reads them from memory without a bound but the lengths that are
//! checked here. Format: LSB 5.0, "Exception Frames".

use crate::error::LinkError;

/// Checks one `.eh_frame` section; an optional terminator at its end is not allowed, the layout adds one.
pub(crate) fn check(table: &[u8]) -> Result<(), LinkError> {
    let mut at = 0;
    while at < table.len() {
        let word = |offset: usize| Some(u32::from_le_bytes(*table.get(offset..)?.first_chunk()?));
        let bad = |why| LinkError::BadEhFrame(at, why);
        let length = word(at).ok_or_else(|| bad("is cut short"))?;
        if length == 0 {
            return Err(bad("ends in the middle (a zero length)"));
        }
        if length == u32::MAX {
            return Err(bad("has a 64-bit length, which no compiler emits"));
        }
        let body = at + 4;
        let end = body.checked_add(length as usize).filter(|&end| length >= 4 && end <= table.len());
        let end = end.ok_or_else(|| bad("has a length that leads outside"))?;
        // Zero marks a CIE; any other value is the distance back to one.
        let back = word(body).ok_or_else(|| bad("is cut short"))? as usize;
        if back != 0 {
            let cie = body.checked_sub(back).ok_or_else(|| bad("refers to a CIE before the table"))?;
            if word(cie + 4) != Some(0) {
                return Err(bad("refers to a CIE that is none"));
            }
        }
        at = end;
    }
    Ok(())
}
