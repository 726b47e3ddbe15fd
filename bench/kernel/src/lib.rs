//! In-kernel microbenchmarks: what the kernel's own operations cost, measured from inside.
//!
//! One file of `operations/` per operation, and to add one takes that file alone (docs/benchmarks.md has a recipe);
//! `meter.rs` is how they are timed, `heap_load.rs` holds the loads that compare heaps, `tasks.rs` makes the tasks that
//! they need. Every cost that safety brings (checks, shootdown, zeroing) is inside what is measured; what is taken out is
//! measured too, and each benchmark says what it is. The names are those under which results are compared with
//! other kernels.
//!
//! The console command `bench` (cell `bench_command`) runs them and computes the figures. On the host only
//! the meter is built, for its tests: the operations are the kernel's.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(not(keel_kernel), allow(dead_code, reason = "what uses the meter is built for the kernel alone"))]

extern crate alloc;

mod heap_load;
mod meter;
#[cfg(keel_kernel)]
mod operations;
#[cfg(keel_kernel)]
mod tasks;

/// What the loader looks for.
#[cfg(keel_kernel)]
pub static CELL: cell_api::Cell =
    cell_api::Cell::new("benchmarks", env!("CARGO_PKG_VERSION")).benches(&operations::BENCHES);
