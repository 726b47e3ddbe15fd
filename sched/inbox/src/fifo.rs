//! A first-in-first-out list of owned nodes for a single owner: no atomics beyond plain moves.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{NonNull, null_mut};

use crate::{Handle, link};

/// A singly linked list with head and tail. Every operation but [`Fifo::pop_first`] takes constant time.
pub struct Fifo<H: Handle> {
    head: Option<NonNull<H::Node>>,
    tail: Option<NonNull<H::Node>>,
    len: usize,
    owns: PhantomData<H>,
}

// SAFETY: the list owns its handles; moving it moves them. It is not shared for writing (`&mut self`).
unsafe impl<H: Handle + Send> Send for Fifo<H> {}
// SAFETY: through `&Fifo` only `len` can be read.
unsafe impl<H: Handle + Send> Sync for Fifo<H> {}

impl<H: Handle> Fifo<H> {
    /// An empty list.
    pub const fn new() -> Self {
        Fifo { head: None, tail: None, len: 0, owns: PhantomData }
    }

    /// How many nodes are in the list.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether the list is empty.
    pub const fn is_empty(&self) -> bool {
        self.head.is_none()
    }

    /// Adds a node behind all others.
    pub fn push_back(&mut self, handle: H) {
        let node = handle.into_raw();
        // SAFETY: the list holds the handle from here on.
        unsafe { link::<H>(node) }.set(null_mut());
        match self.tail.replace(node) {
            // SAFETY: the tail is in this list.
            Some(last) => unsafe { link::<H>(last) }.set(node.as_ptr()),
            None => self.head = Some(node),
        }
        self.len = self.len.wrapping_add(1); // bounded by the number of nodes in memory
    }

    /// Adds a node in front of all others.
    pub fn push_front(&mut self, handle: H) {
        let node = handle.into_raw();
        let next = self.head.replace(node).map_or(null_mut(), NonNull::as_ptr);
        // SAFETY: the list holds the handle from here on.
        unsafe { link::<H>(node) }.set(next);
        if self.tail.is_none() {
            self.tail = Some(node);
        }
        self.len = self.len.wrapping_add(1);
    }

    /// Takes the first node.
    pub fn pop_front(&mut self) -> Option<H> {
        let node = self.head?;
        // SAFETY: the head is in this list.
        let next = unsafe { link::<H>(node) }.get();
        self.head = NonNull::new(next);
        if next.is_null() {
            self.tail = None;
        }
        self.len = self.len.wrapping_sub(1);
        // SAFETY: the node came from `into_raw` in a push and leaves the list here, once.
        Some(unsafe { H::from_raw(node) })
    }

    /// Takes the first node for which `wanted` says yes, and leaves the others in their order. Takes time
    /// in proportion to the nodes before it. If `wanted` panics, the list is as it was.
    pub fn pop_first(&mut self, mut wanted: impl FnMut(&H) -> bool) -> Option<H> {
        let mut before: Option<NonNull<H::Node>> = None;
        let mut at = self.head;
        while let Some(node) = at {
            // SAFETY: the node is in this list. The handle is only lent to `wanted`: `ManuallyDrop` keeps it
            // from being given up twice, also when `wanted` panics.
            let lent = ManuallyDrop::new(unsafe { H::from_raw(node) });
            let hit = wanted(&lent);
            // SAFETY: the node is still in this list.
            let next = unsafe { link::<H>(node) }.get();
            if hit {
                match before {
                    // SAFETY: so is the one before it.
                    Some(before) => unsafe { link::<H>(before) }.set(next),
                    None => self.head = NonNull::new(next),
                }
                if next.is_null() {
                    self.tail = before;
                }
                self.len = self.len.wrapping_sub(1);
                // SAFETY: `node` was unlinked just now; the lent copy is never dropped.
                return Some(unsafe { H::from_raw(node) });
            }
            before = Some(node);
            at = NonNull::new(next);
        }
        None
    }
}

impl<H: Handle> Default for Fifo<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Handle> Drop for Fifo<H> {
    fn drop(&mut self) {
        while let Some(handle) = self.pop_front() {
            drop(handle);
        }
    }
}
