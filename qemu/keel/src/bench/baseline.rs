//! The committed instruction counts, `bench/baseline.toml`: what no change may make worse unnoticed.
//!
//! An entry is the median of a benchmark under `-icount` and the commit on which it was accepted, so that a row that got worse names
//! the commits among which to look. The counts belong to one compiler: with another one nothing is compared.

use super::results::{Outcome, Run};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A row fails if it is worse by more than this many percent.
pub const TOLERANCE_PERCENT: f64 = 2.0;
/// The unit of what is guarded.
const UNIT: &str = "instructions";
/// What stands at the head of the file.
const HEAD: &str = "\
# Guest instructions per operation: one core under QEMU's -icount, median. `cargo keel test instructions` fails when a row
# is worse by more than 2%. `cargo keel bench --icount --accept` writes this file: see docs/benchmarks.md.
";

/// The file.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// As `rustc --version` names it.
    pub compiler: String,
    /// By benchmark.
    pub rows: BTreeMap<String, Entry>,
}

/// One benchmark.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The median.
    pub instructions: f64,
    /// What was checked out when it was accepted: the change that is measured here is this commit's or the next one's.
    pub commit: String,
}

/// Why there is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not there, or the disk says no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Not what this program wrote.
    #[error(
        "{path}: {source}; take it from git again, or write a new one with `cargo keel bench --icount --accept`"
    )]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: Box<toml::de::Error>,
    },
}

/// How a row compares.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is not in the file.
    New(f64),
    /// Within the tolerance.
    Same,
    /// Fewer instructions, by more than the tolerance.
    Better,
    /// More instructions, by more than the tolerance.
    Worse,
    /// It was measured once, and now it was not: why.
    Gone(String),
}

/// A row of the comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Compared {
    /// The benchmark.
    pub name: String,
    /// What the file says.
    pub accepted: Option<Entry>,
    /// What was measured.
    pub measured: Option<f64>,
    /// How they compare.
    pub change: Change,
}

impl Compared {
    /// By how many percent there are more instructions than accepted.
    pub fn percent(&self) -> Option<f64> {
        let (old, new) = (self.accepted.as_ref()?.instructions, self.measured?);
        (old > 0.0).then(|| (new / old - 1.0) * 100.0)
    }

    /// Whether it must not pass.
    pub fn is_failure(&self) -> bool {
        matches!(self.change, Change::Worse | Change::Gone(_))
    }
}

/// Why a row must not pass, and where to look.
impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, accepted, measured, change } = self;
        let (old, since) =
            accepted.as_ref().map_or((0.0, "?"), |entry| (entry.instructions, entry.commit.as_str()));
        let since = since.trim_end_matches('+');
        match (change, measured) {
            (Change::Gone(why), _) => {
                write!(f, "{name}: {old} instructions at {since}, and now no figure: {why}")
            }
            (_, Some(new)) => write!(
                f,
                "{name}: {new} instructions, {:+.1}% against {old} at {since}: look at `git log {since}..HEAD`",
                self.percent().unwrap_or(f64::INFINITY)
            ),
            (_, None) => write!(f, "{name}: {old} instructions at {since}"),
        }
    }
}

impl Baseline {
    /// Where it is in the repository at `root`.
    pub fn path(root: &Path) -> PathBuf {
        root.join("bench/baseline.toml")
    }

    /// Reads it. An absent file is an error: it is part of the repository.
    pub fn read(root: &Path) -> Result<Self, BaselineError> {
        let path = Self::path(root);
        let text = std::fs::read_to_string(&path)
            .map_err(|source| BaselineError::Io { path: path.clone(), source })?;
        toml::from_str(&text).map_err(|source| BaselineError::Parse { path, source: Box::new(source) })
    }

    /// Writes it.
    pub fn write(&self, root: &Path) -> Result<PathBuf, BaselineError> {
        let path = Self::path(root);
        let text = toml::to_string(self).map_err(io::Error::other);
        text.and_then(|text| std::fs::write(&path, format!("{HEAD}{text}")))
            .map_err(|source| BaselineError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// Compares what was measured with the file: the rows of `run` that count instructions, and those of the file that should have been
    /// among them. `all` says whether everything was run; otherwise what is absent was not asked for.
    pub fn compare(&self, run: &Run, all: bool) -> Vec<Compared> {
        let mut compared = Vec::new();
        let mut seen = Vec::new();
        for row in run.rows.iter().filter(|row| row.unit == UNIT) {
            let accepted = self.rows.get(&row.name).cloned();
            seen.push(row.name.as_str());
            let (measured, change) = match (&row.outcome, &accepted) {
                (Outcome::Measured(figures), Some(entry)) => {
                    (Some(figures.median), change(entry.instructions, figures.median))
                }
                (Outcome::Measured(figures), None) => (Some(figures.median), Change::New(figures.median)),
                (Outcome::Missing(why) | Outcome::Skipped(why) | Outcome::Failed(why), Some(_)) => {
                    (None, Change::Gone(why.clone()))
                }
                (_, None) => continue,
            };
            compared.push(Compared { name: row.name.clone(), accepted, measured, change });
        }
        let absent = self.rows.iter().filter(|(name, _)| all && !seen.contains(&name.as_str()));
        compared.extend(absent.map(|(name, entry)| Compared {
            name: name.clone(),
            accepted: Some(entry.clone()),
            measured: None,
            change: Change::Gone("no such benchmark was run".into()),
        }));
        compared
    }

    /// Takes over what is new or better, and of the rows that `named` names whatever was measured. Rows that no benchmark has any
    /// more go if everything was run (`all`). Returns the names of the rows that changed.
    pub fn accept(&mut self, run: &Run, all: bool, named: &[String], compiler: &str) -> Vec<String> {
        // Another compiler's counts say nothing about these.
        let is_other_compiler = self.compiler != compiler;
        let mut changed = Vec::new();
        for row in self.compare(run, all) {
            let is_named = named.contains(&row.name);
            match (row.change, row.measured) {
                (Change::Gone(_), _) if all && run.rows.iter().all(|have| have.name != row.name) => {
                    self.rows.remove(&row.name);
                }
                (Change::Worse | Change::Same, Some(_)) if !is_named && !is_other_compiler => continue,
                (_, Some(instructions)) => {
                    let entry = Entry { instructions, commit: run.commit.clone() };
                    if row.accepted.is_some_and(|old| old.instructions == instructions) {
                        continue;
                    }
                    self.rows.insert(row.name.clone(), entry);
                }
                (_, None) => continue,
            }
            changed.push(row.name);
        }
        self.compiler = compiler.to_owned();
        changed
    }
}

fn change(old: f64, new: f64) -> Change {
    let tolerated = old * TOLERANCE_PERCENT / 100.0;
    if new > old + tolerated {
        Change::Worse
    } else if new < old - tolerated {
        Change::Better
    } else {
        Change::Same
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::{Better, Figures, Instrument, Row};
    use super::*;

    fn run(rows: &[(&str, Outcome)]) -> Run {
        let row = |(name, outcome): &(&str, Outcome)| Row {
            name: (*name).into(),
            subject: "keel".into(),
            what: String::new(),
            subtracted: String::new(),
            unit: UNIT.into(),
            better: Better::Lower,
            outcome: outcome.clone(),
        };
        Run {
            instrument: Instrument::Instructions,
            commit: "new".into(),
            date: String::new(),
            setting: BTreeMap::new(),
            rows: rows.iter().map(row).collect(),
        }
    }

    fn measured(median: f64) -> Outcome {
        Outcome::Measured(Figures { median, ..Default::default() })
    }

    fn baseline(rows: &[(&str, f64)]) -> Baseline {
        let entry = |(name, instructions): &(&str, f64)| {
            ((*name).to_owned(), Entry { instructions: *instructions, commit: "old+".into() })
        };
        Baseline { compiler: "rustc 1".into(), rows: rows.iter().map(entry).collect() }
    }

    #[test]
    fn more_than_two_percent_worse_fails_and_says_where_to_look() {
        let baseline = baseline(&[("a", 100.0), ("b", 100.0), ("c", 100.0), ("d", 5.0)]);
        let run = run(&[
            ("a", measured(102.0)),
            ("b", measured(103.0)),
            ("c", measured(97.0)),
            ("d", measured(6.0)),
        ]);
        let compared = baseline.compare(&run, true);
        let failures: Vec<String> =
            compared.iter().filter(|row| row.is_failure()).map(ToString::to_string).collect();
        assert_eq!(
            failures,
            [
                "b: 103 instructions, +3.0% against 100 at old: look at `git log old..HEAD`",
                "d: 6 instructions, +20.0% against 5 at old: look at `git log old..HEAD`"
            ]
        );
        assert_eq!((&compared[0].change, &compared[2].change), (&Change::Same, &Change::Better));
    }

    #[test]
    fn a_row_that_has_no_figure_any_more_fails() {
        let baseline = baseline(&[("a", 100.0), ("b", 100.0)]);
        let run = run(&[
            ("a", Outcome::Failed("it broke".into())),
            ("new", measured(1.0)),
            ("x", Outcome::Missing("no".into())),
        ]);
        let compared = baseline.compare(&run, true);
        let changes: Vec<(&str, &Change)> =
            compared.iter().map(|row| (row.name.as_str(), &row.change)).collect();
        assert_eq!(
            changes,
            [
                ("a", &Change::Gone("it broke".into())),
                ("new", &Change::New(1.0)),
                ("b", &Change::Gone("no such benchmark was run".into()))
            ]
        );
        assert_eq!(baseline.compare(&run, false).len(), 2, "what was not asked for is not missed");
    }

    #[test]
    fn what_is_worse_is_accepted_by_name_alone() {
        let run = run(&[
            ("a", measured(90.0)),
            ("b", measured(110.0)),
            ("c", measured(110.0)),
            ("n", measured(1.0)),
        ]);
        let mut file = baseline(&[("a", 100.0), ("b", 100.0), ("c", 100.0), ("gone", 1.0)]);
        assert_eq!(file.accept(&run, true, &["c".into()], "rustc 1"), ["a", "c", "n", "gone"]);
        let rows: Vec<(&str, f64, &str)> = file
            .rows
            .iter()
            .map(|(name, row)| (name.as_str(), row.instructions, row.commit.as_str()))
            .collect();
        assert_eq!(rows, [("a", 90.0, "new"), ("b", 100.0, "old+"), ("c", 110.0, "new"), ("n", 1.0, "new")]);
    }

    #[test]
    fn another_compiler_replaces_all() {
        let mut file = baseline(&[("a", 100.0)]);
        assert_eq!(file.accept(&run(&[("a", measured(110.0))]), true, &[], "rustc 2"), ["a"]);
        assert_eq!((file.compiler.as_str(), file.rows["a"].instructions), ("rustc 2", 110.0));
    }

    #[test]
    fn the_file_is_read_back_as_written() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert!(matches!(Baseline::read(folder.path()), Err(BaselineError::Io { .. })));
        std::fs::create_dir(folder.path().join("bench"))?;
        let file = baseline(&[("a", 100.0), ("b", 2.5)]);
        let path = file.write(folder.path())?;
        assert_eq!(Baseline::read(folder.path())?, file);
        std::fs::write(path, "rows = 3")?;
        assert!(matches!(Baseline::read(folder.path()), Err(BaselineError::Parse { .. })));
        Ok(())
    }
}
