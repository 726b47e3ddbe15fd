//! A page of memory from nothing and back: allocate page and frame, zero, map, touch, unmap, shoot down,
//! free.
//!
//! Everything that makes it safe is inside: the page comes zeroed, the old translation is gone from every
//! core before the frame is free again.

use crate::meter::{Meter, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "map_4k",
    "map a zeroed 4 KiB page with its frame, write to it, unmap it on all cores, free both",
    map_4k,
)
.subtracted(SUBTRACTED)];

fn map_4k(context: &mut BenchContext) -> Result<(), BenchError> {
    Meter::new(1_000).run(context, || {
        let mut page =
            MappedPages::allocate(PAGE_SIZE, Permissions::ReadWrite).map_err(BenchError::failed)?;
        black_box(page.bytes_mut().map_err(BenchError::failed)?)[0] = 1;
        // Dropping what comes out of it frees the page and the frame.
        page.unmap().map(drop).map_err(BenchError::failed)
    })
}
