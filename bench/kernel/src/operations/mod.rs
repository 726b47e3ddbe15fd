//! The operations that are measured, one to a file, with the benchmarks that measure them.

mod cross_call;
mod heap;
mod map;
mod message;
mod null;
mod spawn;
mod swap;
mod switch;

use cell_api::Bench;

/// All of them, roughly from the cheapest to the dearest.
pub(crate) static BENCHES: [Bench; 14] = [
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
