//! Order, ownership, and a property: the list is a deque.

use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::boxed::Box;
use std::collections::VecDeque;
use std::sync::Arc;
use std::vec::Vec;

use crate::{Fifo, Handle, Inbox, Link};

struct Node {
    link: Link<Node>,
    value: u32,
    live: Arc<AtomicUsize>,
}

struct Owned(Box<Node>);

// SAFETY: the box is the one owner; a leaked box neither moves nor goes away.
unsafe impl Handle for Owned {
    type Node = Node;
    fn into_raw(self) -> NonNull<Node> {
        let this = core::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is never used again, so the box is moved out once.
        NonNull::from(Box::leak(unsafe { core::ptr::read(&this.0) }))
    }
    unsafe fn from_raw(node: NonNull<Node>) -> Self {
        // SAFETY: it was leaked by `into_raw`.
        Owned(unsafe { Box::from_raw(node.as_ptr()) })
    }
    fn link(node: &Node) -> &Link<Node> {
        &node.link
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Relaxed);
    }
}

#[derive(Default)]
struct Maker(Arc<AtomicUsize>);

impl Maker {
    fn make(&self, value: u32) -> Owned {
        self.0.fetch_add(1, Relaxed);
        Owned(Box::new(Node { link: Link::new(), value, live: self.0.clone() }))
    }
}

#[test]
fn inbox_is_first_in_first_out_and_tells_the_first_producer() {
    let (maker, inbox) = (Maker::default(), Inbox::new());
    assert!(inbox.push(maker.make(1)));
    assert!(!inbox.push(maker.make(2)));
    assert!(!inbox.push(maker.make(3)));
    let values: Vec<_> = inbox.take_all().map(|node| node.0.value).collect();
    assert_eq!(values, [1, 2, 3]);
    assert!(inbox.is_empty());
    assert!(inbox.push(maker.make(4)));
    drop(inbox);
    assert_eq!(maker.0.load(Relaxed), 0, "an inbox that is dropped drops what is in it");
}

#[test]
fn what_is_left_of_taken_is_dropped() {
    let (maker, inbox) = (Maker::default(), Inbox::new());
    (0..3).for_each(|value| {
        inbox.push(maker.make(value));
    });
    let mut taken = inbox.take_all();
    assert_eq!(taken.next().map(|node| node.0.value), Some(0));
    drop(taken);
    assert_eq!(maker.0.load(Relaxed), 0);
}

#[test]
fn many_producers_lose_nothing() {
    const EACH: u32 = 2_000;
    let maker = Maker::default();
    let inbox = Inbox::new();
    let mut seen = [0u32; 4];
    std::thread::scope(|scope| {
        for producer in 0..4 {
            let (inbox, maker) = (&inbox, &maker);
            scope.spawn(move || {
                (0..EACH).for_each(|i| {
                    inbox.push(maker.make(producer * EACH + i));
                });
            });
        }
        let mut total = 0;
        while total < 4 * EACH {
            for node in inbox.take_all() {
                let producer = (node.0.value / EACH) as usize;
                assert_eq!(node.0.value % EACH, seen[producer], "each producer's order is kept");
                seen[producer] += 1;
                total += 1;
            }
        }
    });
    assert_eq!(maker.0.load(Relaxed), 0);
}

#[test]
fn a_panicking_predicate_leaves_the_list_as_it_was() {
    let (maker, mut list) = (Maker::default(), Fifo::new());
    (0..3).for_each(|value| list.push_back(maker.make(value)));
    let caught = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        list.pop_first(|node| if node.0.value == 1 { panic!("on purpose") } else { false }).is_some()
    }));
    assert!(caught.is_err());
    let values: Vec<_> = core::iter::from_fn(|| list.pop_front()).map(|node| node.0.value).collect();
    assert_eq!(values, [0, 1, 2]);
    assert_eq!(maker.0.load(Relaxed), 0);
}

proptest::proptest! {
    #[test]
    fn fifo_behaves_like_a_deque(steps in proptest::collection::vec(0u8..8, 0..200)) {
        let (maker, mut list, mut model) = (Maker::default(), Fifo::new(), VecDeque::new());
        for (value, step) in steps.into_iter().enumerate() {
            let value = value as u32;
            match step {
                0..=2 => { list.push_back(maker.make(value)); model.push_back(value); }
                3 => { list.push_front(maker.make(value)); model.push_front(value); }
                4..=5 => assert_eq!(list.pop_front().map(|node| node.0.value), model.pop_front()),
                _ => {
                    let at = model.iter().position(|v| v % 3 == 1);
                    let expected = at.and_then(|at| model.remove(at));
                    assert_eq!(list.pop_first(|node| node.0.value % 3 == 1).map(|node| node.0.value), expected);
                }
            }
            assert_eq!(list.len(), model.len());
            assert_eq!(list.is_empty(), model.is_empty());
            assert_eq!(maker.0.load(Relaxed), model.len());
        }
        drop(list);
        assert_eq!(maker.0.load(Relaxed), 0);
    }
}
