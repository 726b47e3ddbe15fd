//! What the guest's init prints, read into rows.
//!
//! `FIRST` (the first task runs), `LOG <6>[ 0.69] smp: …` (the kernel's log) or `NOLOG reason`, `ROWS n` (so many will come),
//! `BEGIN subject name`, then `BENCH`, `SKIPPED` or `FAILED` with one object of JSON, and `END`. Anything else is the
//! kernel's and passed over; its messages may stand before a row on the same line, though. The console is outside input: what
//! cannot be is refused, with the line, and so is an end without all rows.

use super::{KERNEL, USER};
use crate::bench::results::{self, Better, Outcome, Row};
use serde::Deserialize;
use std::time::Duration;

/// How many quantiles there are: every 5%.
const QUANTILES: usize = 21;
/// The unit that `-icount` makes of a cycle.
const INSTRUCTIONS: &str = "instructions";

/// The words before a row.
const ROW_WORDS: [&str; 3] = ["BENCH", "SKIPPED", "FAILED"];

/// What one boot gave.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// A row for each benchmark, of [`KERNEL`] and [`USER`]; after a boot without benchmarks `boot` and `bringup`.
    pub rows: Vec<Row>,
    /// From the start of QEMU to the line that the first task prints.
    pub to_first_task: Option<Duration>,
    /// How long the kernel took to bring up its other cores, by its own log.
    pub bring_up: Option<Duration>,
    /// Why the kernel's log cannot be read.
    pub no_log: Option<String>,
}

/// Why a line cannot be.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why} in what it printed: {line}")]
pub struct BadLine {
    why: String,
    line: String,
}

/// What a line said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Said {
    /// Nothing to us.
    Nothing,
    /// The first task runs.
    First,
    /// So many benchmarks will be run.
    Rows(u64),
    /// This benchmark begins, `subject name`.
    Begin(String),
    /// One benchmark's row, or the like, was taken in.
    Taken,
    /// It has done everything.
    End,
}

/// Takes in the console's lines.
#[derive(Debug, Default)]
pub struct Reader {
    /// What they gave so far.
    pub figures: Figures,
    icount: bool,
    bring_up_began: Option<Duration>,
    /// How many rows there will be.
    announced: Option<u64>,
    /// What began since then, `subject name`.
    begun: Vec<String>,
}

impl Reader {
    /// Of a boot whose cycles are instructions, if it is under `-icount`.
    pub fn new(icount: bool) -> Self {
        Self { icount, ..Self::default() }
    }

    /// Takes in one line.
    pub fn take(&mut self, line: &str) -> Result<Said, BadLine> {
        let bad = |why: String| BadLine { why, line: line.chars().take(200).collect() };
        let (word, rest) = row_in(line).unwrap_or_else(|| line.split_once(' ').unwrap_or((line, "")));
        Ok(match word {
            "FIRST" if rest.is_empty() => Said::First,
            "END" if rest.is_empty() => {
                self.complete().map_err(bad)?;
                Said::End
            }
            "ROWS" => {
                let count = rest.parse().map_err(|_| bad("no number".into()))?;
                if self.announced.replace(count).is_some() {
                    return Err(bad("the number of rows a second time".into()));
                }
                self.begun.clear();
                Said::Rows(count)
            }
            "BEGIN" => {
                self.begun.push(rest.to_owned());
                Said::Begin(rest.to_owned())
            }
            "LOG" => {
                self.log(rest);
                Said::Taken
            }
            "NOLOG" => {
                self.figures.no_log = Some(rest.to_owned());
                Said::Taken
            }
            word if ROW_WORDS.contains(&word) => {
                let printed: Printed =
                    serde_json::from_str(rest).map_err(|error| bad(format!("damaged JSON ({error})")))?;
                let row = printed.row(word, self.icount).map_err(|why| bad(why.into()))?;
                if self.figures.rows.iter().any(|r| r.name == row.name && r.subject == row.subject) {
                    return Err(bad("the same row a second time".into()));
                }
                self.figures.rows.push(row);
                Said::Taken
            }
            _ => Said::Nothing,
        })
    }

    /// Whether all rows are there that were announced; says which are not.
    fn complete(&self) -> Result<(), String> {
        let (count, announced) = (self.figures.rows.len() as u64, self.announced);
        if announced == Some(count) {
            return Ok(());
        }
        let has_row = |begun: &String| {
            self.figures.rows.iter().any(|row| *begun == format!("{} {}", row.subject, row.name))
        };
        let missing: Vec<_> = self.begun.iter().filter(|begun| !has_row(begun)).map(String::as_str).collect();
        let announced = announced.map_or("no".to_owned(), |count| count.to_string());
        let missing =
            if missing.is_empty() { String::new() } else { format!(", missing: {}", missing.join(", ")) };
        Err(format!("{announced} rows were announced and {count} came{missing},"))
    }

    /// `<6>[    0.696998] smp: Bringing up secondary CPUs ...`, and `smp: Brought up 1 node, 8 CPUs`.
    fn log(&mut self, line: &str) {
        let Some((time, text)) = line.split_once('[').and_then(|(_, rest)| rest.split_once(']')) else {
            return;
        };
        let Some(time) = time.trim().parse().ok().and_then(|s| Duration::try_from_secs_f64(s).ok()) else {
            return;
        };
        if text.contains("smp: Bringing up") {
            self.bring_up_began = Some(time);
        } else if text.contains("smp: Brought up")
            && let Some(began) = self.bring_up_began
        {
            self.figures.bring_up = time.checked_sub(began);
        }
    }
}

/// The row that a line holds, as its word and the object behind that; whatever the kernel said stands before it.
fn row_in(line: &str) -> Option<(&str, &str)> {
    let at = |word: &'static str| line.find(&format!("{word} {{")).map(|at| (at, word));
    // In the log, too, there may be any words; those lines have their own.
    let (at, word) = ROW_WORDS.into_iter().filter_map(at).min().filter(|_| !line.starts_with("LOG "))?;
    Some((word, line[at + word.len()..].trim_start()))
}

/// The object on a line.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Printed {
    name: String,
    subject: String,
    what: String,
    subtracted: String,
    unit: String,
    why: Option<String>,
    n: u64,
    min: u64,
    median: u64,
    p90: u64,
    p99: u64,
    max: u64,
    mad: u64,
    outliers: u64,
    quantiles: Vec<u64>,
}

impl Printed {
    fn row(self, word: &str, icount: bool) -> Result<Row, &'static str> {
        if self.name.is_empty()
            || !self.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        {
            return Err("a name that no benchmark has");
        }
        let subject = [KERNEL, USER].into_iter().find(|known| self.subject == **known);
        let subject = subject.ok_or("an unknown subject")?;
        if !["cycles", "ns"].contains(&self.unit.as_str()) {
            return Err("an unknown unit");
        }
        let outcome = match (word, self.why.as_deref()) {
            ("BENCH", None) => Outcome::Measured(self.figures()?),
            ("SKIPPED", Some(why)) => Outcome::Skipped(why.to_owned()),
            ("FAILED", Some(why)) => Outcome::Failed(why.to_owned()),
            _ => return Err("figures and a reason for none"),
        };
        let unit = if icount && self.unit == "cycles" { INSTRUCTIONS.to_owned() } else { self.unit };
        let (what, subtracted) = (self.what, self.subtracted);
        Ok(Row {
            name: self.name,
            subject: subject.to_owned(),
            what,
            subtracted,
            unit,
            better: Better::Lower,
            outcome,
        })
    }

    /// Refuses what no series of samples can have.
    fn figures(&self) -> Result<results::Figures, &'static str> {
        let rising = [self.min, self.median, self.p90, self.p99, self.max];
        if self.n == 0 || self.outliers > self.n || !rising.is_sorted() || self.mad > self.max - self.min {
            return Err("figures that contradict each other");
        }
        let ends = (self.quantiles.first(), self.quantiles.last());
        if self.quantiles.len() != QUANTILES
            || !self.quantiles.is_sorted()
            || ends != (Some(&self.min), Some(&self.max))
        {
            return Err("quantiles that are none");
        }
        Ok(results::Figures {
            n: self.n,
            median: self.median as f64,
            p90: self.p90 as f64,
            p99: self.p99 as f64,
            min: self.min as f64,
            max: self.max as f64,
            mad: self.mad as f64,
            outliers: self.outliers,
            medians: vec![self.median as f64],
            quantiles: self.quantiles.iter().map(|&value| value as f64).collect(),
        })
    }
}

/// The rows of a boot without benchmarks, on a machine of so many `cores`: one sample each, or why there is none.
pub fn boot_rows(figures: &Figures, cores: u32) -> Vec<Row> {
    let single = |time: Duration| Outcome::Measured(results::Figures::single(time.as_nanos() as f64));
    let boot = figures
        .to_first_task
        .map_or_else(|| Outcome::Failed("the first task did not say that it runs".to_owned()), single);
    let no_lines = "the kernel's log does not say when it brought up its other cores";
    let bring_up = match (figures.bring_up, &figures.no_log) {
        _ if cores == 1 => Outcome::Skipped("needs 2 cores".to_owned()),
        (Some(time), _) => single(time),
        (None, Some(why)) => Outcome::Failed(format!("the kernel's log cannot be read: {why}")),
        (None, None) => Outcome::Failed(no_lines.to_owned()),
    };
    let row = |name: &str, what: &str, outcome| Row {
        name: name.to_owned(),
        subject: KERNEL.to_owned(),
        what: what.to_owned(),
        subtracted: "nothing".to_owned(),
        unit: "ns".to_owned(),
        better: Better::Lower,
        outcome,
    };
    vec![
        row("boot", "from the start of QEMU to the line that the first task prints, in wall time", boot),
        row("bringup", "bringing up all other cores, by the kernel's log", bring_up),
    ]
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
