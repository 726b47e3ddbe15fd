//! The operations that are measured, one to a file of `operations/`, with the benchmarks that measure them.
//!
//! A file there is a module with a `pub(crate) const BENCHES: &[Bench]`; the build script finds it.

use cell_api::Bench;

include!(concat!(env!("OUT_DIR"), "/operations.rs"));

/// How many there are.
const COUNT: usize = {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
};

/// All of them, by the files' names.
pub(crate) static BENCHES: [Bench; COUNT] = {
    let mut all = [GROUPS[0][0]; COUNT];
    let (mut next, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut index = 0;
        while index < GROUPS[group].len() {
            all[next] = GROUPS[group][index];
            next += 1;
            index += 1;
        }
        group += 1;
    }
    all
};
