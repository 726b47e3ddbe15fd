//! The command itself.

use crate::{figures, run, select};
use alloc::{string::String, vec::Vec};
use args::Args;
use cell_api::{Bench, BenchError, Command, CommandError, Invocation};
use namespace::Pinned;
use report::{Table, left, plural};

/// `bench`
pub(crate) static COMMANDS: [Command; 1] = [Command {
    name: "bench",
    usage: "bench [NAME…] [--samples N] [--list] [--json]",
    summary: "measures what the kernel's operations cost",
    example: "bench yield alloc --samples 500",
    run: bench,
}];

/// The most samples that can be asked for: 8 MiB of heap.
const MOST_SAMPLES: u64 = 1 << 20;

fn bench(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let mut args = Args::new(invocation.args);
    let samples = args.number("--samples", 1..=MOST_SAMPLES)?;
    let list_only = args.flag("--list")?;
    let mut words = Vec::new();
    while let Some(word) = args.optional_word()? {
        words.push(word);
    }
    let benches = namespace::benches();
    if benches.is_empty() {
        return Err(CommandError::failed("no live cell brings benchmarks; `cells` lists the cells"));
    }
    let names: Vec<&str> = benches.iter().map(|bench| bench.name).collect();
    let chosen = select::select(&words, &names).map_err(CommandError::usage)?;
    let chosen: Vec<_> = chosen.into_iter().map(|choice| (&benches[choice.index], choice.by_name)).collect();
    if list_only {
        return list(invocation, chosen.iter().map(|(bench, _)| *bench));
    }
    // Zero leaves the number to the benchmark. MOST_SAMPLES fits into a usize.
    run_all(invocation, &chosen, samples.unwrap_or(0) as usize)
}

/// Prints what there is.
fn list<'a>(
    invocation: &mut Invocation<'_>,
    benches: impl Iterator<Item = &'a Pinned<Bench>>,
) -> Result<(), CommandError> {
    if invocation.json {
        return json::object(invocation.out, |object| {
            object.list("benches", benches, |bench, value| {
                value.object(|object| {
                    object
                        .field("bench", bench.name)?
                        .field("unit", bench.unit)?
                        .field("what", bench.what)?;
                    object.field("subtracted", bench.subtracted).map(drop)
                })
            })?;
            Ok(())
        })
        .map_err(CommandError::from);
    }
    let mut table = Table::new(&[left("benchmark"), left("one operation")]);
    for bench in benches {
        table.row(&[&bench.name, &bench.what]);
    }
    Ok(write!(invocation.out, "{table}")?)
}

/// Runs one after the other, and prints each result as soon as it is there: a run of all takes a while.
fn run_all(
    invocation: &mut Invocation<'_>,
    chosen: &[(&Pinned<Bench>, bool)],
    samples: usize,
) -> Result<(), CommandError> {
    let mut failures: Vec<String> = Vec::new();
    if !invocation.json {
        figures::heading(invocation.out)?;
    }
    for &(bench, by_name) in chosen {
        match run::run(bench, samples) {
            Ok(outcome) if invocation.json => figures::json(invocation.out, bench, &outcome)?,
            Ok(outcome) => figures::rows(invocation.out, bench, &outcome)?,
            // One that was not asked for by name, but as one of all or of a group, may be left out where it
            // cannot run.
            Err(error @ BenchError::NeedsCores(_)) if !by_name => {
                figures::without(invocation.out, invocation.json, bench.name, "skipped", &error)?;
            }
            Err(error) => {
                figures::without(invocation.out, invocation.json, bench.name, "error", &error)?;
                failures.push(alloc::format!("{}: {error}", bench.name));
            }
        }
    }
    match &failures[..] {
        [] => Ok(()),
        [only] => Err(CommandError::failed(only)),
        [first, ..] => {
            let count = plural(failures.len(), "benchmark");
            Err(CommandError::failed(format_args!("{count} failed; the first is {first}")))
        }
    }
}
