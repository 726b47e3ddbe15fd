//! The live cells: what is loaded, who imports from whom, what an address belongs to, and the swap of one cell for another
//! under load.
//!
//! ```text
//!   archive (tar) ──▶ stage ──▶ [cell] ──▶ live ──▶ retiring ──▶ freed
//!                       │         text RX    │ swap     │ reap
//!                 object_linker   rodata R   │          └ imported, pinned, or maybe on a stack: kept, and why
//!                 symbol_map      data RW    └ commands, benches, policies, programs: lent with a pin
//! ```
//! The logic is [`Namespace`], over a [`Platform`]; it is safe code and runs on the host, where tests load real objects and
//! make every operation fail. `kernel.rs` holds the machine's side and the one namespace of the kernel, with free
//! functions of the same names ([`load_archive`](Namespace::load_archive), [`swap`](Namespace::swap)…).
//!
//! What is trusted: the compiler's output and the symbol map. The linker refuses malformed objects and the seal finds damage, but
//! a cell that lies about what it is can do anything, as any kernel module can.
#![no_std]
#![deny(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod archive;
mod cell;
mod error;
#[cfg(keel_kernel)]
mod kernel;
mod live;
mod load;
mod names;
mod pin;
mod platform;
mod space;
mod stage;
mod swap;
mod verify;

pub use archive::{Archive, Damage, File};
pub use cell::{Kind, Reason, State};
pub use error::{LoadError, SwapError};
#[cfg(keel_kernel)]
pub use kernel::*;
pub use live::{Location, MOST_CELLS};
pub use load::{ArchiveReport, BaseError, FileReport, Loaded};
pub use names::{LONGEST_NAME, home, readable};
pub use pin::{CellPin, Pinned};
pub use platform::{Committed, Platform, Write};
pub use space::{CellInfo, Namespace, PolicyInfo};
pub use swap::{Step, Steps, SwapFailure, SwapReport};
