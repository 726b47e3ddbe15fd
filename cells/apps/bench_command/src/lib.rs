//! The console command `bench`: finds the benchmarks of all live cells, runs them, reports what they
//! measured.
//!
//! Benchmarks measure and record; this cell computes and prints, so that every figure is reported alike. A
//! benchmark runs in a task of its own: if it fails or faults, the others still run.
//!
//! What needs live cells and tasks is built for the kernel alone; choosing and printing are tested on the
//! host.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(keel_kernel), allow(dead_code, reason = "what uses it is built for the kernel alone"))]

extern crate alloc;

#[cfg(keel_kernel)]
mod command;
mod cores;
mod figures;
#[cfg(keel_kernel)]
mod run;
mod select;
mod settle;

/// What the loader looks for.
#[cfg(keel_kernel)]
pub static CELL: cell_api::Cell =
    cell_api::Cell::new("bench_command", env!("CARGO_PKG_VERSION")).commands(&command::COMMANDS);
