//! Fills the heap's holes before a benchmark, so that what a block costs does not depend on what ran before.
//!
//! Earlier work leaves holes, and an allocator looks for a block in them first. Which holes there are changes with anything that
//! allocates, anywhere in the kernel; without this, a change to one part would show in the figures of others.

use alloc::vec::Vec;

/// The sizes whose holes are filled, in bytes: as fine as what a task, a channel or a mapping asks for.
const SIZES: [usize; 24] = [
    8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512, 768, 1_024, 1_536, 2_048,
    4_096, 16_384, 65_536,
];
/// So many blocks in a row that are neighbours come from no hole any more.
const NEIGHBOURS: usize = 8;
/// No more than this is held of one size, in bytes: a heap of many holes stays as it is.
const MOST_BYTES: usize = 1 << 20;

/// The blocks that fill the holes; dropping them opens the holes again.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    #[cfg_attr(not(test), expect(dead_code, reason = "it is held, not read"))]
    held: Vec<Vec<u8>>,
}

/// For how many blocks there is room in the list.
const ROOM: usize = 1 << 14;

/// Fills the holes, the large ones first: small blocks would only cut them up. Memory that is short is left alone.
pub(crate) fn settle() -> Settled {
    let mut held = Vec::new();
    // At once: growing would leave new holes.
    if held.try_reserve_exact(ROOM).is_err() {
        return Settled::default();
    }
    for size in SIZES.into_iter().rev() {
        let (mut last, mut step, mut in_a_row, mut bytes) = (0usize, 0isize, 0, 0);
        while in_a_row < NEIGHBOURS && bytes < MOST_BYTES {
            let mut block: Vec<u8> = Vec::new();
            if held.len() == ROOM || block.try_reserve_exact(size).is_err() {
                return Settled { held };
            }
            let address = block.as_ptr().addr();
            let distance = address.wrapping_sub(last).cast_signed();
            in_a_row = if distance == step { in_a_row + 1 } else { 0 };
            (last, step) = (address, distance);
            bytes += size;
            held.push(block);
        }
    }
    Settled { held }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_some_of_each_size_and_not_too_much() {
        let settled = settle();
        for size in SIZES {
            let of_size = settled.held.iter().filter(|block| block.capacity() == size).count();
            assert!(of_size > NEIGHBOURS, "{of_size} of {size}");
            assert!(of_size * size < MOST_BYTES + size, "{of_size} of {size}");
        }
    }
}
