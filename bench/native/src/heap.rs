//! Blocks of heap: three classic loads for allocators that several threads use, and the allocators.
//!
//! | load | from | what it does |
//! |---|---|---|
//! | [`Load::Threadtest`] | Berger et al., *Hoard*, ASPLOS 2000 | many blocks of 8 bytes, all freed, and again |
//! | [`Load::Shbench`] | MicroQuill, *SmartHeap* | many blocks of 1 to 1000 bytes, freed in another order |
//! | [`Load::Larson`] | Larson and Krishnan, ISMM 1998 | a server: random blocks replaced, and handed on to other threads, who free them |
//!
//! The first two have the sizes that Theseus uses. Every block is stamped at both ends by its owner, who looks
//! again before it frees it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::Random;

/// Blocks that all threads of a threadtest together hold at once.
const THREADTEST_BLOCKS: usize = 100_000;
/// Blocks that a thread of shbench holds at once.
const SHBENCH_BLOCKS: usize = 19_300;
/// The largest block of shbench and larson, in bytes.
const LARGEST: usize = 1_000;
/// The smallest block of larson, in bytes.
const LARSON_SMALLEST: usize = 8;
/// Blocks in one set of larson.
const LARSON_BLOCKS: usize = 1_000;
/// After so many replacements a thread of larson hands its set on and takes another.
const LARSON_TURN: usize = 10_000;

/// An allocator that takes part. It lives as long as the program.
pub trait Heap: GlobalAlloc + Sync + 'static {}
impl<A: GlobalAlloc + Sync + 'static> Heap for A {}

/// The kernel's heap, on the simulated machine of `paging::host`: it grows by mapping frames there.
#[must_use]
pub fn keel() -> &'static heap::KernelHeap {
    paging::host::start();
    &heap::KernelHeap
}

/// The C library's.
#[must_use]
pub fn glibc() -> &'static System {
    &System
}

/// mimalloc.
#[cfg(feature = "mimalloc")]
#[must_use]
pub fn mimalloc() -> &'static mimalloc::MiMalloc {
    &mimalloc::MiMalloc
}

/// jemalloc.
#[cfg(feature = "jemalloc")]
#[must_use]
pub fn jemalloc() -> &'static tikv_jemallocator::Jemalloc {
    &tikv_jemallocator::Jemalloc
}

/// snmalloc.
#[cfg(feature = "snmalloc")]
#[must_use]
pub fn snmalloc() -> &'static snmalloc_rs::SnMalloc {
    &snmalloc_rs::SnMalloc
}

/// A block and the stamp that its owner put at its ends.
struct Block<A: Heap> {
    heap: &'static A,
    start: *mut u8,
    layout: Layout,
    stamp: u8,
}

// SAFETY: a block is owned memory, and the heap can be used from every thread.
unsafe impl<A: Heap> Send for Block<A> {}

impl<A: Heap> Block<A> {
    #[inline]
    fn new(heap: &'static A, size: usize, stamp: u8) -> Self {
        debug_assert!(size > 0);
        // As C's malloc promises, and what most Rust types need.
        let layout = Layout::from_size_align(size, 8).expect("sizes here are small");
        // SAFETY: no size here is 0.
        let start = unsafe { heap.alloc(layout) };
        assert!(!start.is_null(), "the heap has no {size} bytes more");
        // SAFETY: the block is ours alone and `size` bytes long, which is not 0.
        unsafe {
            start.write(stamp);
            start.add(size - 1).write(stamp);
        }
        Self { heap, start, layout, stamp }
    }
}

impl<A: Heap> Drop for Block<A> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the block is ours alone, and that long; both ends were written.
        let ends = unsafe { [self.start.read(), self.start.add(self.layout.size() - 1).read()] };
        if ends != [self.stamp; 2] {
            overwritten();
        }
        // SAFETY: it came from this heap with this layout, and is not used again.
        unsafe { self.heap.dealloc(self.start, self.layout) };
    }
}

#[cold]
fn overwritten() {
    // Not while it unwinds for this already.
    assert!(std::thread::panicking(), "a block was written to by somebody who does not own it");
}

/// What is done with a heap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Load {
    /// Allocate a hundred thousand blocks of 8 bytes (all threads together), free them in the same order, and again.
    Threadtest,
    /// Allocate 19,300 blocks of 1 to 1000 bytes, free every other one from the front, then the rest from the
    /// back, and again.
    Shbench,
    /// Replace a random one of 1000 blocks of 8 to 1000 bytes; after 10,000 replacements hand the set on and
    /// take the one that
    /// has waited longest.
    Larson,
}

impl Load {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Threadtest, Self::Shbench, Self::Larson];

    /// As in the name of a benchmark.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Threadtest => "threadtest",
            Self::Shbench => "shbench",
            Self::Larson => "larson",
        }
    }
}

/// Sets of larson that no thread works on.
struct Waiting<A: Heap>(Mutex<VecDeque<Vec<Block<A>>>>);

impl<A: Heap> Waiting<A> {
    /// Hands `set` on, for the one that has waited longest.
    fn exchange(&self, set: &mut Vec<Block<A>>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(std::mem::take(set));
        *set = waiting.pop_front().unwrap_or_default();
    }
}

/// A load on a number of threads.
pub struct Common<A: Heap> {
    heap: &'static A,
    load: Load,
    threads: usize,
    waiting: Waiting<A>,
}

/// One thread's part of it.
pub struct Part<A: Heap> {
    blocks: Vec<Block<A>>,
    random: Random,
    stamp: u8,
    /// Replacements since the last set was handed on.
    replaced: usize,
}

impl<A: Heap> Common<A> {
    /// The part that all `threads` share.
    #[must_use]
    pub fn new(heap: &'static A, load: Load, threads: usize) -> Self {
        Self { heap, load, threads, waiting: Waiting(Mutex::default()) }
    }

    /// What thread `index` begins with. For larson, two sets: the one it works on first, and one that waits.
    #[must_use]
    pub fn part(&self, index: usize) -> Part<A> {
        let mut part = Part {
            blocks: Vec::with_capacity(THREADTEST_BLOCKS.max(SHBENCH_BLOCKS)),
            random: Random::new(index as u64 + 1),
            stamp: index as u8,
            replaced: 0,
        };
        if self.load == Load::Larson {
            for _ in 0..2 {
                let fresh = (0..LARSON_BLOCKS).map(|_| self.larson_block(&mut part.random, part.stamp));
                let set = fresh.collect();
                let before = std::mem::replace(&mut part.blocks, set);
                if !before.is_empty() {
                    self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(before);
                }
            }
        }
        part
    }

    #[inline]
    fn larson_block(&self, random: &mut Random, stamp: u8) -> Block<A> {
        let size = LARSON_SMALLEST + random.below(LARGEST - LARSON_SMALLEST + 1);
        Block::new(self.heap, size, stamp)
    }

    /// One thread's part: `pairs` times allocate and free.
    ///
    /// # Panics
    /// If the heap is out of memory, or a block was written to by somebody else.
    pub fn work(&self, part: &mut Part<A>, pairs: u64) {
        // Another one in each sample; the low bits tell the threads apart.
        part.stamp = part.stamp.wrapping_add(16);
        match self.load {
            Load::Threadtest => self.rounds(part, pairs, THREADTEST_BLOCKS / self.threads, |_| 8, drain),
            Load::Shbench => {
                let size = |random: &mut Random| 1 + random.below(LARGEST);
                self.rounds(part, pairs, SHBENCH_BLOCKS, size, alternate);
            }
            Load::Larson => self.larson(part, pairs),
        }
    }

    fn rounds(
        &self,
        part: &mut Part<A>,
        pairs: u64,
        most: usize,
        size: impl Fn(&mut Random) -> usize,
        free: impl Fn(&mut Vec<Block<A>>),
    ) {
        let mut left = pairs;
        while left > 0 {
            let now = left.min(most as u64);
            let Part { blocks, random, stamp, .. } = &mut *part;
            blocks.extend((0..now).map(|_| Block::new(self.heap, size(random), *stamp)));
            free(blocks);
            left -= now;
        }
    }

    fn larson(&self, part: &mut Part<A>, pairs: u64) {
        for _ in 0..pairs {
            let index = part.random.below(part.blocks.len());
            // The old block goes when the new one is there, as in the original.
            part.blocks[index] = self.larson_block(&mut part.random, part.stamp);
            part.replaced += 1;
            if part.replaced == LARSON_TURN {
                part.replaced = 0;
                self.waiting.exchange(&mut part.blocks);
            }
        }
    }
}

/// In the order in which they came.
fn drain<A: Heap>(blocks: &mut Vec<Block<A>>) {
    blocks.clear();
}

/// Every other one from the front, then the rest from the back.
fn alternate<A: Heap>(blocks: &mut Vec<Block<A>>) {
    let mut index = 0;
    blocks.retain(|_| {
        index += 1;
        index % 2 == 0
    });
    while blocks.pop().is_some() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "somebody who does not own it")]
    fn a_stamp_that_is_gone_is_noticed() {
        let block = Block::new(glibc(), 10, 3);
        // SAFETY: the block is that long.
        unsafe { block.start.add(9).write(4) };
        drop(block);
    }

    #[test]
    fn a_block_of_one_byte_has_one_stamp() {
        drop(Block::new(glibc(), 1, 7));
    }

    #[test]
    fn shbench_frees_each_block_once() {
        let mut blocks: Vec<_> = (0..7).map(|stamp| Block::new(glibc(), 8, stamp)).collect();
        alternate(&mut blocks);
        assert!(blocks.is_empty());
    }
}
