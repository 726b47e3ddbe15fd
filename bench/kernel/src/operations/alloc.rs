//! The kernel heap: allocate a block of one size and free it at once, by the task that allocated it.
//!
//! Asked for through `Box`, as kernel code does: the call of the global allocator and the check of what it
//! returned are part of the figure. A heap that is full ends the task, as it would end any other.

use crate::meter::{Meter, SUBTRACTED};
use alloc::boxed::Box;
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    bench("alloc_8", "allocate and free 8 bytes of heap", run::<[u64; 1]>),
    bench("alloc_64", "allocate and free 64 bytes of heap", run::<[u64; 8]>),
    bench("alloc_512", "allocate and free 512 bytes of heap", run::<[u64; 64]>),
    bench("alloc_4096", "allocate and free 4 KiB of heap", run::<[u64; 512]>),
    bench("alloc_65536", "allocate and free 64 KiB of heap", run::<[u64; 8192]>),
];

const fn bench(
    name: &'static str,
    what: &'static str,
    run: fn(&mut BenchContext) -> Result<(), BenchError>,
) -> Bench {
    Bench::new(name, what, run).subtracted(SUBTRACTED)
}

fn run<T>(context: &mut BenchContext) -> Result<(), BenchError> {
    Meter::new(1_000).run_sure(context, || {
        // Not initialized: that is no part of the allocation. The compiler may leave an allocation out that
        // nobody looks at.
        black_box(Box::<T>::new_uninit().as_mut_ptr());
    })
}
