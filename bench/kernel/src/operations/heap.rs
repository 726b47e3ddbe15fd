//! The kernel heap: allocate a block of one size and free it at once, by the task that allocated it.
//!
//! Asked for through `Vec`, as kernel code does, so the figure contains what the global allocator's interface
//! costs.

use crate::meter::{Meter, SUBTRACTED};
use alloc::vec::Vec;
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;

/// `alloc_8`
pub(crate) const ALLOC_8: Bench = bench("alloc_8", "allocate and free 8 bytes of heap", run::<8>);
/// `alloc_64`
pub(crate) const ALLOC_64: Bench = bench("alloc_64", "allocate and free 64 bytes of heap", run::<64>);
/// `alloc_512`
pub(crate) const ALLOC_512: Bench = bench("alloc_512", "allocate and free 512 bytes of heap", run::<512>);
/// `alloc_4096`
pub(crate) const ALLOC_4096: Bench = bench("alloc_4096", "allocate and free 4 KiB of heap", run::<4096>);
/// `alloc_65536`
pub(crate) const ALLOC_65536: Bench = bench("alloc_65536", "allocate and free 64 KiB of heap", run::<65536>);

const fn bench(
    name: &'static str,
    what: &'static str,
    run: fn(&mut BenchContext) -> Result<(), BenchError>,
) -> Bench {
    Bench { name, unit: "cycles", what, subtracted: SUBTRACTED, run }
}

fn run<const BYTES: usize>(context: &mut BenchContext) -> Result<(), BenchError> {
    Meter::new(1_000).run(context, || {
        let mut block: Vec<u8> = Vec::new();
        // Fallible, so that a full heap is an error of the benchmark and not the end of the task.
        let result = block.try_reserve_exact(BYTES);
        // The compiler may leave an allocation out that nobody looks at.
        black_box(block.as_mut_ptr());
        result
    })
}
