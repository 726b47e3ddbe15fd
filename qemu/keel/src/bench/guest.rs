//! Boots Keel once, lets it run benchmarks, and reads what they measured from the console.
//!
//! The console is outside input like any other: a line that is no JSON object is the kernel's log, and an object that says
//! neither what runs nor what was measured is passed over.

use super::follow::{FollowError, Listener, follow};
use super::progress::Progress;
use super::results::{Better, Figures, Outcome, Row};
use crate::run::command_line::CommandLine;
use crate::run::guest;
use crate::run::qemu::{self, Console, Machine, Payload, QemuError};
use crate::run::signals::Stop;
use serde::Deserialize;
use std::time::Duration;

/// Whose rows these are.
pub const KEEL: &str = "keel";

/// What to run in one boot.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The machine.
    pub machine: Machine,
    /// Names as `bench` takes them; empty for all.
    pub names: Vec<String>,
    /// How many samples each takes; each benchmark's own number if `None`.
    pub samples: Option<u64>,
    /// The cores to use, as `bench --cores` takes them.
    pub cores: Option<String>,
    /// More words for the kernel's command line.
    pub append: Vec<String>,
    /// How long one benchmark may take.
    pub limit: Duration,
}

/// Why a boot gave no figures, or not all.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// See [`QemuError`].
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// See [`FollowError`].
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// It ended well and has not run everything.
    #[error("of {of} benchmarks these gave no result: {missing}; the console's last lines:\n{tail}")]
    Incomplete {
        /// How many it wanted to run.
        of: u64,
        /// The names of those that began.
        missing: String,
        /// What it printed last.
        tail: String,
    },
    /// The command itself failed: a benchmark name that it does not know, for one.
    #[error("the guest's `bench` failed; the console's last lines:\n{0}")]
    Command(String),
}

/// An object on the console that says what begins, or what was measured.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Begin { running: String, number: u64, of: u64, core: u32 },
    Result(Box<Measured>),
}

/// What `bench --json` prints, as far as it is used here. An object without the first is something else's.
#[derive(Debug, Deserialize)]
struct Measured {
    bench: String,
    #[serde(flatten)]
    figures: MeasuredFigures,
}

/// The rest of it: not all of it is there if there are no figures.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct MeasuredFigures {
    unit: String,
    better: Better,
    what: String,
    subtracted: String,
    n: u64,
    median: f64,
    p90: f64,
    p99: f64,
    min: f64,
    max: f64,
    mad: f64,
    outliers: u64,
    quantiles: Vec<f64>,
    missing: Option<String>,
    skipped: Option<String>,
    error: Option<String>,
}

impl Measured {
    /// As a row; `None` if it has neither figures nor a reason.
    fn row(self) -> Option<Row> {
        let Self { bench, figures: it } = self;
        let outcome = match (it.missing, it.skipped, it.error) {
            (Some(why), _, _) => Outcome::Missing(why),
            (_, Some(why), _) => Outcome::Skipped(why),
            (_, _, Some(why)) => Outcome::Failed(why),
            _ if it.n == 0 || it.unit.is_empty() => return None,
            _ => Outcome::Measured(Figures {
                n: it.n,
                median: it.median,
                p90: it.p90,
                p99: it.p99,
                min: it.min,
                max: it.max,
                mad: it.mad,
                outliers: it.outliers,
                medians: vec![it.median],
                quantiles: it.quantiles,
            }),
        };
        let MeasuredFigures { unit, better, what, subtracted, .. } = it;
        Some(Row { name: bench, subject: KEEL.into(), what, subtracted, unit, better, outcome })
    }
}

/// Boots `payload`, runs what `plan` says, and waits for the end. `what` names the run in the line of progress, if there is to be one.
///
/// # Errors
/// Unless each benchmark that was begun gave a row; one that failed by itself is such a row.
pub fn measure(
    payload: &Payload,
    plan: &Plan,
    what: Option<&str>,
    stop: &Stop,
) -> Result<Vec<Row>, GuestError> {
    let mut words = vec!["bench".to_owned()];
    if plan.names.is_empty() {
        words.push("all".into());
    }
    words.extend(plan.names.iter().cloned());
    words.extend(plan.samples.map(|samples| format!("--samples={samples}")));
    words.extend(plan.cores.as_ref().map(|cores| format!("--cores={cores}")));
    words.extend(["--progress", "--json"].map(String::from));
    let mut reader = Reader { what, ..Default::default() };
    let (outcome, tail) = converse(payload, plan, words.join(" "), stop, &mut reader)?;
    reader.finish(outcome, tail)
}

/// The names of the benchmarks that `payload` has. Of `plan` only the machine counts.
pub fn names(payload: &Payload, plan: &Plan, stop: &Stop) -> Result<Vec<String>, GuestError> {
    let mut list = List::default();
    let (_, tail) = converse(payload, plan, "bench --json".into(), stop, &mut list)?;
    if list.0.is_empty() { Err(GuestError::Command(tail)) } else { Ok(list.0) }
}

/// From the start of QEMU to the line that the kernel's first task prints, in a boot that runs nothing else. Of `plan` only the
/// machine counts.
pub fn time_to_first_task(payload: &Payload, plan: &Plan, stop: &Stop) -> Result<Duration, GuestError> {
    let mut first = FirstTask(None);
    let (_, tail) = converse(payload, plan, NO_WORK.into(), stop, &mut first)?;
    first.0.ok_or(GuestError::Command(tail))
}

/// A console command that costs nothing.
const NO_WORK: &str = "help poweroff";

/// Waits for the line that the first task prints.
struct FirstTask(Option<Duration>);

impl Listener for FirstTask {
    fn line(&mut self, line: &str, since_start: Duration) -> Result<bool, String> {
        if line.starts_with(FIRST_TASK) {
            self.0.get_or_insert(since_start);
        }
        Ok(false)
    }

    fn running(&self) -> String {
        BOOTING.into()
    }
}

/// Boots, runs one console command and waits for the end. A failed benchmark makes the command fail; the others have run, and
/// the row says what was wrong.
fn converse(
    payload: &Payload,
    plan: &Plan,
    command: String,
    stop: &Stop,
    listener: &mut impl Listener,
) -> Result<(guest::Outcome, String), GuestError> {
    let exec = [command];
    let line = CommandLine { smp: plan.machine.smp, exec: &exec, extra: &plan.append, ..Default::default() };
    let command = qemu::command(payload, &plan.machine, &line, Console::Pipe)?;
    let is_good = |outcome| matches!(outcome, guest::Outcome::Success | guest::Outcome::CommandFailed);
    Ok(follow(command, plan.limit, stop, listener, is_good)?)
}

/// How the line begins that the kernel's first task prints.
const FIRST_TASK: &str = "ready: ";

/// What runs before the first benchmark.
const BOOTING: &str = "booting, before the first benchmark";
/// How the object of a result begins.
const RESULT: &str = "{\"bench\":";

/// Takes in what is measured.
#[derive(Default)]
struct Reader<'a> {
    what: Option<&'a str>,
    rows: Vec<Row>,
    /// The benchmarks that have begun, and the core that the last one is on.
    begun: Vec<String>,
    core: u32,
    /// How many there will be.
    of: u64,
    progress: Option<Progress>,
}

impl Reader<'_> {
    /// All rows, if each benchmark has one.
    fn finish(self, outcome: guest::Outcome, tail: String) -> Result<Vec<Row>, GuestError> {
        let has_failed = self.rows.iter().any(|row| matches!(row.outcome, Outcome::Failed(_)));
        if self.rows.is_empty() || (outcome == guest::Outcome::CommandFailed && !has_failed) {
            return Err(GuestError::Command(tail));
        }
        let missing: Vec<&str> = self
            .begun
            .iter()
            .filter(|name| self.rows.iter().all(|row| row.name != **name))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() || self.begun.len() as u64 != self.of {
            return Err(GuestError::Incomplete { of: self.of, missing: missing.join(" "), tail });
        }
        Ok(self.rows)
    }
}

impl Listener for Reader<'_> {
    fn line(&mut self, line: &str, _: Duration) -> Result<bool, String> {
        match serde_json::from_str(line) {
            Ok(Line::Begin { running, number, of, core }) => {
                if number > 1
                    && let Some(progress) = &mut self.progress
                {
                    progress.end();
                }
                if let Some(what) = self.what {
                    self.progress.get_or_insert_with(|| Progress::new(what, of)).begin(&running);
                }
                (self.core, self.of) = (core, of);
                self.begun.push(running);
                Ok(true)
            }
            Ok(Line::Result(measured)) => {
                let Some(row) = measured.row() else {
                    return Err(format!("a result without figures: {line}"));
                };
                if self.rows.iter().any(|have| have.name == row.name) {
                    return Err(format!("a second result of {}", row.name));
                }
                self.rows.push(row);
                Ok(true)
            }
            // Something else's words may have come before it on its line; that row must not just be absent.
            Err(_) if line.contains(RESULT) => Err(format!("a result that is damaged: {line}")),
            Err(_) => Ok(false),
        }
    }

    fn running(&self) -> String {
        let core = self.core;
        self.begun.last().map_or_else(|| BOOTING.into(), |name| format!("benchmark {name} on core {core}"))
    }
}

/// Takes in the names that `bench --json` lists.
#[derive(Default)]
struct List(Vec<String>);

impl Listener for List {
    fn line(&mut self, line: &str, _: Duration) -> Result<bool, String> {
        #[derive(Deserialize)]
        struct Names {
            benches: Vec<Name>,
        }
        #[derive(Deserialize)]
        struct Name {
            bench: String,
        }
        let Ok(names) = serde_json::from_str::<Names>(line) else { return Ok(false) };
        self.0.extend(names.benches.into_iter().map(|name| name.bench));
        Ok(true)
    }

    fn running(&self) -> String {
        BOOTING.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a guest has that printed these lines and ended.
    fn read(lines: &[&str], outcome: guest::Outcome) -> Result<Vec<Row>, String> {
        let mut reader = Reader::default();
        for line in lines {
            reader
                .line(line, Duration::from_secs(1))
                .map_err(|what| format!("{}: {what}", reader.running()))?;
        }
        reader.finish(outcome, "last words".into()).map_err(|error| error.to_string())
    }

    const BEGIN: &str = r#"{"running":"ipi","number":1,"of":1,"core":3}"#;
    const SKIPPED: &str = r#"{"bench":"ipi","skipped":"it needs 2 cores"}"#;

    #[test]
    fn results_are_found_among_the_log() {
        let rows = read(&[
            "ready: 20 ms from entry to console",
            r#"{"running":"yield","number":1,"of":2,"core":3}"#,
            r#"{"bench":"yield","unit":"cycles","better":"lower","n":50,"median":975,"p90":1014,"p99":1326,"min":949,"max":1326,"mad":13,"outliers":5,"quantiles":[949,1326],"what":"switch","subtracted":"loops","median_ns":5}"#,
            r#"{"running":"ipi","number":2,"of":2,"core":3}"#,
            r#"{"bench":"ipi","skipped":"it needs 2 cores","what":"call","unit":"cycles","better":"lower"}"#,
        ], guest::Outcome::Success)
        .expect("all is there");
        let [first, second] = &rows[..] else { panic!("two rows: {rows:?}") };
        assert_eq!(
            (first.name.as_str(), first.unit.as_str(), first.subtracted.as_str()),
            ("yield", "cycles", "loops")
        );
        let Outcome::Measured(figures) = &first.outcome else { panic!("measured: {first:?}") };
        assert_eq!((figures.n, figures.median, figures.mad, figures.outliers), (50, 975.0, 13.0, 5));
        assert_eq!((&figures.medians[..], &figures.quantiles[..]), (&[975.0][..], &[949.0, 1326.0][..]));
        assert_eq!(second.outcome, Outcome::Skipped("it needs 2 cores".into()));
    }

    #[test]
    fn names_are_read_from_the_list() {
        let mut list = List::default();
        assert_eq!(list.line("keel> bench --json", Duration::ZERO), Ok(false));
        let line = r#"{"benches":[{"bench":"null","unit":"cycles"},{"bench":"yield"}]}"#;
        assert_eq!(list.line(line, Duration::ZERO), Ok(true));
        assert_eq!(list.0, ["null", "yield"]);
    }

    #[test]
    fn what_is_no_result_is_passed_over() {
        let other = ["{", "{}", r#"{"cores":[]}"#, r#"{"running":"yield"}"#, "keel> bench all"];
        let lines: Vec<&str> = other.into_iter().chain([BEGIN, SKIPPED]).collect();
        assert_eq!(read(&lines, guest::Outcome::Success).map(|rows| rows.len()), Ok(1));
    }

    #[test]
    fn a_row_never_just_vanishes() {
        let success = guest::Outcome::Success;
        for (lines, words) in [
            (&[BEGIN, r#"{"bench":"ipi"}"#][..], "benchmark ipi on core 3: a result without figures"),
            (&[BEGIN, r#"{"bench":"ipi","n":9,"median":4}"#], "without figures"),
            (&[BEGIN, r#"{"bench":"ipi","n":"many"}"#], "damaged"),
            (&[BEGIN, r#"[ 1.0 WARN core 2] x{"bench":"ipi","skipped":"no"}"#], "damaged"),
            (&[BEGIN, SKIPPED, SKIPPED], "a second result of ipi"),
            (&[BEGIN], "the guest's `bench` failed"),
            (&[r#"{"running":"null","number":1,"of":2,"core":0}"#, BEGIN, SKIPPED], "gave no result: null"),
            (&[r#"{"running":"ipi","number":1,"of":2,"core":0}"#, SKIPPED], "of 2 benchmarks"),
        ] {
            let error = read(lines, success).expect_err("a row is not there");
            assert!(error.contains(words), "{lines:?}: {error}");
        }
        let failed = read(&[BEGIN, SKIPPED], guest::Outcome::CommandFailed).expect_err("and no row says why");
        assert!(failed.contains("last words"), "{failed}");
    }
}
