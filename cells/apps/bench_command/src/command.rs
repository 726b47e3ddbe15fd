//! The command itself.

use crate::{cores, figures, run, select};
use alloc::{string::String, vec::Vec};
use args::Args;
use cell_api::{Bench, BenchError, Command, CommandError, Invocation};
use core_local::CoreSet;
use namespace::Pinned;
use report::{Table, left, plural, right};

/// `bench`
pub(crate) static COMMANDS: [Command; 1] = [Command {
    name: "bench",
    usage: "bench [NAME…|all] [--samples N] [--cores LIST] [--progress] [--json]",
    summary: "lists benchmarks, or measures what the kernel's operations cost",
    example: "bench yield alloc --samples 500 --cores 0-3",
    run: bench,
}];

/// The most samples that can be asked for: 8 MiB of heap.
const MOST_SAMPLES: u64 = 1 << 20;
/// The word that selects every benchmark.
const ALL: &str = "all";

/// How to run what was chosen.
struct Plan {
    /// Zero leaves the number to the benchmark.
    samples: usize,
    cores: CoreSet,
    /// Whether to say what begins.
    progress: bool,
}

fn bench(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let mut args = Args::new(invocation.args);
    let samples = args.number("--samples", 1..=MOST_SAMPLES)?;
    let online = core_local::online();
    let cores = args.value("--cores")?.map(|list| cores::parse(list, online)).transpose();
    let cores = cores.map_err(CommandError::usage)?.unwrap_or(online);
    let progress = args.flag("--progress")?;
    let mut words = Vec::new();
    while let Some(word) = args.optional_word()? {
        words.push(word);
    }
    let benches = namespace::benches();
    if benches.is_empty() {
        return Err(CommandError::failed("no live cell brings benchmarks; `cells` lists the cells"));
    }
    if words.is_empty() {
        return list(invocation, &benches);
    }
    if words == [ALL] {
        words.clear();
    }
    let names: Vec<&str> = benches.iter().map(|bench| bench.name).collect();
    let chosen = select::select(&words, &names).map_err(CommandError::usage)?;
    let chosen: Vec<_> = chosen.into_iter().map(|choice| (&benches[choice.index], choice.by_name)).collect();
    // MOST_SAMPLES fits into a usize.
    run_all(invocation, &chosen, &Plan { samples: samples.unwrap_or(0) as usize, cores, progress })
}

/// Prints what there is.
fn list(invocation: &mut Invocation<'_>, benches: &[Pinned<Bench>]) -> Result<(), CommandError> {
    if invocation.json {
        return json::object(invocation.out, |object| {
            object.list("benches", benches.iter(), |bench, value| {
                value.object(|object| {
                    object
                        .field("bench", bench.name)?
                        .field("unit", bench.unit)?
                        .field("better", bench.better.name())?
                        .field("cores", bench.cores)?
                        .field("what", bench.what)?;
                    object.field("subtracted", bench.subtracted).map(drop)
                })
            })?;
            Ok(())
        })
        .map_err(CommandError::from);
    }
    let mut table = Table::new(&[left("benchmark"), right("cores"), left("one operation")]);
    for bench in benches {
        table.row(&[&bench.name, &bench.cores, &bench.what]);
    }
    write!(invocation.out, "{table}")?;
    Ok(writeln!(invocation.out, "`bench NAME` runs one, `bench all` all of them")?)
}

/// Runs one after the other, and prints each result as soon as it is there: a run of all takes a while.
fn run_all(
    invocation: &mut Invocation<'_>,
    chosen: &[(&Pinned<Bench>, bool)],
    plan: &Plan,
) -> Result<(), CommandError> {
    let mut failures: Vec<String> = Vec::new();
    if !invocation.json {
        figures::heading(invocation.out)?;
    }
    for (index, &(bench, by_name)) in chosen.iter().enumerate() {
        if plan.progress {
            figures::begin(invocation.out, bench.name, plan.cores, index + 1, chosen.len())?;
        }
        match run::run(bench, plan.samples, plan.cores) {
            Ok(outcome) if invocation.json => figures::json(invocation.out, bench, &outcome)?,
            Ok(outcome) => figures::rows(invocation.out, bench, &outcome)?,
            Err(error @ BenchError::NotYet(_)) => {
                figures::without(invocation.out, invocation.json, bench, "missing", &error)?;
            }
            // One that was not asked for by name, but as one of all or of a group, may be left out where it
            // cannot run.
            Err(error @ BenchError::NeedsCores(_)) if !by_name => {
                figures::without(invocation.out, invocation.json, bench, "skipped", &error)?;
            }
            Err(error) => {
                figures::without(invocation.out, invocation.json, bench, "error", &error)?;
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
