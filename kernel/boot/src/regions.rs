//! Turns a loader's memory map into the one that the kernel is given: usable memory less what is in use.
//!
//! The input may be unsorted and may overlap; zero-length and wrapping entries are dropped. Where a reserved range overlaps a
//! usable one, reserved wins. All of it works in a caller's fixed array, since there is no heap yet.

use bootloader_api::info::{MemoryRegion, MemoryRegionKind};
use core::fmt;

/// The result does not fit into the array that was given.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TooManyRegions;

impl fmt::Display for TooManyRegions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the loader's memory map has too many pieces")
    }
}

/// Cuts `reserved` (start, end) out of the usable entries of `map`, and writes what is left, followed by the reserved
/// ranges (as `Bootloader`) and the entries that were not usable, to `out`. Returns how many it wrote.
///
/// # Errors
/// [`TooManyRegions`] if `out` is too small.
pub fn carve(
    map: impl Iterator<Item = MemoryRegion>,
    reserved: &[(u64, u64)],
    out: &mut [MemoryRegion],
) -> Result<usize, TooManyRegions> {
    let mut written = 0;
    let mut push = |region: MemoryRegion| {
        *out.get_mut(written).ok_or(TooManyRegions)? = region;
        written += 1;
        Ok(())
    };
    for entry in map.filter(|entry| entry.start < entry.end) {
        if entry.kind != MemoryRegionKind::Usable {
            push(entry)?;
            continue;
        }
        let mut start = entry.start;
        while start < entry.end {
            // The first reserved range that still touches what is left decides how far the next piece goes.
            let next = reserved
                .iter()
                .filter(|(from, to)| from < to && *to > start && *from < entry.end)
                .min_by_key(|(from, _)| *from);
            let end = next.map_or(entry.end, |(from, _)| *from);
            if start < end {
                push(MemoryRegion { start, end, kind: MemoryRegionKind::Usable })?;
            }
            start = next.map_or(entry.end, |(_, to)| *to);
        }
    }
    for &(start, end) in reserved.iter().filter(|(from, to)| from < to) {
        push(MemoryRegion { start, end, kind: MemoryRegionKind::Bootloader })?;
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn usable(start: u64, end: u64) -> MemoryRegion {
        MemoryRegion { start, end, kind: MemoryRegionKind::Usable }
    }

    #[test]
    fn a_reserved_range_splits_a_usable_one() {
        let mut out = [MemoryRegion::empty(); 8];
        let n = carve([usable(0, 100)].into_iter(), &[(40, 60)], &mut out).unwrap();
        assert_eq!(n, 3);
        assert_eq!(out[..2], [usable(0, 40), usable(60, 100)]);
        assert_eq!((out[2].start, out[2].end, out[2].kind), (40, 60, MemoryRegionKind::Bootloader));
    }

    #[test]
    fn a_full_array_is_an_error() {
        let mut out = [MemoryRegion::empty(); 2];
        assert_eq!(carve([usable(0, 100)].into_iter(), &[(40, 60)], &mut out), Err(TooManyRegions));
    }

    proptest! {
        /// Byte by byte: usable afterwards is what was usable and not reserved.
        #[test]
        fn usable_is_what_was_usable_and_is_not_reserved(
            map in prop::collection::vec((0u64..64, 0u64..64), 0..6),
            reserved in prop::collection::vec((0u64..64, 0u64..64), 0..6),
        ) {
            let mut out = [MemoryRegion::empty(); 128];
            let n = carve(map.iter().map(|&(s, e)| usable(s, e)), &reserved, &mut out).unwrap();
            let inside = |ranges: &[(u64, u64)], at: u64| ranges.iter().any(|&(s, e)| s <= at && at < e);
            let left: Vec<(u64, u64)> = out[..n].iter().filter(|r| r.kind == MemoryRegionKind::Usable)
                .map(|r| (r.start, r.end)).collect();
            for at in 0..64 {
                prop_assert_eq!(inside(&left, at), inside(&map, at) && !inside(&reserved, at));
            }
        }
    }
}
