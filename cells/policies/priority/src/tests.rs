//! Order among levels and within one, preemption, and that nobody is lost.

extern crate std;

use std::vec::Vec;

use proptest::prelude::*;
use sched_policy::testing::{dropped, ready_with, retire};
use sched_policy::{CoreId, CoreSet, Enqueue, Params, Policy, Ready};

use crate::{CELL, Priority, SLICE_NS};

fn task(id: u64, priority: u8) -> Ready {
    ready_with(id, Params::new(priority, 1, 0), CoreSet::ALL)
}

fn drain(policy: &mut Priority) -> Vec<u64> {
    core::iter::from_fn(|| policy.export()).map(retire).collect()
}

#[test]
fn the_cell_offers_it() {
    let factory = CELL.policy_factory().unwrap();
    assert_eq!((CELL.name(), factory.name), ("priority", "priority"));
    assert_eq!((factory.create)(CoreId::BOOT).name(), "priority");
}

#[test]
fn the_most_urgent_first_and_equals_in_order() {
    let mut policy = Priority::default();
    for (id, priority) in [(1, 5), (2, 255), (3, 0), (4, 5), (5, 64), (6, 255)] {
        policy.enqueue(task(id, priority), Enqueue::New);
    }
    assert_eq!(drain(&mut policy), [2, 6, 5, 1, 4, 3]);
}

#[test]
fn a_preempted_task_stays_in_front_until_its_slice_is_over() {
    let mut policy = Priority::default();
    policy.enqueue(task(1, 5), Enqueue::New);
    policy.enqueue(task(2, 5), Enqueue::Preempted);
    assert_eq!(policy.pick().map(retire), Some(2));
    assert!(policy.tick(&Params::new(5, 1, 0), SLICE_NS), "an equal waits");
    policy.enqueue(task(2, 5), Enqueue::Preempted);
    assert_eq!(drain(&mut policy), [1, 2]);
}

#[test]
fn ticks_and_wakes_preempt_the_less_urgent_only() {
    let mut policy = Priority::default();
    policy.enqueue(task(1, 100), Enqueue::New);
    let [low, same, high] = [99, 100, 101].map(|priority| Params::new(priority, 1, 0));
    assert!(policy.tick(&low, 0));
    assert!(!policy.tick(&same, SLICE_NS - 1));
    assert!(policy.tick(&same, SLICE_NS));
    assert!(!policy.tick(&high, 100 * SLICE_NS));
    assert!(policy.preempts(&low, &same));
    assert!(!policy.preempts(&same, &same));
    assert!(!policy.preempts(&high, &same));
    assert_eq!(drain(&mut policy), [1]);
}

#[test]
fn a_thief_gets_the_most_urgent_that_may_run_there() {
    let mut policy = Priority::default();
    let thief = CoreId::new(1).unwrap();
    let here = CoreSet::single(CoreId::BOOT);
    policy.enqueue(ready_with(1, Params::new(9, 1, 0), here), Enqueue::New);
    policy.enqueue(task(2, 3), Enqueue::New);
    policy.enqueue(task(3, 8), Enqueue::New);
    assert_eq!(policy.steal(thief).map(retire), Some(3));
    assert_eq!(policy.steal(thief).map(retire), Some(2));
    assert!(policy.steal(thief).is_none());
    assert_eq!(drain(&mut policy), [1]);
}

proptest! {
    #[test]
    fn like_a_sorted_queue_and_nobody_is_lost(
        steps in proptest::collection::vec((0u8..4, 0u8..=255), 0..300)
    ) {
        let (mut policy, mut model) = (Priority::default(), Vec::<(u8, u64)>::new());
        // The first of the highest level.
        let first = |model: &mut Vec<(u8, u64)>| {
            let top = model.iter().map(|(priority, _)| *priority).max()?;
            let at = model.iter().position(|(priority, _)| *priority == top)?;
            Some(model.remove(at).1)
        };
        for (id, (step, priority)) in steps.into_iter().enumerate() {
            let id = id as u64;
            match step {
                0 | 1 => {
                    policy.enqueue(task(id, priority), Enqueue::Woken);
                    model.push((priority, id));
                }
                2 => prop_assert_eq!(policy.pick().map(retire), first(&mut model)),
                _ => prop_assert_eq!(policy.steal(CoreId::BOOT).map(retire), first(&mut model)),
            }
            prop_assert_eq!(policy.len(), model.len());
        }
        let expected: Vec<u64> = core::iter::from_fn(|| first(&mut model)).collect();
        prop_assert_eq!(drain(&mut policy), expected);
        prop_assert!(dropped().is_empty());
    }
}
