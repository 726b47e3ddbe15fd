//! `cargo keel bench`: measures, compares, reports.
//!
//! Four instruments (see docs/benchmarks.md): the in-kernel benchmarks as they are; the same under `-icount`, where the unit is an
//! instruction and a committed baseline guards it; Linux beside Keel on the same machine model; and the crates that run on
//! the host. Each gives a [`results::Run`], which is printed, kept below `target/keel/bench`, and drawn by the report.

mod baseline;
mod beside;
mod follow;
mod guest;
pub mod icount;
mod linux;
mod native;
mod progress;
mod ratio;
mod repeats;
mod report;
mod results;
mod select;
mod setting;
mod table;

use crate::build::{self, Image};
use crate::run::qemu::{Accelerator, Machine};
use crate::run::signals::Stop;
use crate::workspace::Workspace;
use baseline::Baseline;
use clap::Args;
use results::{Instrument, Outcome, ResultsError, Run};
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How much memory a guest has that runs benchmarks: the largest maps 100,000 pages.
const MEMORY: &str = "1G";
/// How many cores a guest has unless somebody says otherwise.
const DEFAULT_CORES: u32 = 8;
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
    #[arg(long, requires = "icount", conflicts_with_all = ["linux", "samples"])]
    accept: bool,
    /// Run every instrument, and write one HTML page into DIR
    #[arg(long, value_name = "DIR", conflicts_with_all = ["icount", "linux", "native", "names"])]
    report: Option<PathBuf>,
    /// With --report: run nothing; draw what each instrument measured last
    #[arg(long, requires = "report")]
    reuse: bool,
    /// Also keep the results in bench/results, for the history: of everything, as committed
    #[arg(long, conflicts_with_all = ["names", "samples", "cores", "reuse", "no_build"])]
    record: bool,
    /// Number of guest cores
    #[arg(long, value_name = "N", default_value_t = DEFAULT_CORES, conflicts_with_all = ["icount", "native"],
        value_parser = clap::value_parser!(u32).range(1..=64))]
    smp: u32,
    /// The cores to measure on, such as 0,2-4 [default: all]
    #[arg(long, value_name = "LIST", conflicts_with_all = ["icount", "linux", "native", "report"])]
    cores: Option<String>,
    /// How many samples each benchmark takes [default: its own number]
    #[arg(long, value_name = "N", conflicts_with_all = ["linux", "native", "report"],
        value_parser = clap::value_parser!(u64).range(1..))]
    samples: Option<u64>,
    /// How often everything is run [default: 1; with --linux 5]
    #[arg(long, value_name = "N", conflicts_with_all = ["icount", "native"],
        value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: Option<u32>,
    /// How to execute guest instructions
    #[arg(long, value_enum, default_value_t = Accelerator::Auto, conflicts_with_all = ["icount", "native"])]
    accel: Accelerator,
    /// How long one benchmark may take, in seconds
    #[arg(long, value_name = "S", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,
    /// Write the results to FILE
    #[arg(long, value_name = "FILE", conflicts_with = "report")]
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

    /// Whether this runs everything as it is run unless somebody says otherwise: only that is kept for a report.
    fn is_whole(&self) -> bool {
        self.names.is_empty() && self.samples.is_none() && self.cores.is_none() && self.smp == DEFAULT_CORES
    }
}

/// Where each instrument keeps what it measured last.
fn kept(workspace: &Workspace) -> PathBuf {
    workspace.output().join("bench")
}

/// Does what `options` say; whether all of it was measured and nothing is worse than accepted.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool, Box<dyn Error>> {
    let stop = Stop::install()?;
    // What would make the measuring useless is found before it.
    if options.record && setting::commit(&workspace.root).ends_with('+') {
        return Err("--record: files differ from the commit; commit them first".into());
    }
    let json = options.json.as_deref().map(open).transpose()?;
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
    // Before anything that may refuse what was measured.
    keep(workspace, &run, options)?;
    if let Some(mut file) = json {
        file.set_len(0)?;
        serde_json::to_writer_pretty(&mut file, &run)?;
    }
    show(workspace, &run, options)
}

/// Opens the file for `--json`. What it holds stays until there are results to write.
fn open(path: &Path) -> Result<File, ResultsError> {
    let file = File::options().write(true).create(true).truncate(false).open(path);
    file.map_err(|source| ResultsError::Write { path: path.to_owned(), source })
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
        Instrument::Instructions => Ok(icount::run(
            workspace,
            icount_names(options),
            options.samples,
            options.limit(),
            Some("instructions"),
            stop,
        )?),
        Instrument::Linux => beside::run(workspace, options, stop),
        Instrument::Native => Ok(native::run(workspace, &options.names, options.limit(), stop)?),
    }
}

/// What to run: to accept some counts, all are measured, as the test does.
fn icount_names(options: &Options) -> &[String] {
    if options.accept { &[] } else { &options.names }
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
        repeats.push(guest::measure(&payload, &plan, Some(&what), stop)?);
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
        println!("\nrows that FAILED: {failed}");
    }
    Ok(good)
}

/// Prints instruction counts beside the baseline, and accepts them if that is wanted; whether nothing is worse than accepted then.
fn show_counts(workspace: &Workspace, run: &Run, options: &Options) -> Result<bool, Box<dyn Error>> {
    let tools = icount::tools();
    let is_new = options.accept && !Baseline::path(&workspace.root).exists();
    let mut baseline = if is_new { Baseline::default() } else { Baseline::read(&workspace.root)? };
    if options.accept {
        let changed = baseline.accept(run, &options.names, &tools)?;
        let path = baseline.write(&workspace.root)?;
        println!("{}: changed rows ({}): {}\n", path.display(), changed.len(), changed.join(" "));
    }
    let compared = baseline.compare(run, icount_names(options));
    print!("{}", table::of_comparison(run, &compared));
    if baseline.tools != tools {
        println!(
            "\nthe accepted counts are those of {}, and this is {tools}: they do not compare",
            baseline.tools
        );
        return Ok(true);
    }
    let worse: Vec<_> = compared.iter().filter(|row| row.is_failure()).collect();
    for row in &worse {
        println!("\n{row}");
    }
    Ok(worse.is_empty())
}

/// Keeps a run for a report, and records it if that is wanted.
fn keep(workspace: &Workspace, run: &Run, options: &Options) -> Result<(), Box<dyn Error>> {
    if options.is_whole() && !(options.linux && options.icount) {
        eprintln!("kept in {}", run.save(&kept(workspace))?.display());
    }
    if options.record {
        if run.commit.ends_with('+') {
            return Err("--record: files were changed while it was measured; measure again".into());
        }
        // The time keeps two runs of one commit apart.
        let time: String = run.date.chars().filter(|c| *c != ':').collect();
        let name = format!("{time}-{}-{}.json", run.commit, run.instrument.name());
        eprintln!("recorded in {}", run.save_as(&workspace.root.join(HISTORY).join(name))?.display());
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
    let (mut runs, mut good) = (Vec::new(), true);
    for instrument in Instrument::ALL {
        let run = if options.reuse {
            Run::load(&kept(workspace).join(instrument.name()).with_extension("json"))?
        } else {
            println!("== {} ==", instrument.name());
            // One instrument that this machine cannot have does not cost the others.
            let complain = |error: Box<dyn Error>| eprintln!("{}: {error}", instrument.name());
            let run = measure(workspace, instrument, options, stop);
            if stop.wanted() {
                return run.map(|_| false);
            }
            let run = run.map_err(complain).ok();
            if let Some(run) = &run {
                keep(workspace, run, options)?;
                good &= show(workspace, run, options).map_err(complain).unwrap_or(false);
            }
            good &= run.is_some();
            run
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
