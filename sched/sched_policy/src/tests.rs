//! The list keeps order and loses nothing; a dropped right comes back.

use std::vec::Vec;

use crate::testing::{dropped, ready, retire};
use crate::{Enqueue, Policy, Ready, TaskList};

fn drain(list: &mut TaskList) -> Vec<u64> {
    core::iter::from_fn(|| list.pop_front()).map(retire).collect()
}

#[test]
fn first_in_first_out() {
    let mut list = TaskList::new();
    for id in 1..=4 {
        list.push_back(ready(id));
    }
    list.push_front(ready(0));
    assert_eq!(list.len(), 5);
    assert_eq!(drain(&mut list), [0, 1, 2, 3, 4]);
    assert!(list.is_empty());
}

#[test]
fn pop_first_keeps_the_others_in_order() {
    for (wanted, rest) in [(1, [2, 3]), (2, [1, 3]), (3, [1, 2])] {
        let mut list = TaskList::new();
        (1..=3).for_each(|id| list.push_back(ready(id)));
        let hit = list.pop_first(|task| task.id() == wanted).map(retire);
        assert_eq!(hit, Some(wanted));
        list.push_back(ready(9)); // the tail is right after the last one was taken out
        assert_eq!(drain(&mut list), [rest[0], rest[1], 9]);
    }
}

#[test]
fn a_dropped_right_comes_back() {
    drop(dropped());
    drop(ready(7));
    assert_eq!(dropped(), [7]);
    let mut list = TaskList::new();
    list.push_back(ready(1));
    list.push_back(ready(2));
    drop(list);
    assert_eq!(dropped(), [1, 2]);
}

#[test]
fn the_default_methods_lose_nothing() {
    struct Plain(TaskList);
    impl Policy for Plain {
        fn name(&self) -> &'static str {
            "plain"
        }
        fn enqueue(&mut self, task: Ready, _why: Enqueue) {
            self.0.push_back(task);
        }
        fn pick(&mut self) -> Option<Ready> {
            self.0.pop_front()
        }
        fn len(&self) -> usize {
            self.0.len()
        }
    }
    drop(dropped());
    let mut plain = Plain(TaskList::new());
    let core = core_local::CoreId::new(1).unwrap();
    let pinned = crate::testing::ready_with(
        1,
        crate::Params::default(),
        core_local::CoreSet::single(core_local::CoreId::BOOT),
    );
    plain.enqueue(pinned, Enqueue::New);
    plain.enqueue(ready(2), Enqueue::New);
    assert!(plain.steal(core).is_none(), "the first may not run there, and stays");
    assert_eq!(plain.steal(core).map(retire), Some(2));
    assert_eq!(plain.export().map(retire), Some(1));
    assert!(dropped().is_empty());
}
