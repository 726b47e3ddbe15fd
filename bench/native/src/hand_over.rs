//! How a core finds the tasks that others hand to it, and who offers that.

use std::collections::VecDeque;
use std::mem;

use crossbeam_deque::{Injector, Steal, Worker};
use inbox::Inbox;
use sched_policy::Ready;

use crate::queues::{Locked, lock};

/// Where a core finds the tasks that others hand to it.
pub trait HandOver: Default + Send + Sync + 'static {
    /// The name under which it is compared.
    const NAME: &'static str;
    /// What the receiver needs for itself.
    type Own: Default + Send;

    /// Hands a task over.
    fn push(&self, task: Ready);

    /// Takes everything that has come.
    fn take_all(&self, own: &mut Self::Own, each: impl FnMut(Ready));
}

/// Keel's inbox.
#[derive(Default)]
pub struct KeelInbox(Inbox<Ready>);

impl HandOver for KeelInbox {
    const NAME: &'static str = "keel";
    type Own = ();

    #[inline]
    fn push(&self, task: Ready) {
        self.0.push(task);
    }

    #[inline]
    fn take_all(&self, (): &mut (), each: impl FnMut(Ready)) {
        if !self.0.is_empty() {
            self.0.take_all().for_each(each);
        }
    }
}

/// The queue that `crossbeam-deque` has for this, emptied in batches.
#[derive(Default)]
pub struct CrossbeamInjector(Injector<Ready>);

/// Where a batch of it goes.
pub struct Batch(Worker<Ready>);

impl Default for Batch {
    fn default() -> Self {
        Self(Worker::new_fifo())
    }
}

impl HandOver for CrossbeamInjector {
    const NAME: &'static str = "crossbeam_deque";
    type Own = Batch;

    #[inline]
    fn push(&self, task: Ready) {
        self.0.push(task);
    }

    #[inline]
    fn take_all(&self, own: &mut Batch, mut each: impl FnMut(Ready)) {
        loop {
            match self.0.steal_batch_and_pop(&own.0) {
                Steal::Success(task) => {
                    each(task);
                    while let Some(task) = own.0.pop() {
                        each(task);
                    }
                }
                Steal::Retry => {}
                Steal::Empty => return,
            }
        }
    }
}

/// A `VecDeque` in std's mutex, taken as a whole.
#[derive(Default)]
pub struct MutexInbox(Locked);

impl HandOver for MutexInbox {
    const NAME: &'static str = "mutex_vecdeque";
    type Own = VecDeque<Ready>;

    #[inline]
    fn push(&self, task: Ready) {
        lock(&self.0).push_back(task);
    }

    #[inline]
    fn take_all(&self, own: &mut VecDeque<Ready>, each: impl FnMut(Ready)) {
        mem::swap(own, &mut lock(&self.0));
        own.drain(..).for_each(each);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queues::{all_there, tasks};

    fn hands_over<H: HandOver>() {
        let (inbox, mut own, mut got) = (H::default(), H::Own::default(), Vec::new());
        tasks(100).for_each(|task| inbox.push(task));
        inbox.take_all(&mut own, |task| got.push(task));
        assert!(got.iter().map(Ready::id).eq(0..100), "{}: in order", H::NAME);
        inbox.take_all(&mut own, |_| panic!("it is empty"));
        all_there(got, 100);
    }

    #[test]
    fn what_is_handed_over_arrives_in_order() {
        hands_over::<KeelInbox>();
        hands_over::<CrossbeamInjector>();
        hands_over::<MutexInbox>();
    }
}
