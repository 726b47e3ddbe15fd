//! In-kernel microbenchmarks: what the kernel's own operations cost, measured from inside.
//!
//! One file per operation. How they are timed is in [`meter`], the tasks that they need are made in [`tasks`]. Every cost
//! that safety brings (checks, shootdown, zeroing) is inside what is measured; what is taken out is measured too, and each
//! benchmark says what it is. The names are those under which results are compared with other kernels.
//!
//! The console command `bench` (cell `bench_command`) runs them and computes the figures.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod heap;
mod cross_call;
mod map;
mod message;
mod meter;
mod null;
mod spawn;
mod swap;
mod switch;
mod tasks;

use cell_api::{Bench, Cell};

/// What the loader looks for.
pub static CELL: Cell = Cell::new("benchmarks", env!("CARGO_PKG_VERSION")).benches(&BENCHES);

/// From the cheapest to the dearest.
static BENCHES: [Bench; 14] = [
    null::NULL,
    switch::YIELD,
    heap::ALLOC_8,
    heap::ALLOC_64,
    heap::ALLOC_512,
    heap::ALLOC_4096,
    heap::ALLOC_65536,
    message::MESSAGE,
    spawn::SPAWN,
    map::MAP_4K,
    cross_call::IPI,
    message::MESSAGE_CROSS,
    swap::SWAP_PAUSE,
    swap::SWAP_WHOLE,
];
