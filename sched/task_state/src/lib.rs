//! The atomic words that decide what happens to a task, each with its model.
//!
//! Cores hand tasks to one another without locks. Everything that can race is in four small words, apart from the
//! scheduler that uses them, so that the very code that runs in the kernel runs under loom too
//! (`RUSTFLAGS="--cfg loom" cargo test -p task_state --release`):
//!
//! - [`TaskState`]: ready, running, parked, dead, and the two requests (wake, kill) that may come at any time;
//! - [`Alertness`]: whether a core looks at its inbox by itself or must be poked (the idle handshake);
//! - [`StealRequest`]: an idle core's wish for work, left at a busy one;
//! - [`result_slot`]: a task's result on its way to whoever joins it.
#![no_std]

extern crate alloc;
#[cfg(any(test, loom))]
extern crate std;

mod alertness;
mod slot;
mod state;
mod steal;

#[cfg(all(test, loom))]
mod model;
#[cfg(all(test, not(loom)))]
mod tests;

pub use alertness::{Alert, Alertness};
pub use slot::{Completed, Registered, ResultReceiver, ResultSender, result_slot};
pub use state::{Kill, Park, Phase, TaskState};
pub use steal::StealRequest;

/// The atomics of this build: loom's in a model, core's everywhere else.
mod atomics {
    #[cfg(not(loom))]
    pub use core::sync::atomic::{AtomicU32, Ordering, fence};
    #[cfg(loom)]
    pub use loom::sync::atomic::{AtomicU32, Ordering, fence};
}

/// Defines `new` as a `const fn`, but for loom, whose atomics cannot be made at compile time.
macro_rules! const_new {
    ($(#[$doc:meta])* new = $value:expr) => {
        $(#[$doc])*
        #[cfg(not(loom))]
        #[allow(clippy::new_without_default, reason = "a state word is made on purpose, not by default")]
        pub const fn new() -> Self {
            $value
        }
        $(#[$doc])*
        #[cfg(loom)]
        #[allow(clippy::new_without_default, reason = "a state word is made on purpose, not by default")]
        pub fn new() -> Self {
            $value
        }
    };
}
use const_new;
