//! The console on the serial line: line editing, history, and running commands.
//!
//! The commands themselves are brought by other cells; the console finds them by name in the namespace at each call, so a
//! command that has been swapped is the new one from the next line on. Each runs in a task of its own: one that
//! faults is reported, and the console goes on.
//!
//! With `run="CMD; CMD"` on the kernel's command line the console runs these instead, and powers off with a status that says whether
//! all of them succeeded.
//!
//! The editor and the parser are pure and are tested on the host; the rest needs the kernel.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod editor;
pub mod words;

#[cfg(keel_kernel)]
mod dispatch;
#[cfg(keel_kernel)]
mod help;
#[cfg(keel_kernel)]
mod session;

/// What the loader looks for.
#[cfg(keel_kernel)]
pub static CELL: cell_api::Cell =
    cell_api::Cell::new("console", env!("CARGO_PKG_VERSION")).commands(&help::COMMANDS).main(session::run);
