//! Intrusive hand-over of owned nodes.
//!
//! A ready task is moved about far too often to allocate for each move, and a wake must not wait for
//! anybody. So the link is inside the node, and two containers share it:
//!
//! ```text
//!   any core ── push ──▶ Inbox (Treiber stack: one CAS)  ── take_all (one swap) ──▶ its owner, oldest first
//!   one owner ─ push ──▶ Fifo  (head, tail, plain moves) ── pop ──▶ the same owner
//! ```
//!
//! A node is in at most one of them because an owning [`Handle`] goes in by value and comes out by value:
//! whoever holds the handle holds the link. That is the whole soundness argument, and the reason why
//! `unsafe` sits in this crate and in the `Handle` impl alone.
//!
//! `take_all` empties the stack in one swap, so there is no ABA problem: nothing is ever popped singly.
//! The model tests (`RUSTFLAGS="--cfg loom" cargo test -p inbox --release`) run this same code.
#![no_std]

#[cfg(any(test, loom))]
extern crate std;

mod fifo;
#[cfg(all(test, loom))]
mod model;
mod mpsc;
#[cfg(all(test, not(loom)))]
mod tests;

use core::ptr::NonNull;

pub use fifo::Fifo;
pub use mpsc::{Inbox, Taken};

#[cfg(not(loom))]
use core::sync::atomic::AtomicPtr;
#[cfg(loom)]
use loom::sync::atomic::AtomicPtr;

/// The link that lives inside a node of type `N`. Only the container that holds the node's handle uses it.
pub struct Link<N> {
    next: AtomicPtr<N>,
}

impl<N> Link<N> {
    /// A link that is in no container.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Link { next: AtomicPtr::new(core::ptr::null_mut()) }
    }

    /// A link that is in no container.
    #[cfg(loom)]
    pub fn new() -> Self {
        Link { next: AtomicPtr::new(core::ptr::null_mut()) }
    }

    // Relaxed is enough on both: the link is private to the holder of the handle, and the handle's way from
    // one core to another (the inbox's Release push and Acquire swap) orders everything that it covers.
    fn get(&self) -> *mut N {
        self.next.load(core::sync::atomic::Ordering::Relaxed)
    }

    fn set(&self, next: *mut N) {
        self.next.store(next, core::sync::atomic::Ordering::Relaxed);
    }
}

impl<N> Default for Link<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// An owning, exclusive handle to a node that holds a [`Link`].
///
/// # Safety
/// 1. At any time there is at most one handle to a node: `into_raw` gives it up, `from_raw` makes it again.
/// 2. The node stays valid, and does not move, from `into_raw` until the handle made by `from_raw` is gone.
/// 3. `link` returns the node's own link, always the same one, which nothing else writes.
pub unsafe trait Handle: Sized {
    /// What the handle owns.
    type Node;

    /// Gives the handle up for the node's address.
    fn into_raw(self) -> NonNull<Self::Node>;

    /// Makes the handle again.
    ///
    /// # Safety
    /// `node` came from [`Handle::into_raw`], and no handle was made from it since.
    unsafe fn from_raw(node: NonNull<Self::Node>) -> Self;

    /// The node's link.
    fn link(node: &Self::Node) -> &Link<Self::Node>;
}

/// The link of a node that a container holds.
///
/// # Safety
/// The caller's container holds the handle that `node` was made from, for as long as `'a` lasts.
unsafe fn link<'a, H: Handle>(node: NonNull<H::Node>) -> &'a Link<H::Node>
where
    H::Node: 'a,
{
    // SAFETY: the node is valid while its handle is given up (clause 2 of `Handle`), and that is the
    // caller's promise. A shared reference suffices: the link is atomic.
    H::link(unsafe { node.as_ref() })
}
