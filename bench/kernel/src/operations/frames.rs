//! One frame of physical memory from a baseline: the buddy allocator behind a spin lock, where `frame` asks Keel's.
//!
//! It is measured at its best: the frame's buddy is in use, so there is nothing to halve and nothing to join, and
//! nobody else wants the lock.

use crate::meter::{Meter, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use locked_buddy::LockedBuddy;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "frame_locked_buddy",
    "allocate a frame of 4 KiB from a spin-locked buddy allocator that has one, and free it",
    frame_locked_buddy,
)
.subtracted(SUBTRACTED)];

/// The run that the buddy allocator gets: 4 MiB.
const FRAMES: usize = 1024;

fn frame_locked_buddy(context: &mut BenchContext) -> Result<(), BenchError> {
    let frames = frame_allocator::allocate(FRAMES, FRAMES).map_err(BenchError::failed)?;
    let buddy = LockedBuddy::new(frames);
    let full = || BenchError::failed("the buddy allocator says that it is full, and it is not");
    // Never freed: with the allocator all its frames go back.
    buddy.allocate(0).ok_or_else(full)?;
    Meter::new(1_000).run(context, || {
        let frame = buddy.allocate(0).ok_or_else(full)?;
        buddy.free(black_box(frame)).map_err(BenchError::failed)
    })?;
    match buddy.free_frames() {
        left if left == FRAMES - 1 => Ok(()),
        left => Err(BenchError::failed(format_args!("{left} frames are free that were {}", FRAMES - 1))),
    }
}
