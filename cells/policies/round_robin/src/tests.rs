//! Order, slices, and that nobody is lost.

extern crate std;

use std::collections::VecDeque;
use std::vec::Vec;

use proptest::prelude::*;
use sched_policy::testing::{dropped, ready, ready_with, retire};
use sched_policy::{CoreId, CoreSet, Enqueue, Params, Policy};

use crate::{CELL, RoundRobin, SLICE_NS};

#[test]
fn the_cell_offers_it() {
    let factory = CELL.policy_factory().unwrap();
    assert_eq!((CELL.name(), factory.name), ("round_robin", "round_robin"));
    assert_eq!((factory.create)(CoreId::BOOT).name(), "round_robin");
}

#[test]
fn a_slice_and_no_longer() {
    let mut policy = RoundRobin::default();
    assert!(!policy.tick(&Params::default(), SLICE_NS - 1));
    assert!(policy.tick(&Params::default(), SLICE_NS));
}

#[test]
fn a_thief_gets_the_first_that_may_run_there() {
    let mut policy = RoundRobin::default();
    let thief = CoreId::new(1).unwrap();
    policy.enqueue(ready_with(1, Params::default(), CoreSet::single(CoreId::BOOT)), Enqueue::New);
    policy.enqueue(ready(2), Enqueue::New);
    assert_eq!(policy.steal(thief).map(retire), Some(2));
    assert!(policy.steal(thief).is_none());
    assert_eq!(policy.pick().map(retire), Some(1));
}

proptest! {
    #[test]
    fn like_a_queue_and_nobody_is_lost(steps in proptest::collection::vec(0u8..5, 0..300)) {
        let (mut policy, mut model) = (RoundRobin::default(), VecDeque::new());
        for (id, step) in steps.into_iter().enumerate() {
            let id = id as u64;
            match step {
                0 | 1 => { policy.enqueue(ready(id), Enqueue::Woken); model.push_back(id); }
                2 => prop_assert_eq!(policy.pick().map(retire), model.pop_front()),
                3 => prop_assert_eq!(policy.steal(CoreId::BOOT).map(retire), model.pop_front()),
                _ => if let Some(first) = model.pop_front() {
                    let running = policy.pick().unwrap();
                    prop_assert_eq!(running.id(), first);
                    model.push_back(first);
                    let next = policy.exchange(running, Enqueue::Yielded).map(retire);
                    prop_assert_eq!(next, model.pop_front());
                }
            }
            prop_assert_eq!(policy.len(), model.len());
        }
        let exported: Vec<u64> = core::iter::from_fn(|| policy.export()).map(retire).collect();
        prop_assert_eq!(exported, Vec::from(model));
        prop_assert!(dropped().is_empty());
    }
}
