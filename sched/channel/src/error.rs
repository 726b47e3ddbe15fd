//! What can go wrong: the other side is gone, or there is no room or no value just now.

use core::fmt;

/// All senders are gone and the channel is empty: no value will ever come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Disconnected;

/// All receivers are gone; the value comes back.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct SendError<T>(pub T);

/// The value was not sent, and comes back.
#[derive(Clone, Copy, Eq, PartialEq)]
pub enum TrySendError<T> {
    /// There is no room at this moment. (Always so for a rendezvous channel, which has none.)
    Full(T),
    /// All receivers are gone.
    Disconnected(T),
}

/// No value was received.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TryRecvError {
    /// There is none at this moment.
    Empty,
    /// All senders are gone, so none will come.
    Disconnected,
}

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every sender of the channel is gone, so no value will come")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("every receiver of the channel is gone, so nobody will take the value")
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("the channel is full; try again, or wait with `send`"),
            Self::Disconnected(_) => {
                f.write_str("every receiver of the channel is gone, so nobody will take the value")
            }
        }
    }
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the channel is empty; try again, or wait with `recv`"),
            Self::Disconnected => f.write_str("every sender of the channel is gone, so no value will come"),
        }
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::Disconnected(_) => f.write_str("Disconnected(..)"),
        }
    }
}

impl core::error::Error for Disconnected {}
impl<T> core::error::Error for SendError<T> {}
impl<T> core::error::Error for TrySendError<T> {}
impl core::error::Error for TryRecvError {}
