//! The two loads by which heaps are compared, over whatever heap: threadtest and shbench, as Theseus and many others run
//! them, with one thread.
//!
//! They are apart from the benchmarks that run them so that Keel's heap and its rivals get the very same work, draw for
//! draw. What is timed is the work on blocks; the arrays that hold them meanwhile are made before.
//!
//! ```text
//!   threadtest  100,000 blocks of 8 bytes are allocated and written to, then freed in the same order
//!   shbench     19,300 blocks of 1 to 1000 bytes; each is put into one of 256 slots, drawn at random, and what was
//!               in the slot is freed before; in the end all slots are emptied
//! ```
//! The draws of shbench are a linear congruential generator's (Numerical Recipes' constants) that begins anew in each
//! sample: bits 8 to 15 choose the slot, the upper 16 the size.

use crate::meter;
use alloc::{boxed::Box, vec::Vec};
use cell_api::{BenchContext, BenchError};
use core::hint::black_box;

/// Where blocks come from. Implementations write to each block, so that its first use is part of the load.
pub(crate) trait Heap {
    /// A block of 8 bytes.
    type Word;
    /// A block of a size that is known at run time alone.
    type Block;

    /// Allocates 8 bytes, aligned to 8, and writes to them.
    ///
    /// # Errors
    /// If the heap is full.
    fn allocate_word(&self) -> Result<Self::Word, BenchError>;

    /// Frees them.
    fn free_word(&self, word: Self::Word);

    /// Allocates `bytes` bytes (not 0) and writes to the first.
    ///
    /// # Errors
    /// If the heap is full.
    fn allocate(&self, bytes: usize) -> Result<Self::Block, BenchError>;

    /// Frees them.
    fn free(&self, block: Self::Block);
}

/// The kernel heap, asked as kernel code asks it. When it is full it ends the task, as it would end any other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KernelHeap;

impl Heap for KernelHeap {
    type Word = Box<[u64; 1]>;
    type Block = Vec<u8>;

    #[inline]
    fn allocate_word(&self) -> Result<Self::Word, BenchError> {
        Ok(black_box(Box::new([1])))
    }

    #[inline]
    fn free_word(&self, word: Self::Word) {
        drop(word);
    }

    #[inline]
    fn allocate(&self, bytes: usize) -> Result<Self::Block, BenchError> {
        let mut block = Vec::with_capacity(bytes);
        block.push(1);
        Ok(black_box(block))
    }

    #[inline]
    fn free(&self, block: Self::Block) {
        drop(block);
    }
}

/// Blocks that threadtest holds at once.
pub(crate) const THREADTEST_BLOCKS: usize = 100_000;
/// Blocks behind one sample of threadtest: those of a whole round take too long for one.
const PART: usize = THREADTEST_BLOCKS / 10;
/// Samples of threadtest unless the caller wants another number: five rounds.
const THREADTEST_SAMPLES: usize = 50;

/// Blocks that one sample of shbench allocates.
pub(crate) const SHBENCH_BLOCKS: usize = 19_300;
/// Slots of shbench, each for one block.
const SLOTS: usize = 256;
/// The largest block of shbench, in bytes.
const LARGEST: u32 = 1_000;
/// Where shbench's draws begin.
const SEED: u32 = 12_345;
/// Samples of shbench unless the caller wants another number.
const SHBENCH_SAMPLES: usize = 20;

/// How the overhead that both loads take out is described.
pub(crate) const SUBTRACTED: &str =
    "the TSC readings: fastest of 32 empty pairs, same run; the loops stay in";

/// Records samples of threadtest: cycles per block allocated and freed, a sample for each tenth of a round's blocks. The
/// first round does not count.
///
/// # Errors
/// If the heap is full.
pub(crate) fn threadtest<H: Heap>(context: &mut BenchContext, heap: &H) -> Result<(), BenchError> {
    let samples = context.samples_wanted(THREADTEST_SAMPLES);
    // Allocating and freeing are timed apart, so there are two pairs.
    let overhead = 2 * meter::overhead(0);
    let mut words = Vec::with_capacity(THREADTEST_BLOCKS);
    let mut cycles = [0; THREADTEST_BLOCKS / PART];
    threadtest_round(heap, &mut words, &mut cycles)?;
    let mut left = samples;
    while left > 0 {
        meter::kill_point();
        threadtest_round(heap, &mut words, &mut cycles)?;
        for &cycles in cycles.iter().take(left) {
            context.record_batch(cycles, overhead, PART as u64);
        }
        left = left.saturating_sub(cycles.len());
    }
    Ok(())
}

/// One round; `cycles` gets what each tenth of the blocks took.
fn threadtest_round<H: Heap>(
    heap: &H,
    words: &mut Vec<H::Word>,
    cycles: &mut [u64; THREADTEST_BLOCKS / PART],
) -> Result<(), BenchError> {
    for cycles in cycles.iter_mut() {
        let start = clock::now_ticks_fenced();
        for _ in 0..PART {
            words.push(heap.allocate_word()?);
        }
        *cycles = clock::now_ticks_fenced().wrapping_sub(start);
    }
    let mut words = words.drain(..);
    for cycles in cycles.iter_mut() {
        let start = clock::now_ticks_fenced();
        for word in words.by_ref().take(PART) {
            heap.free_word(word);
        }
        *cycles += clock::now_ticks_fenced().wrapping_sub(start);
    }
    match words.len() {
        0 => Ok(()),
        left => Err(BenchError::failed(format_args!("{left} blocks of threadtest were not freed"))),
    }
}

/// Records samples of shbench: cycles per block allocated and freed. The first rounds do not count.
///
/// # Errors
/// If the heap is full.
pub(crate) fn shbench<H: Heap>(context: &mut BenchContext, heap: &H) -> Result<(), BenchError> {
    const WARM_UP: usize = 2;
    let samples = context.samples_wanted(SHBENCH_SAMPLES);
    let overhead = meter::overhead(0);
    let mut slots: Vec<Option<H::Block>> = (0..SLOTS).map(|_| None).collect();
    for sample in 0..WARM_UP + samples {
        meter::kill_point();
        let start = clock::now_ticks_fenced();
        shbench_round(heap, &mut slots)?;
        let cycles = clock::now_ticks_fenced().wrapping_sub(start);
        if sample >= WARM_UP {
            context.record_batch(cycles, overhead, SHBENCH_BLOCKS as u64);
        }
    }
    Ok(())
}

fn shbench_round<H: Heap>(heap: &H, slots: &mut [Option<H::Block>]) -> Result<(), BenchError> {
    let mut draws = SEED;
    for _ in 0..SHBENCH_BLOCKS {
        draws = next_draw(draws);
        let (slot, bytes) = slot_and_size(draws);
        // There are as many slots as draws can name.
        if let Some(slot) = slots.get_mut(slot) {
            if let Some(block) = slot.take() {
                heap.free(block);
            }
            *slot = Some(heap.allocate(bytes)?);
        }
    }
    for block in slots.iter_mut().filter_map(Option::take) {
        heap.free(block);
    }
    Ok(())
}

/// The next draw.
fn next_draw(draws: u32) -> u32 {
    draws.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)
}

/// The slot that a draw names, below [`SLOTS`], and the size of the block that goes there, in bytes.
fn slot_and_size(draws: u32) -> (usize, usize) {
    ((draws >> 8) as usize % SLOTS, (1 + (draws >> 16) % LARGEST) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use core_local::CoreSet;

    /// Counts, and checks what is asked of it.
    #[derive(Default)]
    struct Counting {
        live: Cell<usize>,
        most: Cell<usize>,
        allocated: Cell<usize>,
        sizes: Cell<(usize, usize)>,
        room: Option<usize>,
    }

    impl Counting {
        fn take(&self, bytes: usize) -> Result<usize, BenchError> {
            if self.room == Some(self.live.get()) {
                return Err(BenchError::failed("full"));
            }
            self.live.set(self.live.get() + 1);
            self.most.set(self.most.get().max(self.live.get()));
            self.allocated.set(self.allocated.get() + 1);
            let (least, most) = self.sizes.get();
            self.sizes.set((if least == 0 { bytes } else { least.min(bytes) }, most.max(bytes)));
            Ok(bytes)
        }
    }

    impl Heap for Counting {
        type Word = usize;
        type Block = usize;
        fn allocate_word(&self) -> Result<usize, BenchError> {
            self.take(8)
        }
        fn free_word(&self, _: usize) {
            self.live.set(self.live.get() - 1);
        }
        fn allocate(&self, bytes: usize) -> Result<usize, BenchError> {
            self.take(bytes)
        }
        fn free(&self, _: usize) {
            self.live.set(self.live.get() - 1);
        }
    }

    fn context(samples: usize) -> BenchContext {
        BenchContext::new(samples, CoreSet::default())
    }

    #[test]
    fn threadtest_holds_all_its_blocks_and_frees_them() {
        let (mut context, heap) = (context(13), Counting::default());
        threadtest(&mut context, &heap).expect("there is room");
        assert_eq!((context.samples().len(), context.operations()), (13, 13 * PART as u64));
        assert_eq!((heap.live.get(), heap.most.get()), (0, THREADTEST_BLOCKS));
        assert_eq!(heap.allocated.get(), 3 * THREADTEST_BLOCKS, "a warm-up and two rounds");
        assert_eq!(heap.sizes.get(), (8, 8));
    }

    #[test]
    fn shbench_uses_all_slots_and_sizes_and_frees_everything() {
        let (mut context, heap) = (context(3), Counting::default());
        shbench(&mut context, &heap).expect("there is room");
        assert_eq!((context.samples().len(), context.operations()), (3, 3 * SHBENCH_BLOCKS as u64));
        assert_eq!((heap.live.get(), heap.most.get()), (0, SLOTS));
        assert_eq!(heap.allocated.get(), 5 * SHBENCH_BLOCKS);
        assert_eq!(heap.sizes.get(), (1, 1_000));
    }

    #[test]
    fn the_draws_are_those_that_the_peers_use() {
        let first = next_draw(SEED);
        assert_eq!(first, 12_345u32.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        assert_eq!(slot_and_size(0xffff_ff00), (255, 1 + 65_535 % 1_000));
        assert_eq!(slot_and_size(0x03e7_00ff), (0, 1_000));
    }

    #[test]
    fn a_full_heap_is_an_error() {
        let heap = Counting { room: Some(100), ..Counting::default() };
        let full = Err(BenchError::Failed("full".into()));
        assert_eq!(threadtest(&mut context(1), &heap), full);
        let heap = Counting { room: Some(100), ..Counting::default() };
        assert_eq!(shbench(&mut context(1), &heap), full);
    }
}
