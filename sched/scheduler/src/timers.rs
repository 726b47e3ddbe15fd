//! A core's timed waits: an intrusive pairing heap, so that going to sleep allocates nothing.
//!
//! The node is in the task. Only the core on which the task parked touches it, with interrupts off: a woken task comes back
//! through that core's inbox, and is taken out of the heap there before any other core can have it.
//!
//! Pairing heap: Fredman, Sedgewick, Sleator and Tarjan, Algorithmica 1 (1986). Insert and peek are constant time, removal
//! is logarithmic (amortised).

use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

type Ptr = Option<NonNull<TimerNode>>;

/// A task's place in its core's heap.
pub struct TimerNode {
    deadline: Cell<u64>,
    /// The first child.
    child: Cell<Ptr>,
    /// The next sibling.
    next: Cell<Ptr>,
    /// The previous sibling; for a first child the parent.
    prev: Cell<Ptr>,
    armed: AtomicBool,
}

// SAFETY: the cells are touched by one core only (see the module's head); `armed` is atomic.
unsafe impl Sync for TimerNode {}
// SAFETY: while the node is in no heap, its pointers are all `None`.
unsafe impl Send for TimerNode {}

impl TimerNode {
    pub const fn new() -> Self {
        TimerNode {
            deadline: Cell::new(0),
            child: Cell::new(None),
            next: Cell::new(None),
            prev: Cell::new(None),
            armed: AtomicBool::new(false),
        }
    }

    /// Whether it is in a heap. Other cores get a hint, for reports.
    #[inline]
    pub fn armed(&self) -> bool {
        self.armed.load(Relaxed)
    }
}

/// The heap. The nodes' owners see to it that a node outlives its stay.
#[derive(Default)]
pub struct TimerHeap {
    root: Ptr,
}

// SAFETY: the heap goes with its core; its nodes are tasks', which stay while they are parked.
unsafe impl Send for TimerHeap {}

fn at<'a>(node: NonNull<TimerNode>) -> &'a TimerNode {
    // SAFETY: private to this module, which calls it with nodes that are in the heap or about to be:
    // they are valid by the contract of `insert`. All fields have interior mutability.
    unsafe { node.as_ref() }
}

/// Makes one heap of two; neither root has a sibling.
fn merge(a: Ptr, b: Ptr) -> Ptr {
    let (Some(a), Some(b)) = (a, b) else { return a.or(b) };
    // `<=`: of equal deadlines the older stays in front.
    let (winner, loser) = if at(a).deadline.get() <= at(b).deadline.get() { (a, b) } else { (b, a) };
    let first = at(winner).child.replace(Some(loser));
    at(loser).next.set(first);
    at(loser).prev.set(Some(winner));
    if let Some(first) = first {
        at(first).prev.set(Some(loser));
    }
    Some(winner)
}

/// Merges a list of siblings into one heap: in pairs from the left, then the pairs from the right.
fn merge_siblings(mut siblings: Ptr) -> Ptr {
    let mut pairs: Ptr = None;
    while let Some(a) = siblings {
        let b = at(a).next.take();
        at(a).prev.set(None);
        siblings = b.and_then(|b| {
            at(b).prev.set(None);
            at(b).next.take()
        });
        if let Some(pair) = merge(Some(a), b) {
            at(pair).next.set(pairs); // a root has no sibling: its link strings the pairs together
            pairs = Some(pair);
        }
    }
    let mut root = None;
    while let Some(pair) = pairs {
        pairs = at(pair).next.take();
        root = merge(root, Some(pair));
    }
    root
}

impl TimerHeap {
    pub const fn new() -> Self {
        TimerHeap { root: None }
    }

    /// Adds a node that is in no heap.
    ///
    /// # Safety
    /// The node stays valid and in place until it has been removed or popped, and only this heap's core touches it.
    pub unsafe fn insert(&mut self, node: NonNull<TimerNode>, deadline: u64) {
        debug_assert!(!at(node).armed());
        at(node).deadline.set(deadline);
        at(node).armed.store(true, Relaxed);
        self.root = merge(self.root, Some(node));
    }

    /// The earliest deadline.
    pub fn earliest(&self) -> Option<u64> {
        self.root.map(|root| at(root).deadline.get())
    }

    /// Takes the earliest node, if its deadline is not after `now`.
    pub fn pop_due(&mut self, now: u64) -> Option<NonNull<TimerNode>> {
        let root = self.root.filter(|root| at(*root).deadline.get() <= now)?;
        self.root = merge_siblings(at(root).child.take());
        at(root).armed.store(false, Relaxed);
        Some(root)
    }

    /// Takes a node out; nothing happens if it is in no heap.
    ///
    /// # Safety
    /// If the node is armed, it is in this heap.
    pub unsafe fn remove(&mut self, node: NonNull<TimerNode>) {
        if !at(node).armed() {
            return;
        }
        at(node).armed.store(false, Relaxed);
        let children = merge_siblings(at(node).child.take());
        let Some(prev) = at(node).prev.take() else {
            self.root = children; // only the root has nothing before it
            return;
        };
        let next = at(node).next.take();
        if at(prev).child.get() == Some(node) {
            at(prev).child.set(next);
        } else {
            at(prev).next.set(next);
        }
        if let Some(next) = next {
            at(next).prev.set(Some(prev));
        }
        self.root = merge(self.root, children);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    proptest::proptest! {
        /// Against a sorted list: same order of deadlines, whatever is inserted, removed and popped.
        #[test]
        fn like_a_sorted_list(steps in proptest::collection::vec((0u8..4, 0usize..24, 0u64..50), 1..200)) {
            let nodes: Vec<TimerNode> = (0..24).map(|_| TimerNode::new()).collect();
            let (mut heap, mut model): (_, Vec<(u64, usize)>) = (TimerHeap::new(), Vec::new());
            for (step, index, time) in steps {
                let node = NonNull::from(&nodes[index]);
                match step {
                    0 | 1 if !nodes[index].armed() => {
                        // SAFETY: the nodes outlive the heap's use of them.
                        unsafe { heap.insert(node, time) };
                        model.push((time, index));
                    }
                    2 => {
                        // SAFETY: there is one heap.
                        unsafe { heap.remove(node) };
                        model.retain(|(_, i)| *i != index);
                    }
                    _ => while let Some(due) = heap.pop_due(time) {
                        let popped = nodes.iter().position(|n| NonNull::from(n) == due).unwrap();
                        let earliest = *model.iter().map(|(t, _)| t).min().unwrap();
                        let at = model.iter().position(|(t, i)| *i == popped && *t == earliest);
                        model.remove(at.expect("the earliest comes first"));
                        assert!(earliest <= time);
                    },
                }
                assert_eq!(heap.earliest(), model.iter().map(|(t, _)| *t).min());
                nodes.iter().enumerate().for_each(|(i, n)| {
                    assert_eq!(n.armed(), model.iter().any(|(_, m)| *m == i));
                });
            }
        }
    }
}
