//! The inbox: many producers, one consumer that takes everything at once.
//!
//! A Treiber stack whose head is swapped out as a whole and turned round, so the consumer sees first in,
//! first out. Push is one CAS (retried only against other producers); an empty check is one load.

use core::marker::PhantomData;
use core::ptr::{NonNull, null_mut};

#[cfg(not(loom))]
use core::sync::atomic::{AtomicPtr, Ordering::*};
#[cfg(loom)]
use loom::sync::atomic::{AtomicPtr, Ordering::*};

use crate::{Handle, link};

/// A lock-free inbox of owned nodes.
pub struct Inbox<H: Handle> {
    head: AtomicPtr<H::Node>,
    owns: PhantomData<H>,
}

// SAFETY: the inbox only moves handles from the thread that pushes to the one that takes.
unsafe impl<H: Handle + Send> Send for Inbox<H> {}
// SAFETY: as above; every shared operation is atomic on `head`, and a node's link is written only by the one
// thread that holds its handle: the pusher before its CAS succeeds, the taker after its swap.
unsafe impl<H: Handle + Send> Sync for Inbox<H> {}

impl<H: Handle> Inbox<H> {
    /// An empty inbox.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Inbox { head: AtomicPtr::new(null_mut()), owns: PhantomData }
    }

    /// An empty inbox.
    #[cfg(loom)]
    pub fn new() -> Self {
        Inbox { head: AtomicPtr::new(null_mut()), owns: PhantomData }
    }

    /// Hands a node over. Returns whether the inbox was empty: that producer tells the owner, the others
    /// need not.
    pub fn push(&self, handle: H) -> bool {
        let node = handle.into_raw();
        let mut head = self.head.load(Relaxed);
        loop {
            // SAFETY: we gave the handle up just above and the CAS has not published it yet.
            unsafe { link::<H>(node) }.set(head);
            // Release: the node's contents and link are visible to whoever takes it.
            match self.head.compare_exchange_weak(head, node.as_ptr(), Release, Relaxed) {
                Ok(_) => return head.is_null(),
                Err(now) => head = now,
            }
        }
    }

    /// Whether nothing waits at this moment. A hint, unless the caller orders it (see `task_state::Sleep`).
    pub fn is_empty(&self) -> bool {
        self.head.load(Relaxed).is_null()
    }

    /// Takes everything, oldest first. Several takers are safe, but first in, first out then holds for each
    /// alone.
    pub fn take_all(&self) -> Taken<H> {
        // Acquire: pairs with the Release of every push in the chain (each later push is an RMW on the same
        // word, so the release sequence of an earlier one goes on through it).
        let mut newest_first = self.head.swap(null_mut(), Acquire);
        let mut oldest_first = null_mut();
        while let Some(node) = NonNull::new(newest_first) {
            // SAFETY: the swap made this chain ours alone.
            let link = unsafe { link::<H>(node) };
            newest_first = link.get();
            link.set(oldest_first);
            oldest_first = node.as_ptr();
        }
        Taken { next: oldest_first, owns: PhantomData }
    }
}

impl<H: Handle> Default for Inbox<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Handle> Drop for Inbox<H> {
    fn drop(&mut self) {
        drop(self.take_all());
    }
}

/// What [`Inbox::take_all`] took: an iterator, oldest first. Dropping it drops the handles that are left.
#[must_use = "dropping it drops every handle that was taken"]
pub struct Taken<H: Handle> {
    next: *mut H::Node,
    owns: PhantomData<H>,
}

impl<H: Handle> Taken<H> {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.next.is_null()
    }
}

impl<H: Handle> Iterator for Taken<H> {
    type Item = H;

    fn next(&mut self) -> Option<H> {
        let node = NonNull::new(self.next)?;
        // SAFETY: the chain is ours, and so is its first node.
        let link = unsafe { link::<H>(node) };
        self.next = link.get();
        link.set(null_mut());
        // SAFETY: the node came from `into_raw` in `push`, and leaves the chain here, once.
        Some(unsafe { H::from_raw(node) })
    }
}

impl<H: Handle> Drop for Taken<H> {
    fn drop(&mut self) {
        for handle in self {
            drop(handle);
        }
    }
}
