//! Memory from nothing and back: allocate pages and frames, zero, map, touch, unmap, shoot down, free.
//!
//! Everything that makes it safe is inside: fresh memory comes zeroed, the old translation is gone from every
//! core before the frame is free again.

use crate::meter::{Meter, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use frame_allocator::Frames;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new(
        "map_4k",
        "map a zeroed 4 KiB page with its frame, write to it, unmap it on all cores, free both",
        |context| map(context, 1_000, PAGE_SIZE),
    )
    .subtracted(SUBTRACTED),
    Bench::new(
        "map_given",
        "map a given frame of 4 KiB at a page of its own, write to it, unmap it on all cores and take the frame back",
        map_given,
    )
    .subtracted(SUBTRACTED),
    Bench::new(
        "map_1m",
        "map 1 MiB in zeroed 4 KiB pages, write to each of the 256, unmap it on all cores, free all",
        |context| map(context, 200, 1 << 20),
    )
    .subtracted(SUBTRACTED),
];

fn map(context: &mut BenchContext, samples: usize, bytes: usize) -> Result<(), BenchError> {
    Meter::new(samples).run(context, || {
        let mut memory = MappedPages::allocate(bytes, Permissions::ReadWrite).map_err(BenchError::failed)?;
        touch(&mut memory)?;
        // Dropping what comes out of it frees pages and frames.
        memory.unmap().map(drop).map_err(BenchError::failed)
    })
}

/// The frame is not zeroed: it keeps what it holds.
fn map_given(context: &mut BenchContext) -> Result<(), BenchError> {
    let mut frame = Some(frame_allocator::allocate(1, 1).map_err(BenchError::failed)?);
    Meter::new(1_000).run(context, || {
        let given: Frames =
            frame.take().ok_or_else(|| BenchError::failed("the frame did not come back from the mapping"))?;
        let mut memory = MappedPages::map(given, Permissions::ReadWrite).map_err(BenchError::failed)?;
        touch(&mut memory)?;
        let flushed = memory.unmap().map_err(BenchError::failed)?;
        drop(flushed.release(|back| frame = Some(back)));
        Ok::<(), BenchError>(())
    })
}

/// Writes a byte to each page.
fn touch(memory: &mut MappedPages) -> Result<(), BenchError> {
    let bytes = black_box(memory.bytes_mut().map_err(BenchError::failed)?);
    for page in bytes.chunks_mut(PAGE_SIZE) {
        if let Some(first) = page.first_mut() {
            *first = 1;
        }
    }
    black_box(bytes);
    Ok(())
}
