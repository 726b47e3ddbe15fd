//! Channels: values move from task to task, and their ownership with them. Nothing is copied but the value itself.
//!
//! - [`bounded`]: a buffer; a sender waits while it is full, a receiver while it is empty.
//! - [`rendezvous`]: no buffer; a sender waits until a receiver has taken its value.
//!
//! Both have any number of senders and receivers. When the last of one side goes, whoever waits on the other side is
//! woken and told, and a value that could not be delivered comes back in the error. A task that is killed while it sends or receives
//! leaves the channel in order.
//!
//! ```
//! # scheduler::host::run(|| {
//! let (sender, receiver) = channel::bounded(4);
//! let task = scheduler::spawn("squares", move || (1..=3).try_for_each(|n| sender.send(n * n)))?;
//! assert_eq!(receiver.recv(), Ok(1));
//! assert_eq!(receiver.recv(), Ok(4));
//! assert_eq!(receiver.recv(), Ok(9));
//! assert_eq!(receiver.recv(), Err(channel::Disconnected));
//! # assert!(task.join().unwrap().is_ok());
//! # Ok::<(), scheduler::SpawnError>(()) }).unwrap();
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod ends;
mod error;
mod shared;
#[cfg(test)]
mod tests;

pub use ends::{Receiver, Sender, bounded, rendezvous};
pub use error::{Disconnected, SendError, TryRecvError, TrySendError};
