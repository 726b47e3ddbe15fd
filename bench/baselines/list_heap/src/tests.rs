//! Blocks are apart, keep what is written to them, and come back.

use std::mem::MaybeUninit;
use std::rc::Rc;
use std::vec::Vec;

use mapped_pages::{MappedPages, ViewError};
use memory_types::Permissions;
use proptest::prelude::*;

use crate::{Full, ListBytes, ListHeap};

fn heap(bytes: usize) -> ListHeap {
    paging::host::start();
    let memory = MappedPages::allocate(bytes, Permissions::ReadWrite).unwrap();
    ListHeap::new(memory).unwrap()
}

#[test]
fn only_writable_memory_will_do() {
    paging::host::start();
    let memory = MappedPages::allocate(4096, Permissions::ReadOnly).unwrap();
    let refused = ListHeap::new(memory).map(drop);
    assert_eq!(refused, Err(ViewError::NotWritable(Permissions::ReadOnly)));
}

#[test]
fn first_fit_and_neighbours_join() {
    let heap = heap(4096);
    let blocks: Vec<_> = (0..4).map(|_| heap.allocate_bytes(1000).unwrap()).collect();
    assert_eq!(heap.allocate_bytes(1000).map(drop), Err(Full { bytes: 1000 }));
    let starts: Vec<_> = blocks.iter().map(|block| block.as_ptr()).collect();
    assert!(starts.is_sorted());
    let mut blocks = blocks.into_iter();
    drop((blocks.next(), blocks.next()));
    // Only both together have room for it, at the place of the first.
    assert_eq!(heap.allocate_bytes(1600).unwrap().as_ptr(), starts[0]);
    drop(blocks);
    assert_eq!(heap.used(), 0);
    assert_eq!(heap.allocate_bytes(usize::MAX).map(drop), Err(Full { bytes: usize::MAX }));
}

#[test]
fn values_are_dropped_with_their_boxes() {
    let heap = heap(4096);
    let counted = Rc::new(());
    let first = heap.allocate(Rc::clone(&counted)).unwrap();
    assert_eq!((Rc::strong_count(&first), heap.used() > 0), (2, true));
    drop(first);
    assert_eq!((Rc::strong_count(&counted), heap.used()), (1, 0));
    #[repr(align(256))]
    struct Aligned(u8);
    assert!((&raw const *heap.allocate(Aligned(7)).unwrap()).is_aligned());
    assert_eq!(heap.allocate(Aligned(7)).unwrap().0, 7);
    drop(heap.allocate(()).unwrap());
    assert_eq!(heap.used(), 0);
}

#[test]
fn two_threads_share_it() {
    let heap = heap(1 << 20);
    std::thread::scope(|scope| {
        for thread in 0..2u64 {
            let heap = &heap;
            scope.spawn(move || {
                for round in 0..200 {
                    let words: Vec<_> = (0..50).map(|n| heap.allocate([thread, round, n]).unwrap()).collect();
                    for (n, word) in words.iter().enumerate() {
                        assert_eq!(**word, [thread, round, n as u64]);
                    }
                }
            });
        }
    });
    assert_eq!(heap.used(), 0);
}

fn fill(block: &mut ListBytes<'_>, with: u8) {
    block.fill(MaybeUninit::new(with));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn blocks_never_overlap(
        steps in proptest::collection::vec((1..1000usize, any::<prop::sample::Index>()), 1..200),
    ) {
        let heap = heap(64 << 10);
        let mut blocks: Vec<ListBytes<'_>> = Vec::new();
        for (number, (len, which)) in steps.into_iter().enumerate() {
            // Allocates twice as often as it frees, until the heap is full.
            if number % 3 < 2 && let Ok(mut block) = heap.allocate_bytes(len) {
                prop_assert_eq!(block.len(), len);
                fill(&mut block, number as u8);
                blocks.push(block);
            } else if !blocks.is_empty() {
                drop(blocks.swap_remove(which.index(blocks.len())));
            }
            let mut ranges: Vec<_> = blocks.iter().map(|block| block.as_ptr_range()).collect();
            ranges.sort_by_key(|range| range.start);
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
            prop_assert!(heap.used() >= blocks.iter().map(|block| block.len()).sum());
        }
        drop(blocks);
        prop_assert_eq!(heap.used(), 0);
        prop_assert!(heap.allocate_bytes(60 << 10).is_ok(), "it is all one block again");
    }
}
