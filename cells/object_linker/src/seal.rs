//! The seal of an object file: the `hash=` line of its manifest.
//!
//! It covers the whole file, with its own sixteen digits taken as zeroes, so that a flipped bit anywhere is found before
//! any of the code runs. It is no signature.

use crate::error::SealError;
use crate::object::Object;
use core::ops::Range;
use symbol_map::{HASH_PLACEHOLDER, Manifest, parse_hash};
use xxhash_rust::xxh64::Xxh64;

/// Where the digits are in the file.
fn digits(object: &[u8]) -> Result<Range<usize>, SealError> {
    let parsed = Object::parse(object)?;
    let section = parsed.manifest()?;
    let inside = Manifest::hash_offset(section).ok_or(SealError::NoHash)?;
    let header = parsed.sections.iter().find(|s| s.name == symbol_map::MANIFEST_SECTION).map(|s| s.header);
    let start = header.and_then(|h| usize::try_from(h.sh_offset).ok()).ok_or(SealError::NoHash)? + inside;
    Ok(start..start + HASH_PLACEHOLDER.len())
}

fn hash_without(object: &[u8], digits: &Range<usize>) -> u64 {
    let mut hasher = Xxh64::new(0);
    hasher.update(object.get(..digits.start).unwrap_or_default());
    hasher.update(HASH_PLACEHOLDER.as_bytes());
    hasher.update(object.get(digits.end..).unwrap_or_default());
    hasher.digest()
}

/// Writes the hash of `object` into its manifest, which must have a `hash=` line of sixteen digits, and returns it. The host
/// tool calls this as the last step of building a cell. Sealing twice gives the same bytes.
///
/// # Errors
/// [`SealError`] if there is no manifest or no such line.
pub fn seal(object: &mut [u8]) -> Result<u64, SealError> {
    let digits = digits(object)?;
    let hash = hash_without(object, &digits);
    let text = alloc::format!("{hash:016x}");
    object.get_mut(digits).ok_or(SealError::NoHash)?.copy_from_slice(text.as_bytes());
    Ok(hash)
}

/// Checks the seal of `object` and returns its hash.
///
/// # Errors
/// [`SealError::Broken`] if the file is not the one that was sealed.
pub fn verify_seal(object: &[u8]) -> Result<u64, SealError> {
    let digits = digits(object)?;
    let is = hash_without(object, &digits);
    let text = object.get(digits).and_then(|d| core::str::from_utf8(d).ok());
    let says = text.and_then(parse_hash).ok_or(SealError::NoHash)?;
    if says == is { Ok(is) } else { Err(SealError::Broken(says, is)) }
}
