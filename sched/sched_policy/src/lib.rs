//! What a scheduling policy is compiled against: types and one trait.
//!
//! Mechanism and policy are apart. The mechanism (`scheduler`) owns tasks, switches and cores; a policy only
//! says *which ready task runs next on this core*. It does so with values that it cannot misuse:
//!
//! - [`Ready`] is the right to run one ready task. It cannot be copied. The mechanism hands it to
//!   [`Policy::enqueue`] and gets it back from [`Policy::pick`], [`Policy::steal`] or [`Policy::export`]. A
//!   policy that drops one gives it back to the mechanism, which runs the task itself and says so.
//! - [`TaskList`] is a FIFO of them that allocates nothing: the link is in the task.
//!
//! A policy is made once per core and runs there with interrupts off, so it needs no lock and must not
//! block. It is `#![forbid(unsafe_code)]` and, as a rule, some sixty lines:
//!
//! ```
//! use sched_policy::{Enqueue, Policy, Ready, TaskList};
//!
//! #[derive(Default)]
//! struct LastInFirstOut(TaskList);
//!
//! impl Policy for LastInFirstOut {
//!     fn name(&self) -> &'static str { "lifo" }
//!     fn enqueue(&mut self, task: Ready, _why: Enqueue) { self.0.push_front(task) }
//!     fn pick(&mut self) -> Option<Ready> { self.0.pop_front() }
//!     fn len(&self) -> usize { self.0.len() }
//! }
//! ```
#![no_std]

extern crate alloc;
#[cfg(not(keel_kernel))]
extern crate std;

mod entity;
mod list;
mod params;
mod policy;
#[cfg(not(keel_kernel))]
pub mod testing;
#[cfg(all(test, not(loom)))]
mod tests;

pub use core_local::{CoreId, CoreSet};
pub use entity::{Entity, Ready};
pub use list::TaskList;
pub use params::Params;
pub use policy::{Enqueue, Policy, PolicyFactory, TICK_NS};
