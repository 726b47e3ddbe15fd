//! threadtest and shbench over other heaps than the kernel's own: the very same loads ([`crate::heap_load`]).
//!
//! - `locked_list`: a baseline, one list of free blocks behind a spin lock, first fit (crate `list_heap`).
//! - `safe`, `partly_safe`, `unsafe`: the three variants of Keel's own heap, which tell what safety costs. They are not
//!   there yet.
//!
//! The samples are those of `threadtest` and `shbench`.

use crate::heap_load::{self, Heap, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use core::mem::MaybeUninit;
use list_heap::{ListBox, ListBytes, ListHeap};
use mapped_pages::MappedPages;
use memory_types::Permissions;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    bench("threadtest_locked_list", "threadtest over a first-fit list behind a spin lock", |context| {
        with_list_heap(|heap| heap_load::threadtest(context, &heap))
    }),
    bench("threadtest_safe", "threadtest over the heap in safe Rust", no_variants),
    bench("threadtest_partly_safe", "threadtest over the heap that trusts its bookkeeping", no_variants),
    bench("threadtest_unsafe", "threadtest over the heap without checks", no_variants),
    bench("shbench_locked_list", "shbench over a first-fit list behind a spin lock", |context| {
        with_list_heap(|heap| heap_load::shbench(context, &heap))
    }),
    bench("shbench_safe", "shbench over the heap in safe Rust", no_variants),
    bench("shbench_partly_safe", "shbench over the heap that trusts its bookkeeping", no_variants),
    bench("shbench_unsafe", "shbench over the heap without checks", no_variants),
];

const fn bench(
    name: &'static str,
    what: &'static str,
    run: fn(&mut BenchContext) -> Result<(), BenchError>,
) -> Bench {
    Bench::new(name, what, run).subtracted(SUBTRACTED)
}

fn no_variants(_: &mut BenchContext) -> Result<(), BenchError> {
    Err(BenchError::NotYet(
        "the memory manager has one heap, without the safe, partly safe and unsafe variants to compare",
    ))
}

/// The memory of the list heap: more than twice what either load holds at once (100,000 blocks of at least 16 bytes).
const BYTES: usize = 4 << 20;

/// Runs a load over a list heap of its own, and sees that it leaves nothing behind.
fn with_list_heap(load: impl FnOnce(&ListHeap) -> Result<(), BenchError>) -> Result<(), BenchError> {
    let memory = MappedPages::allocate(BYTES, Permissions::ReadWrite).map_err(BenchError::failed)?;
    let heap = ListHeap::new(memory).map_err(BenchError::failed)?;
    load(&heap)?;
    match heap.used() {
        0 => Ok(()),
        left => Err(BenchError::failed(format_args!("the load left {left} bytes in use"))),
    }
}

impl<'h> Heap for &'h ListHeap {
    type Word = ListBox<'h, [u64; 1]>;
    type Block = ListBytes<'h>;

    #[inline]
    fn allocate_word(&self) -> Result<Self::Word, BenchError> {
        ListHeap::allocate(self, [1]).map(black_box).map_err(BenchError::failed)
    }

    #[inline]
    fn free_word(&self, word: Self::Word) {
        drop(word);
    }

    #[inline]
    fn allocate(&self, bytes: usize) -> Result<Self::Block, BenchError> {
        let mut block = self.allocate_bytes(bytes).map_err(BenchError::failed)?;
        if let Some(first) = block.first_mut() {
            *first = MaybeUninit::new(1);
        }
        Ok(black_box(block))
    }

    #[inline]
    fn free(&self, block: Self::Block) {
        drop(block);
    }
}
