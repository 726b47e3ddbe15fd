//! What both ends share.
//!
//! The values are in a ring behind an IRQ lock that is held for a few instructions: to put one value in or to take one out. No value is ever
//! dropped under it. A rendezvous channel uses the same ring: a sender's value lies there with the sender's
//! ticket until a receiver takes it, and the sender waits until its ticket is gone.

use alloc::collections::VecDeque;
use core::mem;
use core::sync::atomic::{AtomicUsize, Ordering::*};

use irq_lock::IrqLock;
use sync::WaitQueue;

use crate::{SendError, TryRecvError, TrySendError};

pub struct Shared<T> {
    ring: IrqLock<Ring<T>>,
    /// 0: a rendezvous channel.
    capacity: usize,
    pub senders: AtomicUsize,
    pub receivers: AtomicUsize,
    /// Receivers wait here for a value.
    pub filled: WaitQueue,
    /// Senders wait here: for room, or for their value to be taken.
    pub emptied: WaitQueue,
}

struct Ring<T> {
    values: VecDeque<(u64, T)>,
    next_ticket: u64,
}

impl<T> Shared<T> {
    /// The ring is allocated now, so that sending into a buffer allocates nothing.
    pub fn new(capacity: usize) -> Self {
        let ring = Ring { values: VecDeque::with_capacity(capacity.max(1)), next_ticket: 0 };
        Shared {
            ring: IrqLock::new("channel", ring),
            capacity,
            senders: AtomicUsize::new(1),
            receivers: AtomicUsize::new(1),
            filled: WaitQueue::new(),
            emptied: WaitQueue::new(),
        }
    }

    pub fn is_rendezvous(&self) -> bool {
        self.capacity == 0
    }

    fn no_receivers(&self) -> bool {
        self.receivers.load(Acquire) == 0
    }

    /// Puts the value into the buffer if there is room.
    pub fn try_push(&self, value: T) -> Result<(), TrySendError<T>> {
        if self.no_receivers() {
            return Err(TrySendError::Disconnected(value));
        }
        let mut ring = self.ring.lock();
        if ring.values.len() >= self.capacity {
            drop(ring);
            return Err(TrySendError::Full(value));
        }
        ring.push(value);
        drop(ring);
        self.filled.wake_one();
        Ok(())
    }

    /// Puts the value into the buffer, waiting for room.
    pub fn push(&self, value: T) -> Result<(), SendError<T>> {
        let mut value = Some(value);
        self.emptied.wait_until(|| match self.try_push(value.take()?) {
            Ok(()) => Some(Ok(())),
            Err(TrySendError::Disconnected(back)) => Some(Err(SendError(back))),
            Err(TrySendError::Full(back)) => {
                value = Some(back);
                None
            }
        })
    }

    /// Offers the value and waits until it is taken.
    pub fn hand_over(&self, value: T) -> Result<(), SendError<T>> {
        if self.no_receivers() {
            return Err(SendError(value));
        }
        let ticket = self.ring.lock().push(value);
        let offer = Offer { shared: self, ticket };
        self.filled.wake_one();
        self.emptied.wait_until(|| {
            let gone = self.no_receivers(); // before the look: a value taken by the last receiver counts
            if !self.ring.lock().contains(ticket) {
                return Some(Ok(()));
            }
            if gone {
                // If it was taken after all, it was delivered.
                return Some(offer.take_back().map_or(Ok(()), |back| Err(SendError(back))));
            }
            None
        })
    }

    /// Takes the oldest value.
    pub fn pop(&self) -> Result<T, TryRecvError> {
        let gone = self.senders.load(Acquire) == 0; // before the look: what the last sender left counts
        let popped = self.ring.lock().values.pop_front();
        match popped {
            Some((_, value)) => {
                if self.is_rendezvous() {
                    self.emptied.wake_all(); // which of the senders' values it was, they see themselves
                } else {
                    self.emptied.wake_one();
                }
                Ok(value)
            }
            None if gone => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Takes everything that nobody will receive any more, to be dropped by the caller. A rendezvous channel's
    /// values go back to their senders instead.
    pub fn abandon(&self) -> VecDeque<(u64, T)> {
        if self.is_rendezvous() { VecDeque::new() } else { mem::take(&mut self.ring.lock().values) }
    }

    /// How many values are in the channel.
    pub fn len(&self) -> usize {
        self.ring.lock().values.len()
    }
}

impl<T> Ring<T> {
    fn push(&mut self, value: T) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket = ticket.wrapping_add(1);
        self.values.push_back((ticket, value));
        ticket
    }

    fn contains(&self, ticket: u64) -> bool {
        self.place(ticket).is_some()
    }

    /// Where the value with this ticket is. Tickets rise from front to back.
    fn place(&self, ticket: u64) -> Option<usize> {
        self.values.binary_search_by_key(&ticket, |(of, _)| *of).ok()
    }
}

/// A value that is offered. A sender that is killed while it waits takes its value with it.
struct Offer<'a, T> {
    shared: &'a Shared<T>,
    ticket: u64,
}

impl<T> Offer<'_, T> {
    fn take_back(&self) -> Option<T> {
        let mut ring = self.shared.ring.lock();
        let place = ring.place(self.ticket)?;
        ring.values.remove(place).map(|(_, value)| value)
    }
}

impl<T> Drop for Offer<'_, T> {
    fn drop(&mut self) {
        drop(self.take_back());
    }
}
