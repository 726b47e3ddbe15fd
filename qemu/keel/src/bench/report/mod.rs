//! The report: one HTML page from what was measured, for a reader with a phone, a wide screen or paper.
//!
//! The page stands alone: style and charts are in it, and it needs no script and no network. It is made from [`Run`]s
//! and from `bench/peers.toml` and from nothing else, so it can be made of old results. What was not measured is
//! shown with the reason.
//!
//! Results are outside input. Every text goes through maud, which escapes it; every number goes through [`numbers`]
//! or [`chart`], which have a way for what is no number.
//!
//! [`page`] puts the sections together; each section is a file: [`summary`], [`instructions`], [`kernel`],
//! [`beside_linux`], [`several_cores`], [`in_types`], [`native`], [`history`]. They share [`table`], [`chart`],
//! [`compare`] and [`verdict`].

mod beside_linux;
mod chart;
mod compare;
mod history;
mod in_types;
mod instructions;
mod kernel;
mod native;
mod numbers;
mod page;
mod peers;
mod several_cores;
mod summary;
mod table;
mod verdict;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use super::ratio;
use super::results::{self, Instrument, Run};
use peers::Peers;
use std::io;
use std::path::{Path, PathBuf};

/// What the page is called in its folder.
const NAME: &str = "index.html";

/// Writes `DIRECTORY/index.html` and says where it is.
///
/// `runs` are the results to report, of each instrument at most one (the last counts); `history` are older ones, in
/// any order.
///
/// # Errors
/// What the disk says. An older page is then still whole.
pub fn write(directory: &Path, runs: &[Run], history: &[Run]) -> Result<PathBuf, ReportError> {
    let peers = Peers::read()?;
    let page = page::page(&Source { runs, history, peers: &peers }).into_string();
    let path = directory.join(NAME);
    let fail = |source| ReportError::Write { path: path.clone(), source };
    std::fs::create_dir_all(directory).map_err(fail)?;
    // Beside its place and renamed: whoever reads meanwhile sees the old page or the new one.
    let draft = directory.join(format!(".{NAME}.{}", std::process::id()));
    std::fs::write(&draft, page).and_then(|()| std::fs::rename(&draft, &path)).map_err(|error| {
        // It may not have come to be; the error that matters is the first.
        let _ = std::fs::remove_file(&draft);
        fail(error)
    })?;
    Ok(path)
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The disk says no.
    #[error("cannot write the report {path}: {source}; choose another folder")]
    Write {
        /// The page.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file that was built in is damaged.
    #[error("bench/peers.toml is not as the report expects it: {0}; correct it and build again")]
    Peers(#[from] toml::de::Error),
}

/// What the page is made from.
#[derive(Clone, Copy)]
struct Source<'a> {
    /// What is reported.
    runs: &'a [Run],
    /// What was measured before.
    history: &'a [Run],
    /// What stands beside it.
    peers: &'a Peers,
}

impl<'a> Source<'a> {
    /// The run of an instrument.
    fn run(&self, instrument: Instrument) -> Option<&'a Run> {
        self.runs.iter().rev().find(|run| run.instrument == instrument)
    }

    /// The runs that are reported, in the order of the page.
    fn shown(&self) -> impl Iterator<Item = &'a Run> {
        Instrument::ALL.into_iter().filter_map(|instrument| self.run(instrument))
    }

    /// The in-kernel benchmarks: counted first, since that repeats, then timed.
    fn in_kernel(&self) -> impl Iterator<Item = &'a Run> {
        [Instrument::Instructions, Instrument::Kernel]
            .into_iter()
            .filter_map(|instrument| self.run(instrument))
    }
}

/// Something that is wanted, and what became of it.
struct Claim {
    /// What it is about.
    what: String,
    /// What was measured, and what is wanted.
    have: String,
    /// What is wanted.
    want: String,
    /// Whether it is.
    verdict: verdict::Verdict,
    /// The figure as a multiple of what it may be; `None` without a figure.
    of_must: Option<f64>,
}

/// An instrument's name for a reader.
const fn title(instrument: Instrument) -> &'static str {
    match instrument {
        Instrument::Instructions => "Instructions on one core",
        Instrument::Kernel => "Inside the kernel",
        Instrument::Linux => "Linux beside Keel",
        Instrument::Native => "Native",
    }
}

/// How an instrument is run.
const fn command(instrument: Instrument) -> &'static str {
    match instrument {
        Instrument::Instructions => "cargo keel bench --icount",
        Instrument::Kernel => "cargo keel bench",
        Instrument::Linux => "cargo keel bench --linux",
        Instrument::Native => "cargo keel bench --native",
    }
}
