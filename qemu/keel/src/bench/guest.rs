//! Boots Keel once, lets it run benchmarks, and reads what they measured from the console.
//!
//! The console is outside input like any other: a line that is no JSON object is the kernel's log, and an object that says
//! neither what runs nor what was measured is passed over.

use super::progress::Progress;
use super::results::{Better, Figures, Outcome, Row};
use crate::run::command_line::CommandLine;
use crate::run::console::{Plain, Tail};
use crate::run::guest::{self, Event, Guest};
use crate::run::qemu::{self, Console, Machine, Payload, QemuError};
use crate::run::signals::Stop;
use serde::Deserialize;
use std::io;
use std::time::{Duration, Instant};

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
    /// Its console broke off.
    #[error("cannot talk to the guest: {0}")]
    Io(#[from] io::Error),
    /// It ended before it had run everything.
    #[error("{running}: {outcome}; the console's last lines:\n{tail}")]
    Died {
        /// What was running.
        running: Running,
        /// How the guest ended.
        outcome: guest::Outcome,
        /// What it printed last.
        tail: String,
    },
    /// It hangs, or takes very long.
    #[error("{running}: not finished after {seconds} s (--timeout); the console's last lines:\n{tail}")]
    Timeout {
        /// What was running.
        running: Running,
        /// The limit.
        seconds: u64,
        /// What it printed last.
        tail: String,
    },
    /// Ctrl-C.
    #[error("interrupted; the guest was stopped")]
    Interrupted,
    /// A benchmark name that it does not know, for one.
    #[error("the guest measured nothing; the console's last lines:\n{0}")]
    Nothing(String),
}

/// Which benchmark runs, if any does yet, and where.
#[derive(Clone, Debug, Default)]
pub struct Running(Option<(String, u32)>);

impl std::fmt::Display for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some((name, core)) => write!(f, "benchmark {name} on core {core}"),
            None => write!(f, "booting, before the first benchmark"),
        }
    }
}

/// An object on the console that says what begins, or what was measured.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Begin { running: String, number: u64, of: u64, core: u32 },
    Result(Box<Measured>),
}

/// What `bench --json` prints, as far as it is used here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Measured {
    bench: String,
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
    /// As a row; `None` for an object that is no result.
    fn row(self) -> Option<Row> {
        if self.bench.is_empty() {
            return None;
        }
        let outcome = match (self.missing, self.skipped, self.error) {
            (Some(why), _, _) => Outcome::Missing(why),
            (_, Some(why), _) => Outcome::Skipped(why),
            (_, _, Some(why)) => Outcome::Failed(why),
            _ if self.n == 0 => return None,
            _ => Outcome::Measured(Figures {
                n: self.n,
                median: self.median,
                p90: self.p90,
                p99: self.p99,
                min: self.min,
                max: self.max,
                mad: self.mad,
                outliers: self.outliers,
                medians: vec![self.median],
                quantiles: self.quantiles,
            }),
        };
        let Self { bench, unit, better, what, subtracted, .. } = self;
        Some(Row { name: bench, subject: KEEL.into(), what, subtracted, unit, better, outcome })
    }
}

/// Boots `payload`, runs what `plan` says, and waits for the end. `what` names the run in the line of progress.
pub fn measure(payload: &Payload, plan: &Plan, what: &str, stop: &Stop) -> Result<Vec<Row>, GuestError> {
    let mut words = vec!["bench".to_owned()];
    if plan.names.is_empty() {
        words.push("all".into());
    }
    words.extend(plan.names.iter().cloned());
    words.extend(plan.samples.map(|samples| format!("--samples={samples}")));
    words.extend(plan.cores.as_ref().map(|cores| format!("--cores={cores}")));
    words.extend(["--progress", "--json"].map(String::from));
    let mut reader = Reader { what, ..Default::default() };
    let tail = converse(payload, plan, words.join(" "), stop, &mut reader)?;
    if reader.rows.is_empty() { Err(GuestError::Nothing(tail)) } else { Ok(reader.rows) }
}

/// From the start of QEMU to the line that the kernel's first task prints, in a boot that runs nothing else. Of `plan` only the
/// machine counts.
pub fn time_to_first_task(payload: &Payload, plan: &Plan, stop: &Stop) -> Result<Duration, GuestError> {
    let mut first = FirstTask(None);
    let tail = converse(payload, plan, NO_WORK.into(), stop, &mut first)?;
    first.0.ok_or(GuestError::Nothing(tail))
}

/// A console command that costs nothing.
const NO_WORK: &str = "help poweroff";

/// Waits for the line that the first task prints.
struct FirstTask(Option<Duration>);

impl Listener for FirstTask {
    fn line(&mut self, line: &str, since_start: Duration) -> bool {
        if line.starts_with(FIRST_TASK) {
            self.0.get_or_insert(since_start);
        }
        false
    }
}

/// The names of the benchmarks that `payload` has. Of `plan` only the machine counts.
pub fn names(payload: &Payload, plan: &Plan, stop: &Stop) -> Result<Vec<String>, GuestError> {
    let mut list = List::default();
    let tail = converse(payload, plan, "bench --json".into(), stop, &mut list)?;
    if list.0.is_empty() { Err(GuestError::Nothing(tail)) } else { Ok(list.0) }
}

/// Whoever takes in the console's lines.
trait Listener {
    /// Takes in one line, and when it came; whether it shows that things go on.
    fn line(&mut self, line: &str, since_start: Duration) -> bool;
    /// What runs, as far as the lines tell.
    fn running(&self) -> Running {
        Running::default()
    }
}

/// Boots, runs one console command and waits for the end. Returns the console's last lines.
fn converse(
    payload: &Payload,
    plan: &Plan,
    command: String,
    stop: &Stop,
    listener: &mut impl Listener,
) -> Result<String, GuestError> {
    let exec = [command];
    let line = CommandLine { smp: plan.machine.smp, exec: &exec, extra: &plan.append, ..Default::default() };
    let command = qemu::command(payload, &plan.machine, &line, Console::Pipe)?;
    let started = Instant::now();
    let mut guest = Guest::start(command)?;
    let (mut plain, mut tail) = (Plain::default(), Tail::default());
    let mut deadline = Instant::now() + plan.limit;
    loop {
        if stop.wanted() {
            return Err(GuestError::Interrupted);
        }
        if Instant::now() >= deadline {
            let seconds = plan.limit.as_secs();
            return Err(GuestError::Timeout { running: listener.running(), seconds, tail: tail.text() });
        }
        match guest.next(Instant::now() + Duration::from_millis(50))? {
            Event::Console(bytes) => {
                for line in tail.push(&plain.filter(&bytes)) {
                    if listener.line(&line, started.elapsed()) {
                        deadline = Instant::now() + plan.limit;
                    }
                }
            }
            Event::Error(bytes) => {
                tail.push(&bytes);
            }
            Event::Quiet => {}
            // A failed benchmark makes the command fail; the others have run, and the row says what was wrong.
            Event::Ended(guest::Outcome::Success | guest::Outcome::CommandFailed) => return Ok(tail.text()),
            Event::Ended(outcome) => {
                return Err(GuestError::Died { running: listener.running(), outcome, tail: tail.text() });
            }
        }
    }
}

/// How the line begins that the kernel's first task prints.
const FIRST_TASK: &str = "ready: ";

/// Takes in what is measured.
#[derive(Default)]
struct Reader<'a> {
    what: &'a str,
    rows: Vec<Row>,
    running: Running,
    progress: Option<Progress>,
}

impl Listener for Reader<'_> {
    fn line(&mut self, line: &str, _: Duration) -> bool {
        if !line.starts_with('{') {
            return false;
        }
        match serde_json::from_str(line) {
            Ok(Line::Begin { running, number, of, core }) => {
                if number > 1
                    && let Some(progress) = &mut self.progress
                {
                    progress.end();
                }
                self.progress.get_or_insert_with(|| Progress::new(self.what, of)).begin(&running);
                self.running = Running(Some((running, core)));
                true
            }
            Ok(Line::Result(measured)) => {
                let row = measured.row();
                let is_result = row.is_some();
                self.rows.extend(row);
                is_result
            }
            Err(_) => false,
        }
    }

    fn running(&self) -> Running {
        self.running.clone()
    }
}

/// Takes in the names that `bench --json` lists.
#[derive(Default)]
struct List(Vec<String>);

impl Listener for List {
    fn line(&mut self, line: &str, _: Duration) -> bool {
        #[derive(Deserialize)]
        struct Names {
            benches: Vec<Name>,
        }
        #[derive(Deserialize)]
        struct Name {
            bench: String,
        }
        let Ok(names) = serde_json::from_str::<Names>(line) else { return false };
        self.0.extend(names.benches.into_iter().map(|name| name.bench));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> (Vec<Row>, Running) {
        let mut reader = Reader { what: "test", ..Default::default() };
        for line in lines {
            reader.line(line, Duration::from_secs(1));
        }
        (std::mem::take(&mut reader.rows), reader.running)
    }

    #[test]
    fn results_are_found_among_the_log() {
        let (rows, running) = read(&[
            "ready: 20 ms from entry to console",
            r#"{"running":"yield","number":1,"of":2,"core":3}"#,
            r#"{"bench":"yield","unit":"cycles","better":"lower","n":50,"median":975,"p90":1014,"p99":1326,"min":949,"max":1326,"mad":13,"outliers":5,"quantiles":[949,1326],"what":"switch","subtracted":"loops","median_ns":5}"#,
            r#"{"running":"ipi","number":2,"of":2,"core":3}"#,
            r#"{"bench":"ipi","skipped":"it needs 2 cores","what":"call","unit":"cycles","better":"lower"}"#,
        ]);
        assert_eq!(running.to_string(), "benchmark ipi on core 3");
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
        assert!(!list.line("keel> bench --json", Duration::ZERO));
        assert!(
            list.line(r#"{"benches":[{"bench":"null","unit":"cycles"},{"bench":"yield"}]}"#, Duration::ZERO)
        );
        assert_eq!(list.0, ["null", "yield"]);
    }

    #[test]
    fn what_is_no_result_is_passed_over() {
        let (rows, running) = read(&[
            "{",
            "{}",
            r#"{"cores":[]}"#,
            r#"{"bench":"yield"}"#,
            r#"{"bench":5,"median":1}"#,
            r#"{"bench":"x","n":"many"}"#,
            r#"{"running":"yield"}"#,
        ]);
        assert!(rows.is_empty(), "{rows:?}");
        assert_eq!(running.to_string(), "booting, before the first benchmark");
    }
}
