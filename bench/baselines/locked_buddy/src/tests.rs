//! Blocks never overlap, everything comes back, and as much can be had as from the registry's buddy allocator.

use std::collections::BTreeMap;
use std::vec::Vec;

use buddy_system_allocator::FrameAllocator;
use proptest::prelude::*;

use crate::buddy::Buddy;
use crate::{LockedBuddy, MAX_ORDER, NotAllocated};

#[test]
fn halves_are_split_off_and_joined_again() {
    let mut buddy = Buddy::new(0, 16);
    assert_eq!(buddy.allocate(0), Some(0));
    assert_eq!((buddy.allocate(3), buddy.allocate(3), buddy.allocate(2)), (Some(8), None, Some(4)));
    assert_eq!(buddy.free_frames(), 3);
    for block in [8, 0, 4] {
        assert!(buddy.free(block));
    }
    assert_eq!(buddy.allocate(4), Some(0), "all is one block again");
    assert!(buddy.allocate(0).is_none() && buddy.allocate(MAX_ORDER + 1).is_none());
}

#[test]
fn what_is_not_in_use_cannot_be_freed() {
    let mut buddy = Buddy::new(0, 8);
    assert!(!buddy.free(0) && !buddy.free(8) && !buddy.free(usize::MAX));
    assert_eq!(buddy.allocate(1), Some(0));
    assert!(!buddy.free(1), "in the middle of a block");
    assert!(buddy.free(0) && !buddy.free(0), "once");
    assert_eq!(buddy.free_frames(), 8);
}

#[test]
fn real_frames_go_back_where_they_came_from() {
    paging::host::start();
    let before = frame_allocator::stats().free;
    let buddy = LockedBuddy::new(frame_allocator::allocate(100, 1).unwrap());
    assert_eq!((buddy.free_frames(), frame_allocator::stats().free), (100, before - 100));
    let block = buddy.allocate(3).unwrap();
    assert!(block.is_aligned(8u64 * 4096));
    assert_eq!(buddy.free(block + 1u64), Err(NotAllocated { start: block + 1u64 }));
    buddy.free(block).unwrap();
    drop(buddy);
    assert_eq!(frame_allocator::stats().free, before);
}

#[test]
fn a_batch_is_as_many_single_ones() {
    paging::host::start();
    let buddy = LockedBuddy::new(frame_allocator::allocate(64, 64).unwrap());
    let mut got = Vec::new();
    assert_eq!(buddy.allocate_batch(0, 40, |block| got.push(block)), 40);
    assert_eq!(buddy.allocate_batch(0, 40, |block| got.push(block)), 24, "no more are there");
    assert_eq!((got.len(), buddy.free_frames()), (64, 0));
    got.sort();
    got.dedup();
    assert_eq!(got.len(), 64, "one was handed out twice");

    let (first, rest) = got.split_at(32);
    buddy.free_batch(first.iter().copied()).unwrap();
    let again = [rest[0], first[0], rest[1]];
    assert_eq!(buddy.free_batch(again), Err(NotAllocated { start: first[0] }));
    assert_eq!(buddy.free_frames(), 33, "what stands before the mistake is free");
    buddy.free_batch(rest[1..].iter().copied()).unwrap();
    assert!(buddy.allocate(6).is_some(), "all is one block again");
}

#[test]
fn two_threads_never_have_the_same_block() {
    paging::host::start();
    let buddy = LockedBuddy::new(frame_allocator::allocate(256, 256).unwrap());
    let claimed = std::sync::Mutex::new(std::collections::HashSet::new());
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (buddy, claimed) = (&buddy, &claimed);
            scope.spawn(move || {
                for round in 0..2_000 {
                    let Some(block) = buddy.allocate((round + thread) % 4) else { continue };
                    assert!(claimed.lock().unwrap().insert(block), "{block:?} was handed out twice");
                    assert!(claimed.lock().unwrap().remove(&block));
                    buddy.free(block).unwrap();
                }
            });
        }
    });
    assert_eq!(buddy.free_frames(), 256);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn as_much_as_from_the_registrys(
        first in 0..70usize,
        count in 1..3_000usize,
        steps in proptest::collection::vec((any::<bool>(), 0..=MAX_ORDER, any::<prop::sample::Index>()), 1..200),
    ) {
        let mut buddy = Buddy::new(first, count);
        // Of the same largest block. The judge begins where the run begins, so that alignment is the same.
        let mut judge = FrameAllocator::<{ MAX_ORDER + 1 }>::new();
        judge.add_frame(first, first + count);
        let mut blocks: BTreeMap<usize, usize> = BTreeMap::new();
        let mut theirs: Vec<(usize, usize, usize)> = Vec::new();
        for (allocate, order, which) in steps {
            if allocate {
                // Which of several free blocks one gets may differ, and with it what can be joined later: so the judge
                // is asked for the very block that we were given.
                match buddy.allocate(order) {
                    Some(block) => {
                        prop_assert!((first + block).is_multiple_of(1 << order) && block + (1 << order) <= count);
                        let before = blocks.range(..block + (1 << order)).next_back();
                        prop_assert!(before.is_none_or(|(at, order)| at + (1 << order) <= block), "overlap");
                        prop_assert_eq!(judge.alloc_at(first + block, 1 << order), Some(first + block));
                        blocks.insert(block, order);
                        theirs.push((first + block, order, block));
                    }
                    None => prop_assert_eq!(judge.alloc(1 << order), None),
                }
            } else if !theirs.is_empty() {
                let (start, order, block) = theirs.swap_remove(which.index(theirs.len()));
                judge.dealloc(start, 1 << order);
                blocks.remove(&block);
                prop_assert!(buddy.free(block));
            }
            let used: usize = blocks.values().map(|order| 1 << order).sum();
            prop_assert_eq!(buddy.free_frames(), count - used);
        }
    }
}
