//! threadtest, Hoard's, with one thread over the kernel heap. What it does is in [`crate::heap_load`].
//!
//! A sample is a tenth of a round's 100,000 blocks: `--samples 10000` is Theseus's thousand rounds, ten times as many its
//! ten tries.

use crate::heap_load::{self, KernelHeap, SUBTRACTED};
use cell_api::Bench;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "threadtest",
    "allocate 100,000 blocks of 8 bytes of heap and write to each, then free them in order: one of them",
    |context| heap_load::threadtest(context, &KernelHeap),
)
.subtracted(SUBTRACTED)];
