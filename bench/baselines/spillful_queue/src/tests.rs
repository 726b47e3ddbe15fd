//! Queue and record agree, whoever changes them; and the other side's task is in one place.

use std::collections::VecDeque;
use std::sync::Arc;
use std::vec::Vec;

use core_local::CoreId;
use proptest::prelude::*;

use crate::{AlreadyQueued, Misplaced, RunQueues, SpillFree, Task};

fn core(index: usize) -> CoreId {
    CoreId::new(index as u32).unwrap()
}

#[test]
fn a_task_is_in_one_queue_and_knows_which() {
    let (queues, task) = (RunQueues::new(), Task::new(7));
    queues.add(core(3), Arc::clone(&task)).unwrap();
    assert_eq!(task.queued_on(), Some(core(3)));
    assert_eq!(queues.add(core(1), Arc::clone(&task)), Err(AlreadyQueued { id: 7 }));
    assert_eq!((queues.len(core(1)), queues.len(core(3))), (0, 1));
    assert_eq!(queues.remove(&task).map(|task| task.id()), Some(7));
    assert_eq!((task.queued_on(), queues.len(core(3))), (None, 0));
    assert!(queues.remove(&task).is_none() && queues.pick(core(3)).is_none());
    assert_eq!(Arc::strong_count(&task), 1);
}

#[test]
fn two_threads_move_a_task_about_and_it_is_never_in_two_queues() {
    let (queues, task) = (RunQueues::new(), Task::new(1));
    let total: usize = std::thread::scope(|scope| {
        let threads = [0, 1].map(|thread| {
            let (queues, task) = (&queues, &task);
            scope.spawn(move || {
                let added = (0..20_000).filter(|round| {
                    let added = queues.add(core((round + thread) % 3), Arc::clone(task)).is_ok();
                    queues.remove(task);
                    added
                });
                added.count()
            })
        });
        threads.map(|thread| thread.join().unwrap()).into_iter().sum()
    });
    assert!(total >= 20_000, "whoever finds it queued removes it, so of two tries one succeeds: {total}");
    assert_eq!((0..3).map(|index| queues.len(core(index))).sum::<usize>(), 0);
    assert_eq!((task.queued_on(), Arc::strong_count(&task)), (None, 1));
}

#[test]
fn two_cores_pick_and_remove_and_only_one_gets_the_task() {
    let (queues, task) = (RunQueues::new(), Task::new(1));
    for _ in 0..5_000 {
        queues.add(core(2), Arc::clone(&task)).unwrap();
        let found: usize = std::thread::scope(|scope| {
            let picked = scope.spawn(|| queues.pick(core(2)).is_some());
            let removed = queues.remove(&task).is_some();
            usize::from(removed) + usize::from(picked.join().unwrap())
        });
        assert_eq!((found, task.queued_on(), queues.len(core(2))), (1, None, 0));
    }
}

#[test]
fn the_other_sides_task_goes_round() {
    let mut queue = SpillFree::new();
    assert_eq!(queue.take(), Err(Misplaced));
    for _ in 0..3 {
        assert_eq!((queue.add(), queue.queued()), (Ok(()), 1));
        assert_eq!(queue.add(), Err(Misplaced));
        assert_eq!((queue.take(), queue.queued()), (Ok(()), 0));
    }
    // Two at a time, dropped with the task beside the queue and in it.
    let mut other = SpillFree::default();
    assert_eq!(other.add(), Ok(()));
    drop((queue, other));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn like_a_queue_for_each_core(steps in proptest::collection::vec((0..3u8, 0..4usize, 0..6usize), 0..200)) {
        let queues = RunQueues::new();
        let tasks: Vec<_> = (0..6).map(Task::new).collect();
        let mut model: [VecDeque<u64>; 4] = Default::default();
        for (step, on, which) in steps {
            let task = &tasks[which];
            let holder = model.iter().position(|queue| queue.contains(&task.id()));
            match step {
                0 => {
                    let expected = if holder.is_some() { Err(AlreadyQueued { id: task.id() }) } else { Ok(()) };
                    prop_assert_eq!(queues.add(core(on), Arc::clone(task)), expected);
                    if holder.is_none() {
                        model[on].push_back(task.id());
                    }
                }
                1 => {
                    prop_assert_eq!(queues.remove(task).is_some(), holder.is_some());
                    if let Some(holder) = holder {
                        model[holder].retain(|&id| id != task.id());
                    }
                }
                _ => prop_assert_eq!(queues.pick(core(on)).map(|task| task.id()), model[on].pop_front()),
            }
            for task in &tasks {
                let holder = model.iter().position(|queue| queue.contains(&task.id()));
                prop_assert_eq!(task.queued_on(), holder.map(core));
            }
            for (index, queue) in model.iter().enumerate() {
                prop_assert_eq!(queues.len(core(index)), queue.len());
            }
        }
    }
}
