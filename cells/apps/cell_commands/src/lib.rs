//! Console commands about cells: what is loaded, who depends on whom, which policy is in use, and the swap.
//!
//! What they print is made from the namespace's own reports by plain functions, which are tested on the host; the
//! commands themselves exist in the kernel alone.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(keel_kernel)]
mod commands;
#[cfg(any(test, keel_kernel))]
mod listing;
#[cfg(any(test, keel_kernel))]
mod policies;
#[cfg(any(test, keel_kernel))]
mod swap;
#[cfg(test)]
mod tests;

/// What the loader looks for.
#[cfg(keel_kernel)]
pub static CELL: cell_api::Cell =
    cell_api::Cell::new("cell_commands", env!("CARGO_PKG_VERSION")).commands(&commands::COMMANDS);
