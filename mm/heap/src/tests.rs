//! The heap on the simulated machine, used directly: the tests' own allocations go to the host's.

extern crate std;

use core::alloc::{GlobalAlloc, Layout};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use memory_types::layout::HEAP as AREA;
use proptest::prelude::*;

use crate::{KernelHeap, report, stats};

fn machine() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    paging::host::start();
    guard
}

/// A block that checks that nobody else wrote to it.
struct Block {
    start: *mut u8,
    layout: Layout,
    fill: u8,
}

impl Block {
    fn new(layout: Layout, fill: u8) -> Option<Self> {
        // SAFETY: the size is not 0.
        let start = unsafe { KernelHeap.alloc(layout) };
        if start.is_null() {
            return None;
        }
        assert!(AREA.contains(start as u64) && AREA.contains(start as u64 + layout.size() as u64 - 1));
        assert_eq!(start as usize % layout.align(), 0);
        // SAFETY: just allocated.
        unsafe { start.write_bytes(fill, layout.size()) };
        Some(Self { start, layout, fill })
    }

    fn check(&self, len: usize) {
        // SAFETY: allocated, and filled when it was.
        let bytes = unsafe { core::slice::from_raw_parts(self.start, len) };
        assert!(bytes.iter().all(|&byte| byte == self.fill));
    }

    fn resize(mut self, size: usize) -> Self {
        let before = self.layout.size();
        // SAFETY: allocated with this layout; the size is not 0.
        let start = unsafe { KernelHeap.realloc(self.start, self.layout, size) };
        if !start.is_null() {
            self.start = start;
            self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
            self.check(before.min(size));
            // SAFETY: allocated with this size.
            unsafe { start.write_bytes(self.fill, size) };
        }
        self
    }

    fn free(self) {
        self.check(self.layout.size());
        // SAFETY: allocated with this layout.
        unsafe { KernelHeap.dealloc(self.start, self.layout) };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn blocks_never_overlap(steps in proptest::collection::vec(
        (0..4u8, prop_oneof![4 => 1..300usize, 1 => 1..100_000usize], 0..13u32, any::<usize>()), 1..100)) {
        let _machine = machine();
        let used = stats().used;
        let mut blocks: Vec<Block> = Vec::new();
        for (number, (what, size, align, pick)) in steps.into_iter().enumerate() {
            let layout = Layout::from_size_align(size, 1 << align).unwrap();
            match what {
                0 if !blocks.is_empty() => blocks.swap_remove(pick % blocks.len()).free(),
                1 if !blocks.is_empty() => {
                    let block = blocks.swap_remove(pick % blocks.len());
                    blocks.push(block.resize(size));
                }
                _ => blocks.extend(Block::new(layout, number as u8)),
            }
            prop_assert_eq!(stats().used - used, blocks.iter().map(|block| block.layout.size()).sum::<usize>());
        }
        for block in blocks {
            block.free();
        }
        prop_assert_eq!(stats().used, used);
        prop_assert!(stats().mapped >= stats().used);
    }
}

#[test]
fn exhaustion_is_null_and_what_there_is_can_be_used() {
    let _machine = machine();
    for size in [usize::MAX / 2 - 4096, paging::host::MEMORY as usize * 2] {
        let mapped = stats().mapped;
        assert!(Block::new(Layout::from_size_align(size, 1).unwrap(), 0).is_none());
        assert_eq!(stats().mapped, mapped, "an allocation that cannot be met takes no memory");
    }
    // All but a little of memory in other hands.
    let mut held = Vec::new();
    while frame_allocator::stats().free > 200 {
        held.push(frame_allocator::allocate(1, 1).unwrap());
    }
    let layout = Layout::from_size_align(10_000, 8).unwrap();
    let blocks: Vec<_> = core::iter::from_fn(|| Block::new(layout, 3)).collect();
    assert!(frame_allocator::stats().free < 200);
    blocks.into_iter().for_each(Block::free);
    drop(held);
    Block::new(Layout::from_size_align(5 << 20, 4096).unwrap(), 9).unwrap().free();
}

#[test]
fn threads_share_it() {
    let _machine = machine();
    let used = stats().used;
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            scope.spawn(move || {
                for round in 1..500usize {
                    let layout = Layout::from_size_align(round * 3, 8).unwrap();
                    let (one, two) = (Block::new(layout, thread), Block::new(layout, thread + 16));
                    one.unwrap().free();
                    two.unwrap().free();
                }
            });
        }
    });
    assert_eq!(stats().used, used);
}

#[test]
fn the_report_adds_up() {
    let _machine = machine();
    Block::new(Layout::new::<u64>(), 1).unwrap().free();
    let report = report();
    assert!(report.total > report.free && report.heap_mapped >= report.heap_used);
    assert!(report.total - report.free >= report.heap_mapped);
}
