//! A change of what may be done with a page of memory, on every core: read-only, and read-write again.
//!
//! A change that takes a right away is shot down on the other cores; so is one that gives a right, since a core that has
//! not heard of it would fault. (How dear that is with all cores at work is the row `protect_all`.)

use crate::meter::{Meter, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "protect",
    "change the permission of 4 KiB, read-only and read-write in turn: one of the two",
    protect,
)
.subtracted(SUBTRACTED)];

/// In one round there are two.
const CHANGES_PER_ROUND: u64 = 2;

fn protect(context: &mut BenchContext) -> Result<(), BenchError> {
    let mut memory = MappedPages::allocate(PAGE_SIZE, Permissions::ReadWrite).map_err(BenchError::failed)?;
    memory.bytes_mut().map_err(BenchError::failed)?.fill(1);
    Meter::new(500).operations_per_round(CHANGES_PER_ROUND).run(context, || {
        memory.protect(Permissions::ReadOnly)?;
        memory.protect(Permissions::ReadWrite)
    })?;
    // It is writable again, and holds what it held.
    match black_box(memory.bytes_mut().map_err(BenchError::failed)?).first() {
        Some(1) => Ok(()),
        _ => Err(BenchError::failed("the page lost its contents while its permission changed")),
    }
}
