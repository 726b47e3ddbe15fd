//! The buddy system itself, over the numbers of frames. It touches no memory but its own array.

use alloc::{boxed::Box, vec};

use crate::MAX_ORDER;

/// No frame: the end of a list.
const NONE: u32 = u32::MAX;

/// What the allocator knows of a frame. Only the entry of a block's first frame says something.
#[derive(Clone, Copy, Default)]
struct Entry {
    next: u32,
    previous: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// No block begins here.
    #[default]
    Inside,
    /// A free block of this order.
    Free(u8),
    /// A block of this order that is in use.
    Used(u8),
}

/// Frames `0..count` of a run whose first has the number `first`, which decides how blocks are aligned.
pub(crate) struct Buddy {
    first: usize,
    entries: Box<[Entry]>,
    heads: [u32; MAX_ORDER + 1],
    free: usize,
}

impl Buddy {
    /// All frames of the run, free. Of more than `u32::MAX` frames, which are 16 TiB, the rest is not used.
    pub(crate) fn new(first: usize, count: usize) -> Self {
        let count = count.min(NONE as usize);
        let mut buddy = Self {
            first,
            entries: vec![Entry::default(); count].into_boxed_slice(),
            heads: [NONE; MAX_ORDER + 1],
            free: count,
        };
        let mut at = 0;
        while at < count {
            // As large as alignment and the end of the run allow.
            let aligned = (first + at).trailing_zeros() as usize;
            let order = aligned.min((count - at).ilog2() as usize).min(MAX_ORDER);
            buddy.push(at, order);
            at += 1 << order;
        }
        buddy
    }

    pub(crate) fn free_frames(&self) -> usize {
        self.free
    }

    /// The first frame of a block of this order.
    pub(crate) fn allocate(&mut self, order: usize) -> Option<usize> {
        let larger = self.heads.get(order..)?.iter().position(|&head| head != NONE)? + order;
        let block = self.heads[larger] as usize;
        self.unlink(block, larger);
        // The lower half is halved on, the upper halves are free.
        for half in (order..larger).rev() {
            self.push(block + (1 << half), half);
        }
        self.entries[block].state = State::Used(order as u8);
        self.free -= 1 << order;
        Some(block)
    }

    /// Takes back the block that begins at frame `block`. Whether there is one that is in use.
    pub(crate) fn free(&mut self, mut block: usize) -> bool {
        let Some(&Entry { state: State::Used(order), .. }) = self.entries.get(block) else { return false };
        self.entries[block].state = State::Inside;
        let mut order = usize::from(order);
        self.free += 1 << order;
        while order < MAX_ORDER
            && let Some(buddy) = self.buddy_of(block, order)
            && self.entries.get(buddy).is_some_and(|entry| entry.state == State::Free(order as u8))
        {
            self.unlink(buddy, order);
            self.entries[buddy].state = State::Inside;
            block = block.min(buddy);
            order += 1;
        }
        self.push(block, order);
        true
    }

    /// The other half of the block of the next order. `None` if it would begin before the run.
    fn buddy_of(&self, block: usize, order: usize) -> Option<usize> {
        ((self.first + block) ^ (1 << order)).checked_sub(self.first)
    }

    fn push(&mut self, block: usize, order: usize) {
        let next = self.heads[order];
        self.entries[block] = Entry { next, previous: NONE, state: State::Free(order as u8) };
        // `new` made sure that a frame's number is below `NONE`.
        self.heads[order] = block as u32;
        if let Some(next) = self.entries.get_mut(next as usize) {
            next.previous = block as u32;
        }
    }

    fn unlink(&mut self, block: usize, order: usize) {
        let Entry { next, previous, .. } = self.entries[block];
        match self.entries.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => self.heads[order] = next,
        }
        if let Some(next) = self.entries.get_mut(next as usize) {
            next.previous = previous;
        }
    }
}
