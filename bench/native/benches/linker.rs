//! The object linker over all cells of this project, as `cargo keel build` made them. One round is all of them.
//!
//! `linker_seal` reads every byte once, `linker_plan` checks a cell and lays it out, `linker_whole` does both, links it
//! into memory and is what loading costs but for the look-up of imports. Figures per second are bytes of the objects,
//! and relocations of what is loaded from them.
//!
//! Where no cells were built there is nothing to measure, and it says so. Cells that cannot be read, or that the linker
//! refuses, are a failure.

mod common;

use criterion::{Criterion, Throughput};
use native_benchmarks::cells::{Cells, CellsError};
use std::path::Path;
use std::process::ExitCode;

fn linker(criterion: &mut Criterion, mut cells: Cells) {
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

fn main() -> ExitCode {
    let mut criterion = common::criterion();
    match Cells::read(&Cells::folder(Path::new(env!("CARGO_TARGET_TMPDIR")))) {
        Ok(cells) => linker(&mut criterion, cells),
        // `cargo keel bench` makes a row of this line.
        Err(error @ CellsError::NotBuilt(_)) => eprintln!("linker: skipped: {error}"),
        Err(error) => {
            eprintln!("linker: {error}");
            return ExitCode::FAILURE;
        }
    }
    criterion.final_summary();
    ExitCode::SUCCESS
}
