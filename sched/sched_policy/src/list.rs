//! The list that policies are built from.

use inbox::Fifo;

use crate::Ready;

/// A first-in-first-out list of ready tasks. It allocates nothing, and a task can be in one list only.
#[derive(Default)]
pub struct TaskList(Fifo<Ready>);

impl TaskList {
    /// An empty list.
    #[inline]
    pub const fn new() -> Self {
        TaskList(Fifo::new())
    }

    /// Adds a task behind all others.
    #[inline]
    pub fn push_back(&mut self, task: Ready) {
        self.0.push_back(task);
    }

    /// Adds a task in front of all others.
    #[inline]
    pub fn push_front(&mut self, task: Ready) {
        self.0.push_front(task);
    }

    /// Takes the first task.
    #[inline]
    pub fn pop_front(&mut self) -> Option<Ready> {
        self.0.pop_front()
    }

    /// Takes the first task that `wanted` accepts; the others keep their order.
    #[inline]
    pub fn pop_first(&mut self, wanted: impl FnMut(&Ready) -> bool) -> Option<Ready> {
        self.0.pop_first(wanted)
    }

    /// How many tasks are in the list.
    #[inline]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the list is empty.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
