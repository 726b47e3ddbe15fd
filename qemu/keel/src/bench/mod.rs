//! `cargo keel bench`: measures, compares, reports.
//!
//! Four instruments (see docs/benchmarks.md): the in-kernel benchmarks as they are; the same under `-icount`, where the unit is an
//! instruction and a committed baseline guards it; Linux beside Keel on the same machine model; and the crates that run on
//! the host. Each gives a [`results::Run`], which is printed, kept below `target/keel/bench`, and drawn by the report.

mod baseline;
mod beside;
mod guest;
pub mod icount;
mod linux;
mod native;
mod progress;
mod repeats;
mod report;
mod results;
mod setting;
mod table;

use crate::build::{self, Image};
use crate::run::qemu::{Accelerator, Machine};
use crate::run::signals::Stop;
use crate::workspace::Workspace;
use baseline::Baseline;
use clap::Args;
use results::{Instrument, Outcome, Run};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How much memory a guest has that runs benchmarks: the largest maps 100,000 pages.
const MEMORY: &str = "1G";
/// Where committed results are.
const HISTORY: &str = "bench/results";

/// What `cargo keel bench` can be told.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Benchmarks, or groups of them such as `alloc` [default: all]
    names: Vec<String>,
    /// Count instructions on one core, and compare with bench/baseline.toml
    #[arg(long)]
    icount: bool,
    /// Run Debian's Linux kernel beside Keel on the same machine model
    #[arg(long, conflicts_with = "native")]
    linux: bool,
    /// Run the crates that run on the host beside other libraries
    #[arg(long, conflicts_with = "icount")]
    native: bool,
    /// With --icount: write new and better counts to bench/baseline.toml; worse ones only of benchmarks that are named
    #[arg(long, requires = "icount", conflicts_with = "linux")]
    accept: bool,
    /// Run every instrument, and write one HTML page into DIR
    #[arg(long, value_name = "DIR", conflicts_with_all = ["icount", "linux", "native", "names"])]
    report: Option<PathBuf>,
    /// With --report: run nothing; draw what each instrument measured last
    #[arg(long, requires = "report")]
    reuse: bool,
    /// Also keep the results in bench/results, for the history
    #[arg(long)]
    record: bool,
    /// Number of guest cores
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    smp: u32,
    /// The cores to measure on, such as 0,2-4 [default: all]
    #[arg(long, value_name = "LIST")]
    cores: Option<String>,
    /// How many samples each benchmark takes [default: its own number]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    samples: Option<u64>,
    /// How often everything is run [default: 1; with --linux 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: Option<u32>,
    /// How to execute guest instructions
    #[arg(long, value_enum, default_value_t = Accelerator::Auto)]
    accel: Accelerator,
    /// How long one benchmark may take, in seconds
    #[arg(long, value_name = "S", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Write the results to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure what was built last
    #[arg(long)]
    no_build: bool,
}

impl Options {
    /// The guest's machine.
    fn machine(&self) -> Machine {
        Machine {
            smp: self.smp,
            mem: MEMORY.to_owned(),
            accel: self.accel,
            cpu: "max".to_owned(),
            machine: "q35".to_owned(),
            qemu: Vec::new(),
        }
    }

    fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }

    /// The same, but with everything run and nothing named.
    fn everything(&self) -> Self {
        Self { names: Vec::new(), report: None, ..self.clone() }
    }
}

/// Where each instrument keeps what it measured last.
fn kept(workspace: &Workspace) -> PathBuf {
    workspace.output().join("bench")
}

/// Does what `options` say; whether all of it was measured and nothing is worse than accepted.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool, Box<dyn Error>> {
    let stop = Stop::install()?;
    if let Some(directory) = &options.report {
        return report_all(workspace, options, directory, &stop);
    }
    let instrument = match (options.native, options.linux, options.icount) {
        (true, ..) => Instrument::Native,
        (_, true, _) => Instrument::Linux,
        (_, _, true) => Instrument::Instructions,
        _ => Instrument::Kernel,
    };
    let run = measure(workspace, instrument, options, &stop)?;
    let good = show(workspace, &run, options)?;
    keep(workspace, &run, options)?;
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&run)?;
        std::fs::write(path, text + "\n").map_err(|error| format!("--json {}: {error}", path.display()))?;
    }
    Ok(good)
}

/// Runs one instrument.
fn measure(
    workspace: &Workspace,
    instrument: Instrument,
    options: &Options,
    stop: &Stop,
) -> Result<Run, Box<dyn Error>> {
    if !options.no_build {
        build::build(workspace)?;
    }
    match instrument {
        Instrument::Kernel => kernel(workspace, options, stop),
        Instrument::Instructions => Ok(icount::run(workspace, &options.names, options.samples, stop)?),
        Instrument::Linux => beside::run(workspace, options, stop),
        Instrument::Native => Ok(native::run(workspace, &options.names, options.limit(), stop)?),
    }
}

/// The in-kernel benchmarks, as often as wanted.
fn kernel(workspace: &Workspace, options: &Options, stop: &Stop) -> Result<Run, Box<dyn Error>> {
    let machine = options.machine();
    let setting = setting::guest(&machine);
    let plan = guest::Plan {
        machine,
        names: options.names.clone(),
        samples: options.samples,
        cores: options.cores.clone(),
        append: Vec::new(),
        limit: options.limit(),
    };
    let payload = (&Image::of(workspace)).into();
    let mut repeats = Vec::new();
    let count = options.repeats.unwrap_or(1);
    for repeat in 1..=count {
        let what = if count == 1 { "kernel".into() } else { format!("kernel, run {repeat} of {count}") };
        repeats.push(guest::measure(&payload, &plan, &what, stop)?);
    }
    Ok(setting::run(workspace, Instrument::Kernel, setting, repeats::merge(repeats)))
}

/// Prints a run; whether nothing in it failed or is worse than accepted.
fn show(workspace: &Workspace, run: &Run, options: &Options) -> Result<bool, Box<dyn Error>> {
    for (what, value) in &run.setting {
        println!("{what}: {value}");
    }
    println!("commit: {}\n", run.commit);
    let failed = run.rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed(_))).count();
    let mut good = failed == 0;
    match run.instrument {
        Instrument::Instructions => good &= show_counts(workspace, run, options)?,
        Instrument::Linux => print!("{}", beside::table(run)),
        Instrument::Kernel | Instrument::Native => print!("{}", table::of_run(run)),
    }
    if failed > 0 {
        println!("\n{failed} rows FAILED");
    }
    Ok(good)
}

/// Prints instruction counts beside the baseline, and accepts them if that is wanted.
fn show_counts(workspace: &Workspace, run: &Run, options: &Options) -> Result<bool, Box<dyn Error>> {
    let compiler = setting::compiler();
    let is_new = options.accept && !Baseline::path(&workspace.root).exists();
    let mut baseline = if is_new { Baseline::default() } else { Baseline::read(&workspace.root)? };
    let all = options.names.is_empty();
    if baseline.compiler != compiler && !is_new {
        println!("the accepted counts are those of {}, and this is {compiler}\n", baseline.compiler);
    }
    let compared = baseline.compare(run, all);
    print!("{}", table::of_comparison(run, &compared));
    if options.accept {
        let changed = baseline.accept(run, all, &options.names, &compiler);
        let path = baseline.write(&workspace.root)?;
        println!("\n{}: {} rows changed {}", path.display(), changed.len(), changed.join(" "));
        return Ok(true);
    }
    let worse: Vec<_> = compared.iter().filter(|row| row.is_failure()).collect();
    for row in &worse {
        println!("\n{row}");
    }
    Ok(worse.is_empty() || baseline.compiler != compiler)
}

/// Keeps a run for a report; a run of a part would hide what the report's rows were.
fn keep(workspace: &Workspace, run: &Run, options: &Options) -> Result<(), Box<dyn Error>> {
    if options.names.is_empty() {
        let path = run.save(&kept(workspace))?;
        println!("\nkept in {}", path.display());
    }
    if options.record {
        let day = run.date.split('T').next().unwrap_or("unknown");
        let name = format!("{day}-{}-{}.json", run.commit.trim_end_matches('+'), run.instrument.name());
        println!("recorded in {}", run.save_as(&workspace.root.join(HISTORY).join(name))?.display());
    }
    Ok(())
}

/// Runs every instrument, or takes what is kept, and writes the page.
fn report_all(
    workspace: &Workspace,
    options: &Options,
    directory: &Path,
    stop: &Stop,
) -> Result<bool, Box<dyn Error>> {
    let everything = options.everything();
    let (mut runs, mut good) = (Vec::new(), true);
    for instrument in Instrument::ALL {
        let run = if options.reuse {
            Run::load(&kept(workspace).join(instrument.name()).with_extension("json"))?
        } else {
            println!("== {} ==", instrument.name());
            match measure(workspace, instrument, &everything, stop) {
                Ok(run) => {
                    good &= show(workspace, &run, &everything)?;
                    keep(workspace, &run, &everything)?;
                    Some(run)
                }
                Err(error) if stop.wanted() => return Err(error),
                // One instrument that this machine cannot have does not cost the others.
                Err(error) => {
                    eprintln!("{}: {error}", instrument.name());
                    good = false;
                    None
                }
            }
        };
        match run {
            Some(run) => runs.push(run),
            None => println!(
                "no results of {}; `cargo keel bench --help` says how to get them",
                instrument.name()
            ),
        }
    }
    let history = results::history(&workspace.root.join(HISTORY))?;
    println!("{}", report::write(directory, &runs, &history)?.display());
    Ok(good)
}
