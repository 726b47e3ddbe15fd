//! Console commands about the machine: its cores and memory, the log, and its end.
//!
//! What `cores` and `mem` print is made by plain functions, which are tested on the host; the commands themselves exist
//! in the kernel alone.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(keel_kernel)]
mod commands;
#[cfg(any(test, keel_kernel))]
mod cores;
#[cfg(any(test, keel_kernel))]
mod level;
#[cfg(any(test, keel_kernel))]
mod memory;

/// What the loader looks for.
#[cfg(keel_kernel)]
pub static CELL: cell_api::Cell =
    cell_api::Cell::new("system_commands", env!("CARGO_PKG_VERSION")).commands(&commands::COMMANDS);
