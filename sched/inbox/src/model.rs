//! Loom models of the inbox: every interleaving of producers and the owner.

use core::ptr::NonNull;
use std::boxed::Box;
use std::vec::Vec;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::{Handle, Inbox, Link};

/// The payload is loom's cell: loom fails the model if a push does not order it before the take.
struct Node {
    link: Link<Node>,
    value: UnsafeCell<u32>,
}

struct Owned(NonNull<Node>);

// SAFETY: the node is owned through the pointer.
unsafe impl Send for Owned {}
// SAFETY: one handle per leaked box, which stays until the handle is dropped.
unsafe impl Handle for Owned {
    type Node = Node;
    fn into_raw(self) -> NonNull<Node> {
        let node = self.0;
        core::mem::forget(self);
        node
    }
    unsafe fn from_raw(node: NonNull<Node>) -> Self {
        Owned(node)
    }
    fn link(node: &Node) -> &Link<Node> {
        &node.link
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it came from `make`, and this is its handle.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

fn make(value: u32) -> Owned {
    let node = Node { link: Link::new(), value: UnsafeCell::new(0) };
    // SAFETY: the node is ours alone.
    node.value.with_mut(|place| unsafe { *place = value });
    Owned(NonNull::from(Box::leak(Box::new(node))))
}

fn read(node: Owned) -> u32 {
    // SAFETY: we hold the handle; loom checks that the write happened before.
    unsafe { node.0.as_ref() }.value.with(|value| unsafe { *value })
}

#[test]
fn nothing_is_lost_and_each_producer_keeps_its_order() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::new());
        let firsts = [10, 20].map(|first| {
            let inbox = inbox.clone();
            thread::spawn(move || {
                let empty = inbox.push(make(first));
                if first == 20 {
                    inbox.push(make(first + 1));
                }
                empty
            })
        });
        let mut seen: Vec<u32> = inbox.take_all().map(read).collect();
        let early = !seen.is_empty();
        let told = firsts.map(|thread| thread.join().unwrap()).into_iter().filter(|&told| told).count();
        assert!(told >= 1 && (early || told == 1), "whoever found it empty was told so");
        seen.extend(inbox.take_all().map(read));
        let of = |producer: u32| seen.iter().copied().filter(|v| v / 10 == producer).collect::<Vec<_>>();
        assert_eq!(of(1), [10]);
        assert_eq!(of(2), [20, 21]);
        assert!(inbox.is_empty());
    });
}

#[test]
fn two_takers_share_without_loss() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::new());
        inbox.push(make(1));
        let other = {
            let inbox = inbox.clone();
            thread::spawn(move || {
                inbox.push(make(2));
                inbox.take_all().map(read).sum::<u32>()
            })
        };
        let mine = inbox.take_all().map(read).sum::<u32>();
        let left = other.join().unwrap() + mine + inbox.take_all().map(read).sum::<u32>();
        assert_eq!(left, 3);
    });
}
