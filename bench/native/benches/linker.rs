//! The object linker over all cells of this project, as `cargo keel build` made them. One round is all of them.
//!
//! `linker_seal` reads every byte once, `linker_plan` checks a cell and lays it out, `linker_whole` does both,
//! links it into memory and is what loading
//! costs but for the look-up of imports. Figures per second are bytes of the objects, and relocations of what is
//! loaded from them.

mod common;

use criterion::{Criterion, Throughput};
use native_benchmarks::cells::Cells;
use std::path::Path;

fn linker(criterion: &mut Criterion) {
    let folder = Cells::folder(Path::new(env!("CARGO_TARGET_TMPDIR")));
    let mut cells = match Cells::read(&folder) {
        Ok(cells) => cells,
        Err(error) => return eprintln!("linker: skipped: {error}"),
    };
    let (bytes, elements, all) = (cells.bytes(), cells.relocations(), cells.len());
    let amount = || Throughput::ElementsAndBytes { elements, bytes };

    let mut group = common::operation(criterion, "linker_seal");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("keel", |bencher| bencher.iter(|| assert_eq!(cells.seals(), all)));
    group.finish();

    let mut group = common::operation(criterion, "linker_plan");
    group.throughput(amount());
    group.bench_function("keel", |bencher| bencher.iter(|| assert_eq!(cells.plan(), all)));
    group.finish();

    let mut group = common::operation(criterion, "linker_whole");
    group.throughput(amount());
    group.bench_function("keel", |bencher| bencher.iter(|| assert_eq!(cells.whole(), all)));
    group.finish();
}

fn main() {
    let mut criterion = common::criterion();
    linker(&mut criterion);
    criterion.final_summary();
}
