//! shbench, MicroQuill's, with one thread over the kernel heap. What it does is in [`crate::heap_load`].
//!
//! A sample is a round of 19,300 blocks: `--samples 1000` is Theseus's thousand rounds, ten times as many its ten tries.

use crate::heap_load::{self, KernelHeap, SUBTRACTED};
use cell_api::Bench;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "shbench",
    "allocate 19,300 blocks of 1 to 1000 bytes of heap, each freed when its slot of 256 is drawn again: one of them",
    |context| heap_load::shbench(context, &KernelHeap),
)
.subtracted(SUBTRACTED)];
