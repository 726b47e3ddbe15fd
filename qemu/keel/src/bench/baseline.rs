//! The committed instruction counts, `bench/baseline.toml`: what no change may make worse unnoticed.
//!
//! An entry is the median of a benchmark under `-icount` and the commit on which it was accepted, so that a row that got worse names
//! the commits among which to look. The counts belong to one compiler and one QEMU: with others nothing is compared.

use super::results::{Outcome, Run};
use super::select::selects;
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
    /// What the counts belong to.
    pub tools: Tools,
    /// By benchmark.
    pub rows: BTreeMap<String, Entry>,
}

/// What decides how many instructions there are, beside the sources.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tools {
    /// As `rustc --version` names it.
    pub compiler: String,
    /// Its version; its CPU model's features choose between code paths.
    pub qemu: String,
}

impl fmt::Display for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with QEMU {}", self.compiler, self.qemu)
    }
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
    /// A count that compares with nothing.
    #[error("{path}: {name} has {instructions} instructions; take the file from git again")]
    Count {
        /// The file.
        path: PathBuf,
        /// The row.
        name: String,
        /// Not a number, or none that can be.
        instructions: f64,
    },
    /// Counts of two compilers in one file could not be told apart.
    #[error(
        "the accepted counts are those of {old}, and this is {new}: accept all of them, with --accept and no names"
    )]
    OtherTools {
        /// Whose counts the file has.
        old: Tools,
        /// What is here.
        new: Tools,
    },
    /// A misspelt name.
    #[error("nothing was accepted, because no benchmark is called {0}")]
    NoSuchBenchmark(String),
    /// The rows without figures would keep their old counts.
    #[error("nothing was accepted, because these failed: {0}")]
    Failed(String),
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
        let file: Self = match toml::from_str(&text) {
            Ok(file) => file,
            Err(source) => return Err(BaselineError::Parse { path, source: Box::new(source) }),
        };
        // Comparing with what is no number would find nothing worse.
        match file.rows.iter().find(|(_, row)| !(row.instructions.is_finite() && row.instructions >= 0.0)) {
            None => Ok(file),
            Some((name, row)) => {
                Err(BaselineError::Count { path, name: name.clone(), instructions: row.instructions })
            }
        }
    }

    /// Writes it.
    pub fn write(&self, root: &Path) -> Result<PathBuf, BaselineError> {
        let path = Self::path(root);
        let text = toml::to_string(self).map_err(io::Error::other);
        text.and_then(|text| std::fs::write(&path, format!("{HEAD}{text}")))
            .map_err(|source| BaselineError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// Compares what was measured, which is everything or what `names` name, with the file: the rows of `run` that count instructions, and
    /// those of the file that should have been among them.
    pub fn compare(&self, run: &Run, names: &[String]) -> Vec<Compared> {
        let mut compared = Vec::new();
        for row in run.rows.iter().filter(|row| row.unit == UNIT) {
            let accepted = self.rows.get(&row.name).cloned();
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
        let all = self.names(run);
        let is_absent = |name: &str| compared.iter().all(|have| have.name != name);
        let absent: Vec<_> =
            self.rows.iter().filter(|(name, _)| selects(names, name, &all) && is_absent(name)).collect();
        compared.extend(absent.into_iter().map(|(name, entry)| {
            let other_unit = run.rows.iter().find(|row| row.name == *name).map(|row| &row.unit);
            let why =
                other_unit.map_or("it was not run".to_owned(), |unit| format!("its unit is now {unit}"));
            Compared {
                name: name.clone(),
                accepted: Some(entry.clone()),
                measured: None,
                change: Change::Gone(why),
            }
        }));
        compared
    }

    /// The names of all benchmarks, of the file and of `run`.
    fn names<'a>(&'a self, run: &'a Run) -> Vec<&'a str> {
        self.rows.keys().map(String::as_str).chain(run.rows.iter().map(|row| row.name.as_str())).collect()
    }

    /// Takes over what is new or better in `run`, which ran everything; and of the rows that `names` name whatever there is: worse
    /// figures too, and that there is none any more. Counts of other tools are all replaced. Returns the names of the rows that changed.
    ///
    /// # Errors
    /// If a benchmark failed, or if the tools are others and only some rows are named; nothing changes then.
    pub fn accept(
        &mut self,
        run: &Run,
        names: &[String],
        tools: &Tools,
    ) -> Result<Vec<String>, BaselineError> {
        let failed = run.rows.iter().filter(|row| matches!(row.outcome, Outcome::Failed(_)));
        let failed: Vec<&str> = failed.map(|row| row.name.as_str()).collect();
        if !failed.is_empty() {
            return Err(BaselineError::Failed(failed.join(" ")));
        }
        let has_others = self.tools != *tools;
        if has_others && !names.is_empty() {
            return Err(BaselineError::OtherTools { old: self.tools.clone(), new: tools.clone() });
        }
        let all: Vec<String> = self.names(run).into_iter().map(str::to_owned).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let selects_nothing =
            |word: &&String| !all.iter().any(|name| selects(std::slice::from_ref(*word), name, &all));
        if let Some(word) = names.iter().find(selects_nothing) {
            return Err(BaselineError::NoSuchBenchmark(word.clone()));
        }
        let mut changed = Vec::new();
        for row in self.compare(run, &[]) {
            let is_named = !names.is_empty() && selects(names, &row.name, &all);
            match (row.change, row.measured) {
                (Change::Gone(_), _) if is_named || has_others => {
                    self.rows.remove(&row.name);
                }
                (Change::Gone(_), _) | (_, None) => continue,
                (Change::Worse | Change::Same, _) if !is_named && !has_others => continue,
                (_, Some(instructions)) => {
                    if row.accepted.is_some_and(|old| old.instructions == instructions) {
                        continue;
                    }
                    let entry = Entry { instructions, commit: run.commit.clone() };
                    self.rows.insert(row.name.clone(), entry);
                }
            }
            changed.push(row.name);
        }
        self.tools = tools.clone();
        Ok(changed)
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
    use super::super::results::{Figures, Instrument, Row};
    use super::*;

    fn run(rows: &[(&str, Outcome)]) -> Run {
        let row = |(name, outcome): &(&str, Outcome)| Row::sample(name, "keel", UNIT, outcome.clone());
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
        Baseline { tools: tools("rustc 1"), rows: rows.iter().map(entry).collect() }
    }

    fn tools(compiler: &str) -> Tools {
        Tools { compiler: compiler.into(), qemu: "10.0".into() }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
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
        let compared = baseline.compare(&run, &[]);
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
        let compared = baseline.compare(&run, &[]);
        let changes: Vec<(&str, &Change)> =
            compared.iter().map(|row| (row.name.as_str(), &row.change)).collect();
        assert_eq!(
            changes,
            [
                ("a", &Change::Gone("it broke".into())),
                ("new", &Change::New(1.0)),
                ("b", &Change::Gone("it was not run".into()))
            ]
        );
        assert_eq!(
            baseline.compare(&run, &words(&["a", "new"])).len(),
            2,
            "what was not asked for is not missed"
        );
    }

    #[test]
    fn a_row_of_another_unit_is_gone() {
        let mut other = run(&[("a", measured(5.0))]);
        other.rows[0].unit = "ns".into();
        let compared = baseline(&[("a", 5.0)]).compare(&other, &[]);
        assert_eq!(compared[0].change, Change::Gone("its unit is now ns".into()));
        assert!(compared[0].is_failure());
    }

    #[test]
    fn what_is_worse_or_gone_is_accepted_by_name_alone() -> Result<(), BaselineError> {
        let rows = [("a", 90.0), ("b", 110.0), ("c", 110.0), ("n", 1.0)]
            .map(|(name, median)| (name, measured(median)));
        let run = run(&rows);
        let mut file = baseline(&[("a", 100.0), ("b", 100.0), ("c", 100.0), ("g_1", 1.0), ("lost", 1.0)]);
        assert_eq!(file.accept(&run, &words(&["c", "g"]), &tools("rustc 1"))?, ["a", "c", "n", "g_1"]);
        let rows: Vec<(&str, f64, &str)> = file
            .rows
            .iter()
            .map(|(name, row)| (name.as_str(), row.instructions, row.commit.as_str()))
            .collect();
        assert_eq!(
            rows,
            [
                ("a", 90.0, "new"),
                ("b", 100.0, "old+"),
                ("c", 110.0, "new"),
                ("lost", 1.0, "old+"),
                ("n", 1.0, "new")
            ]
        );
        Ok(())
    }

    #[test]
    fn other_tools_replace_all_or_nothing() -> Result<(), BaselineError> {
        let mut file = baseline(&[("a", 100.0), ("gone", 1.0)]);
        let before = file.clone();
        let run = run(&[("a", measured(110.0))]);
        let refused = file.accept(&run, &words(&["a"]), &tools("rustc 2"));
        assert!(matches!(refused, Err(BaselineError::OtherTools { .. })));
        assert_eq!(file, before);
        assert_eq!(file.accept(&run, &[], &tools("rustc 2"))?, ["a", "gone"]);
        assert_eq!(
            (&file.tools, file.rows.len(), file.rows["a"].instructions),
            (&tools("rustc 2"), 1, 110.0)
        );
        Ok(())
    }

    #[test]
    fn a_misspelt_name_is_an_error() {
        let mut file = baseline(&[("a", 100.0)]);
        let run = run(&[("a", measured(90.0))]);
        let refused = file.accept(&run, &words(&["a", "b"]), &tools("rustc 1"));
        assert!(matches!(refused, Err(BaselineError::NoSuchBenchmark(name)) if name == "b"));
        assert_eq!(file.rows["a"].instructions, 100.0);
    }

    #[test]
    fn nothing_is_accepted_beside_a_failure() {
        let mut file = baseline(&[("a", 100.0)]);
        let run = run(&[("a", measured(90.0)), ("b", Outcome::Failed("it broke".into()))]);
        assert!(
            matches!(file.accept(&run, &[], &tools("rustc 1")), Err(BaselineError::Failed(names)) if names == "b")
        );
        assert_eq!(file.rows["a"].instructions, 100.0);
    }

    #[test]
    fn the_file_is_read_back_as_written() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        assert!(matches!(Baseline::read(folder.path()), Err(BaselineError::Io { .. })));
        std::fs::create_dir(folder.path().join("bench"))?;
        let file = baseline(&[("a", 100.0), ("b", 2.5)]);
        let path = file.write(folder.path())?;
        assert_eq!(Baseline::read(folder.path())?, file);
        let text = std::fs::read_to_string(&path)?;
        for wrong in ["nan", "inf", "-1.0"] {
            std::fs::write(&path, text.replace("100.0", wrong))?;
            assert!(matches!(Baseline::read(folder.path()), Err(BaselineError::Count { .. })), "{wrong}");
        }
        std::fs::write(path, "rows = 3")?;
        assert!(matches!(Baseline::read(folder.path()), Err(BaselineError::Parse { .. })));
        Ok(())
    }
}
