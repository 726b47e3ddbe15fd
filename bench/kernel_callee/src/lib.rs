//! A function for the benchmarks to call that is in another cell than they are: the call goes through an import slot,
//! as any call from cell to cell does (row `call_slot`).
//!
//! It is a cell of its own because most of what cells import is in the base. It is also the smallest cell
//! that another one imports from.
#![no_std]
#![forbid(unsafe_code)]

/// What the loader looks for.
#[cfg(keel_kernel)]
pub static CELL: cell_api::Cell = cell_api::Cell::new("bench_callee", env!("CARGO_PKG_VERSION"));

/// The next number, with the same few instructions as the functions that the benchmarks have beside them.
#[inline(never)]
#[must_use]
pub fn next(n: u64) -> u64 {
    n.wrapping_add(1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_counts() {
        assert_eq!((super::next(1), super::next(u64::MAX)), (2, 0));
    }
}
