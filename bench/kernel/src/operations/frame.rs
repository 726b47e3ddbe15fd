//! One frame of physical memory: allocate it and free it at once, on the core that allocated it. It is not zeroed and not
//! mapped.

use crate::meter::{Meter, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] =
    &[Bench::new("frame", "allocate a frame of 4 KiB and free it", frame).subtracted(SUBTRACTED)];

fn frame(context: &mut BenchContext) -> Result<(), BenchError> {
    Meter::new(1_000).run(context, || frame_allocator::allocate(1, 1).map(|frame| drop(black_box(frame))))
}
