//! The two ends.

use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::Ordering::*;

use crate::shared::Shared;
use crate::{Disconnected, SendError, TryRecvError, TrySendError};

/// A channel with room for `capacity` values, which is allocated at once.
///
/// # Panics
/// If `capacity` is 0: that is a [`rendezvous`] channel, which sends otherwise.
pub fn bounded<T: Send>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    assert!(capacity > 0, "a channel without room is a rendezvous channel");
    ends(capacity)
}

/// A channel without room: sending waits until the value has been received.
pub fn rendezvous<T: Send>() -> (Sender<T>, Receiver<T>) {
    ends(0)
}

fn ends<T: Send>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared::new(capacity));
    (Sender { shared: shared.clone() }, Receiver { shared })
}

/// The sending end. Clones send into the same channel.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// The receiving end. Clones share the values: each value goes to one of them.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Sends a value, waiting for room (or, on a rendezvous channel, until it has been received).
    ///
    /// # Errors
    /// [`SendError`] with the value, if all receivers are gone.
    ///
    /// # Panics
    /// As [`scheduler::park`], if it must wait.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        if self.shared.is_rendezvous() { self.shared.hand_over(value) } else { self.shared.push(value) }
    }

    /// Sends a value if there is room. Never waits.
    ///
    /// # Errors
    /// [`TrySendError`] with the value.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        self.shared.try_push(value)
    }
}

impl<T> Receiver<T> {
    /// Receives the oldest value, waiting for one.
    ///
    /// # Errors
    /// [`Disconnected`], if there is none and all senders are gone.
    ///
    /// # Panics
    /// As [`scheduler::park`], if it must wait.
    pub fn recv(&self) -> Result<T, Disconnected> {
        self.shared.filled.wait_until(|| settled(self.shared.pop()))
    }

    /// As [`Receiver::recv`], for at most `ns` nanoseconds.
    ///
    /// # Errors
    /// [`TryRecvError::Empty`] when the time is up.
    ///
    /// # Panics
    /// As [`scheduler::park`], if it must wait.
    pub fn recv_timeout(&self, ns: u64) -> Result<T, TryRecvError> {
        match self.shared.filled.wait_until_timeout(ns, || settled(self.shared.pop())) {
            Some(Ok(value)) => Ok(value),
            Some(Err(Disconnected)) => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Receives the oldest value if there is one. Never waits.
    ///
    /// # Errors
    /// [`TryRecvError`].
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.shared.pop()
    }

    /// How many values are in the channel at this moment.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// `None` if there is reason to wait.
fn settled<T>(result: Result<T, TryRecvError>) -> Option<Result<T, Disconnected>> {
    match result {
        Ok(value) => Some(Ok(value)),
        Err(TryRecvError::Disconnected) => Some(Err(Disconnected)),
        Err(TryRecvError::Empty) => None,
    }
}

// Relaxed on clone: who clones has an end, so the count cannot be 0 meanwhile.

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.senders.fetch_add(1, Relaxed);
        Sender { shared: self.shared.clone() }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.receivers.fetch_add(1, Relaxed);
        Receiver { shared: self.shared.clone() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        // Release: who sees 0 sees every value that was sent.
        if self.shared.senders.fetch_sub(1, AcqRel) == 1 {
            self.shared.filled.wake_all();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if self.shared.receivers.fetch_sub(1, AcqRel) == 1 {
            self.shared.emptied.wake_all();
            drop(self.shared.abandon());
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("waiting", &self.shared.len()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("waiting", &self.shared.len()).finish_non_exhaustive()
    }
}
