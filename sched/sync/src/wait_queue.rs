//! Tasks that wait for a condition to become true.
//!
//! The rule that makes it free of lost wakes: a waiter is in the queue *before* it looks at the condition for the last
//! time, and who changes the condition does so *before* it looks at the queue. The queue's length is an atomic, so waking an
//! empty queue is one fence and one load.
//!
//! The waiters are in a deque behind an IRQ lock, and not in nodes on their stacks: a task can be unwound at an arbitrary instruction
//! (a fault, a kill by force), and then its innermost frame's destructors do not run. A node on its stack would be left
//! in the queue, dangling; an entry here is merely stale, and is passed over. (What else such an end leaves undone, such as
//! a wake that was due, the scheduler makes good: after it, every task that waits looks again.)

use alloc::collections::VecDeque;
use core::sync::atomic::{AtomicUsize, Ordering::*, fence};

use irq_lock::IrqLock;
use scheduler::TaskRef;

/// Who waits, first come first served.
#[derive(Debug)]
pub struct WaitQueue {
    waiting: AtomicUsize,
    queue: IrqLock<Queue>,
}

#[derive(Debug)]
struct Queue {
    next_ticket: u64,
    waiters: VecDeque<(u64, TaskRef)>,
}

impl WaitQueue {
    /// A queue in which nobody waits.
    pub const fn new() -> Self {
        let queue = Queue { next_ticket: 0, waiters: VecDeque::new() };
        WaitQueue { waiting: AtomicUsize::new(0), queue: IrqLock::new("wait queue", queue) }
    }

    /// Waits until `condition` gives a value. It is called in the waiting task, again after each wake. A kill of the
    /// waiting task is delivered here.
    ///
    /// # Panics
    /// As [`scheduler::park`], if the condition is not true at once.
    pub fn wait_until<R>(&self, mut condition: impl FnMut() -> Option<R>) -> R {
        if let Some(value) = condition() {
            return value;
        }
        loop {
            let mut entry = self.enter();
            if let Some(value) = condition() {
                return value;
            }
            scheduler::park();
            let value = condition();
            // Used, or in vain: what comes from here on, the next turn sees.
            entry.keep_wake();
            if let Some(value) = value {
                return value;
            }
        }
    }

    /// As [`WaitQueue::wait_until`], for at most `ns` nanoseconds; `None` if the condition did not become true in that time.
    ///
    /// # Panics
    /// As [`scheduler::park`], if the condition is not true at once.
    pub fn wait_until_timeout<R>(&self, ns: u64, mut condition: impl FnMut() -> Option<R>) -> Option<R> {
        let start = scheduler::now_ns();
        loop {
            if let Some(value) = condition() {
                return Some(value);
            }
            let left = ns.saturating_sub(scheduler::now_ns().saturating_sub(start));
            if left == 0 {
                return None;
            }
            let mut entry = self.enter();
            if let Some(value) = condition() {
                return Some(value);
            }
            scheduler::park_timeout(left);
            let value = condition();
            // Used, or in vain: what comes from here on, the next turn sees, also when the time is up. (If a wake in vain
            // were passed on, those who wait would wake each other in a circle.)
            entry.keep_wake();
            if value.is_some() {
                return value;
            }
        }
    }

    /// Wakes the one that has waited longest. Returns whether anybody waited.
    #[inline]
    pub fn wake_one(&self) -> bool {
        self.someone_waits() && self.wake_first()
    }

    /// Wakes all that wait at this moment. Returns how many.
    pub fn wake_all(&self) -> usize {
        if !self.someone_waits() {
            return 0;
        }
        // Those who come back meanwhile have later tickets; they are not woken again.
        let end = self.queue.lock().next_ticket;
        let mut woken = 0;
        while let Some((_, task)) = self.pop(end) {
            task.unpark();
            woken += 1;
        }
        woken
    }

    /// How many wait at this moment.
    pub fn len(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// Whether nobody waits at this moment.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn someone_waits(&self) -> bool {
        // Pairs with the fence in `enter`: either we see the waiter, or it sees the condition that we changed.
        fence(SeqCst);
        self.waiting.load(Relaxed) != 0
    }

    #[cold]
    fn wake_first(&self) -> bool {
        while let Some((_, task)) = self.pop(u64::MAX) {
            let stale = task.is_over(); // looked at first: once woken it may get there before we look
            task.unpark();
            if !stale {
                return true;
            }
        }
        false
    }

    /// Takes the first waiter with a ticket below `end` out.
    fn pop(&self, end: u64) -> Option<(u64, TaskRef)> {
        let mut queue = self.queue.lock();
        let first = queue.waiters.pop_front_if(|(ticket, _)| *ticket < end);
        self.waiting.store(queue.waiters.len(), Relaxed);
        first
    }

    pub(crate) fn enter(&self) -> Entry<'_> {
        let task = scheduler::current();
        let mut queue = self.queue.lock();
        if queue.waiters.try_reserve(1).is_err() {
            drop(queue); // a panic with the lock held would stop the kernel
            panic!("out of memory: no room to wait in a queue");
        }
        let ticket = queue.next_ticket;
        queue.next_ticket = ticket.wrapping_add(1);
        queue.waiters.push_back((ticket, task));
        self.waiting.store(queue.waiters.len(), Relaxed);
        drop(queue);
        fence(SeqCst); // see `someone_waits`
        Entry { queue: self, ticket, pass_on: true }
    }
}

impl Default for WaitQueue {
    fn default() -> Self {
        Self::new()
    }
}

/// A waiter's place in the queue. When it goes and the place is gone already, a wake was spent on this waiter; unless the waiter
/// made use of it, it goes to the next.
pub(crate) struct Entry<'a> {
    queue: &'a WaitQueue,
    ticket: u64,
    pass_on: bool,
}

impl Entry<'_> {
    fn keep_wake(&mut self) {
        self.pass_on = false;
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        let mut queue = self.queue.queue.lock();
        let place = queue.waiters.binary_search_by_key(&self.ticket, |(ticket, _)| *ticket);
        // The handle is dropped after the lock.
        let own = place.ok().and_then(|place| queue.waiters.remove(place));
        self.queue.waiting.store(queue.waiters.len(), Relaxed);
        drop(queue);
        if own.is_none() && self.pass_on {
            self.queue.wake_one();
        }
    }
}
