//! What an instrument measured, as it is stored, compared and drawn.
//!
//! Every instrument (the kernel's own benchmarks, instruction counts, Linux beside Keel, the native benchmarks) gives a [`Run`]; the
//! table, the baseline, the report and the history are made from nothing else. One file of JSON holds one run.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// How something was measured.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Instrument {
    /// The in-kernel benchmarks, in cycles of the TSC as the guest sees it.
    Kernel,
    /// The in-kernel benchmarks on one core under `-icount`, in guest instructions.
    Instructions,
    /// Linux and Keel alternating on the same machine model.
    Linux,
    /// The crates that run on the host, with criterion, beside other libraries.
    Native,
}

impl Instrument {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 4] = [Self::Instructions, Self::Kernel, Self::Linux, Self::Native];

    /// Its name in file names and for `serde`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Instructions => "instructions",
            Self::Linux => "linux",
            Self::Native => "native",
        }
    }
}

/// One run of one instrument.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Run {
    /// How.
    pub instrument: Instrument,
    /// The commit that was measured; followed by `+` if files had been changed since. `unknown` without git.
    pub commit: String,
    /// When it ended: UTC, as `2024-01-31T12:00:00Z`.
    pub date: String,
    /// What was run on what, for a reader: host CPU, its cores, QEMU's version, guest cores, compiler, the peer's version.
    pub setting: BTreeMap<String, String>,
    /// What was measured.
    pub rows: Vec<Row>,
}

/// One operation of one subject.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Row {
    /// The operation, by the name under which it is compared: `yield`, `alloc_64`.
    pub name: String,
    /// Whose operation: `keel`, `linux_kernel`, `linux_user`, `mimalloc`.
    pub subject: String,
    /// The operation in words.
    #[serde(default)]
    pub what: String,
    /// What was taken out of each sample.
    #[serde(default)]
    pub subtracted: String,
    /// `cycles`, `ns`, `instructions`.
    pub unit: String,
    /// Which way is better.
    #[serde(default)]
    pub better: Better,
    /// The figures, or why there are none.
    pub outcome: Outcome,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Costs.
    #[default]
    Lower,
    /// Throughputs.
    Higher,
}

/// Figures, or why there are none.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was measured.
    Measured(Figures),
    /// What would be measured does not exist yet; says what is missing.
    Missing(String),
    /// It cannot be measured here (too few cores, a package that cannot be had); says why.
    Skipped(String),
    /// It went wrong; says how.
    Failed(String),
}

/// Order statistics in the row's unit.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Figures {
    /// How many samples stand behind it, all repeats together.
    pub n: u64,
    /// The middle sample; with several repeats, the median of their medians.
    pub median: f64,
    /// Nearest rank, of the repeat in the middle.
    pub p90: f64,
    /// Nearest rank, of the repeat in the middle.
    pub p99: f64,
    /// The smallest of all repeats.
    pub min: f64,
    /// The largest of all repeats.
    pub max: f64,
    /// Median distance from the median, of the repeat in the middle.
    pub mad: f64,
    /// How many samples lie far outside; they are counted, never removed.
    pub outliers: u64,
    /// The median of each repeat, in the order of the repeats: one if it was run once.
    pub medians: Vec<f64>,
    /// The distribution as quantiles at equal steps from the minimum to the maximum (21: every 5%); empty where it is not known.
    #[serde(default)]
    pub quantiles: Vec<f64>,
}

impl Figures {
    /// Those of one sample.
    pub fn single(value: f64) -> Self {
        Self {
            n: 1,
            median: value,
            p90: value,
            p99: value,
            min: value,
            max: value,
            medians: vec![value],
            ..Self::default()
        }
    }

    /// The smallest and the largest of the repeats' medians: the spread to print beside a ratio.
    pub fn spread(&self) -> (f64, f64) {
        let fold =
            |pick: fn(f64, f64) -> f64| self.medians.iter().copied().reduce(pick).unwrap_or(self.median);
        (fold(f64::min), fold(f64::max))
    }
}

#[cfg(test)]
impl Row {
    /// A row for a test, of which nothing else matters.
    pub fn sample(name: &str, subject: &str, unit: &str, outcome: Outcome) -> Self {
        Self {
            name: name.into(),
            subject: subject.into(),
            what: String::new(),
            subtracted: String::new(),
            unit: unit.into(),
            better: Better::Lower,
            outcome,
        }
    }
}

impl Run {
    /// The row of `name` and `subject`.
    pub fn row(&self, name: &str, subject: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name && row.subject == subject)
    }

    /// The figures of `name` and `subject`, if it was measured.
    pub fn figures(&self, name: &str, subject: &str) -> Option<&Figures> {
        match &self.row(name, subject)?.outcome {
            Outcome::Measured(figures) => Some(figures),
            Outcome::Missing(_) | Outcome::Skipped(_) | Outcome::Failed(_) => None,
        }
    }

    /// Writes it as `FOLDER/<instrument>.json`.
    pub fn save(&self, folder: &Path) -> Result<PathBuf, ResultsError> {
        self.save_as(&folder.join(self.instrument.name()).with_extension("json"))
    }

    /// Writes it to the file `path`, whose folder is made if need be.
    pub fn save_as(&self, path: &Path) -> Result<PathBuf, ResultsError> {
        let fail = |source| ResultsError::Write { path: path.to_owned(), source };
        path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(fail)?;
        let text = serde_json::to_string_pretty(self).map_err(io::Error::from).map_err(fail)?;
        std::fs::write(path, text + "\n").map_err(fail)?;
        Ok(path.to_owned())
    }

    /// Reads a run back; `None` if there is no such file.
    pub fn load(path: &Path) -> Result<Option<Self>, ResultsError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ResultsError::Read { path: path.to_owned(), source }),
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|source| ResultsError::Parse { path: path.to_owned(), source })
    }
}

/// The committed runs in `folder`, oldest first; none if there is no such folder.
pub fn history(folder: &Path) -> Result<Vec<Run>, ResultsError> {
    let fail = |source| ResultsError::Read { path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>().map_err(fail)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let files = entries.into_iter().map(|entry| entry.path());
    let mut runs = Vec::new();
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        runs.extend(Run::load(&path)?);
    }
    runs.sort_by(|a, b| a.date.cmp(&b.date));
    Ok(runs)
}

/// Why results cannot be stored or read back.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The disk says no.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The disk says no.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Not what this program wrote.
    #[error("{path} is no result file ({source}); remove it and measure again")]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(date: &str) -> Run {
        let row = Row {
            name: "yield".into(),
            subject: "keel".into(),
            what: "switch".into(),
            subtracted: "nothing".into(),
            unit: "cycles".into(),
            better: Better::Higher,
            outcome: Outcome::Measured(Figures {
                median: 5.0,
                medians: vec![4.0, 6.0],
                ..Default::default()
            }),
        };
        let absent =
            Row { name: "ipi".into(), outcome: Outcome::Missing("nothing there".into()), ..row.clone() };
        Run {
            instrument: Instrument::Kernel,
            commit: "c".into(),
            date: date.into(),
            setting: [("QEMU".to_owned(), "10.0".to_owned())].into(),
            rows: vec![row, absent],
        }
    }

    #[test]
    fn a_run_is_read_back_as_it_was_written() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let path = run("2024").save(&folder.path().join("new"))?;
        let back = Run::load(&path)?.ok_or("it was just written")?;
        assert_eq!(back, run("2024"));
        assert_eq!(back.figures("yield", "keel").map(Figures::spread), Some((4.0, 6.0)));
        assert_eq!((back.figures("ipi", "keel"), back.figures("yield", "linux")), (None, None));
        assert_eq!(Run::load(&folder.path().join("absent.json"))?, None);
        Ok(())
    }

    #[test]
    fn the_history_is_in_order_and_refuses_what_is_no_result() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert_eq!(history(&folder.path().join("absent"))?, []);
        run("2025").save_as(&folder.path().join("a.json"))?;
        run("2024").save_as(&folder.path().join("b.json"))?;
        std::fs::write(folder.path().join("README.md"), "words")?;
        let dates: Vec<String> = history(folder.path())?.into_iter().map(|run| run.date).collect();
        assert_eq!(dates, ["2024", "2025"]);
        std::fs::write(folder.path().join("c.json"), "{}")?;
        assert!(matches!(history(folder.path()), Err(ResultsError::Parse { .. })));
        Ok(())
    }
}
