//! Run queues: the owner's own use and stealing, and who offers them. A task's way to another core is in
//! [`crate::hand_over`].
//!
//! All hold [`Ready`], the kernel's right to run a task, and whoever takes one looks at the task's number, as a
//! core would.
//!
//! **Stealing in Keel is a message.** A queue is private to its core. The thief leaves a request at the victim
//! (one compare-and-swap), which looks for
//! one wherever its own queue is in order, takes tasks out with its policy, and pushes them into the thief's
//! inbox; the thief
//! empties that into its own policy. All of this is in the figures, on both sides. What is not: the poke that
//! wakes a victim which does not look, because there are no interrupts here. The kernel's `wake_idle` and
//! `pingpong_cross` have it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_deque::{Stealer, Worker};
use inbox::Inbox;
use sched_policy::testing::{ready, retire};
use sched_policy::{CoreId, Enqueue, Policy, Ready};
use task_state::StealRequest;

/// Tasks in a queue from which is stolen.
pub const LOADED: u64 = 32;
/// Tasks that wait beside the one that runs when only the owner is at work.
pub const ALONE: u64 = 16;
/// How much a queue of fixed size holds: as Tokio's.
const ROOM: usize = 256;

/// The queue of a core, as its owner and those see it who have to do with it.
pub trait Queue: Send + 'static {
    /// The name under which it is compared.
    const NAME: &'static str;
    /// What another core has of it.
    type Thief: Thief;

    /// An empty queue, and the other core's end of it.
    fn pair() -> (Self, Self::Thief)
    where
        Self: Sized;

    /// The owner adds a task.
    fn push(&mut self, task: Ready);

    /// The owner takes one.
    fn pop(&mut self) -> Option<Ready>;

    /// The owner answers a request for work with one task, or half of what it has; for queues that others can
    /// reach into there are
    /// no requests.
    fn serve(&mut self, _half: bool) {}
}

/// A core without work, at another core's queue.
pub trait Thief: Send + 'static {
    /// Says that it wants work, where that is needed.
    fn ask(&mut self) {}

    /// Takes one task, if it gets one.
    fn take(&mut self) -> Option<Ready>;

    /// Moves half of the victim's tasks to its own queue; whether it got any.
    fn take_half(&mut self) -> bool;

    /// Takes the next task out of its own queue.
    fn pop(&mut self) -> Option<Ready>;
}

/// The policy, called as the scheduler calls it, through the trait's table.
fn policy() -> Box<dyn Policy> {
    let factory = round_robin::CELL.policy_factory().expect("it is a policy's cell");
    (factory.create)(CoreId::BOOT)
}

/// What the two cores share in Keel: the victim's request slot and the thief's inbox.
#[derive(Default)]
struct Between {
    request: Request,
    inbox: Inbox<Ready>,
}

struct Request(StealRequest);

impl Default for Request {
    fn default() -> Self {
        Self(StealRequest::new())
    }
}

/// Keel's: a policy of its own, and messages.
pub struct Keel {
    policy: Box<dyn Policy>,
    thief: CoreId,
    between: Arc<Between>,
}

/// The other core in Keel, with a policy of its own.
pub struct KeelThief {
    policy: Box<dyn Policy>,
    me: u32,
    between: Arc<Between>,
}

impl Queue for Keel {
    const NAME: &'static str = "keel";
    type Thief = KeelThief;

    fn pair() -> (Self, KeelThief) {
        let thief = CoreId::new(1).expect("there are cores besides the first");
        let between = Arc::new(Between::default());
        let other = KeelThief { policy: policy(), me: thief.index() as u32, between: Arc::clone(&between) };
        (Self { policy: policy(), thief, between }, other)
    }

    #[inline]
    fn push(&mut self, task: Ready) {
        self.policy.enqueue(task, Enqueue::Yielded);
    }

    #[inline]
    fn pop(&mut self) -> Option<Ready> {
        self.policy.pick()
    }

    #[inline]
    fn serve(&mut self, half: bool) {
        if self.between.request.0.take().is_none() {
            return;
        }
        let count = if half { self.policy.len().div_ceil(2) } else { 1 };
        for task in (0..count).map_while(|_| self.policy.steal(self.thief)) {
            self.between.inbox.push(task);
        }
    }
}

impl Thief for KeelThief {
    #[inline]
    fn ask(&mut self) {
        // A request that is there already is as good.
        let _ = self.between.request.0.ask(self.me);
    }

    #[inline]
    fn take(&mut self) -> Option<Ready> {
        self.take_half();
        self.policy.pick()
    }

    #[inline]
    fn take_half(&mut self) -> bool {
        if self.between.inbox.is_empty() {
            return false;
        }
        for task in self.between.inbox.take_all() {
            self.policy.enqueue(task, Enqueue::Migrated);
        }
        true
    }

    #[inline]
    fn pop(&mut self) -> Option<Ready> {
        self.policy.pick()
    }
}

/// `crossbeam-deque`, first in, first out: a Chase-Lev deque that grows.
pub struct Crossbeam(Worker<Ready>);

/// Its other end.
pub struct CrossbeamThief {
    from: Stealer<Ready>,
    own: Worker<Ready>,
}

impl Queue for Crossbeam {
    const NAME: &'static str = "crossbeam_deque";
    type Thief = CrossbeamThief;

    fn pair() -> (Self, CrossbeamThief) {
        let worker = Worker::new_fifo();
        let from = worker.stealer();
        (Self(worker), CrossbeamThief { from, own: Worker::new_fifo() })
    }

    #[inline]
    fn push(&mut self, task: Ready) {
        self.0.push(task);
    }

    #[inline]
    fn pop(&mut self) -> Option<Ready> {
        self.0.pop()
    }
}

impl Thief for CrossbeamThief {
    #[inline]
    fn take(&mut self) -> Option<Ready> {
        self.from.steal().success()
    }

    #[inline]
    fn take_half(&mut self) -> bool {
        self.from.steal_batch(&self.own).is_success()
    }

    #[inline]
    fn pop(&mut self) -> Option<Ready> {
        self.own.pop()
    }
}

/// `st3`, first in, first out: of a fixed size. What finds no room waits beside it, as in Tokio, whose queue this
/// is descended from: a thief that
/// is stopped in the middle of a steal holds the room of what it takes.
pub struct St3 {
    queue: st3::fifo::Worker<Ready>,
    beside: VecDeque<Ready>,
}

/// Its other end.
pub struct St3Thief {
    from: st3::fifo::Stealer<Ready>,
    own: st3::fifo::Worker<Ready>,
}

impl Queue for St3 {
    const NAME: &'static str = "st3";
    type Thief = St3Thief;

    fn pair() -> (Self, St3Thief) {
        let worker = st3::fifo::Worker::new(ROOM);
        let from = worker.stealer();
        let own = st3::fifo::Worker::new(ROOM);
        (Self { queue: worker, beside: VecDeque::new() }, St3Thief { from, own })
    }

    #[inline]
    fn push(&mut self, task: Ready) {
        if let Err(task) = self.queue.push(task) {
            self.beside.push_back(task);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<Ready> {
        self.beside.pop_front().or_else(|| self.queue.pop())
    }
}

impl Thief for St3Thief {
    #[inline]
    fn take(&mut self) -> Option<Ready> {
        self.from.steal_and_pop(&self.own, |_| 1).ok().map(|(task, _)| task)
    }

    #[inline]
    fn take_half(&mut self) -> bool {
        self.from.steal(&self.own, |tasks| tasks.div_ceil(2)).is_ok()
    }

    #[inline]
    fn pop(&mut self) -> Option<Ready> {
        self.own.pop()
    }
}

/// A queue that everybody locks.
pub(crate) type Locked = Mutex<VecDeque<Ready>>;

pub(crate) fn lock(queue: &Locked) -> MutexGuard<'_, VecDeque<Ready>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A `VecDeque` in std's mutex.
pub struct MutexQueue(Arc<Locked>);

/// Its other end.
pub struct MutexThief {
    from: Arc<Locked>,
    own: VecDeque<Ready>,
}

impl Queue for MutexQueue {
    const NAME: &'static str = "mutex_vecdeque";
    type Thief = MutexThief;

    fn pair() -> (Self, MutexThief) {
        let queue = Arc::new(Locked::default());
        (Self(Arc::clone(&queue)), MutexThief { from: queue, own: VecDeque::new() })
    }

    #[inline]
    fn push(&mut self, task: Ready) {
        lock(&self.0).push_back(task);
    }

    #[inline]
    fn pop(&mut self) -> Option<Ready> {
        lock(&self.0).pop_front()
    }
}

impl Thief for MutexThief {
    #[inline]
    fn take(&mut self) -> Option<Ready> {
        lock(&self.from).pop_front()
    }

    #[inline]
    fn take_half(&mut self) -> bool {
        let mut from = lock(&self.from);
        let half = from.len().div_ceil(2);
        self.own.extend(from.drain(..half));
        half > 0
    }

    #[inline]
    fn pop(&mut self) -> Option<Ready> {
        self.own.pop_front()
    }
}

/// Tasks with the numbers from 0 on, for as long as the program lives.
pub fn tasks(count: u64) -> impl Iterator<Item = Ready> {
    (0..count).map(ready)
}

/// Ends all tasks and checks that they are those of [`tasks`], each once.
///
/// # Panics
/// If one is missing or there twice.
pub fn all_there(tasks: impl IntoIterator<Item = Ready>, count: u64) {
    let mut numbers: Vec<u64> = tasks.into_iter().map(retire).collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..count), "of {count} tasks, these are there: {numbers:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moves_tasks<Q: Queue>() {
        let (mut victim, mut thief) = Q::pair();
        tasks(LOADED).for_each(|task| victim.push(task));
        assert!(victim.pop().is_some_and(|task| {
            let first = task.id() == 0;
            victim.push(task);
            first
        }));
        thief.ask();
        victim.serve(false);
        let one = thief.take().expect("there is one to take");
        assert_eq!(one.id(), 1, "{}: the one that has waited longest", Q::NAME);
        victim.push(one);
        thief.ask();
        victim.serve(true);
        assert!(thief.take_half());
        let got: Vec<Ready> = std::iter::from_fn(|| thief.pop()).collect();
        assert_eq!(got.len() as u64, LOADED / 2, "{}", Q::NAME);
        all_there(got.into_iter().chain(std::iter::from_fn(|| victim.pop())), LOADED);
        assert!(thief.take().is_none() && victim.pop().is_none());
    }

    #[test]
    fn a_thief_gets_one_or_half_and_nobody_is_lost() {
        moves_tasks::<Keel>();
        moves_tasks::<Crossbeam>();
        moves_tasks::<St3>();
        moves_tasks::<MutexQueue>();
    }

    #[test]
    #[should_panic(expected = "these are there: [0, 1]")]
    fn a_lost_task_is_noticed() {
        all_there(tasks(2), 3);
    }
}
