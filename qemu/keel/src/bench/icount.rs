//! Instruction counts: one core under QEMU's `-icount`, where the time-stamp counter counts executed instructions.
//!
//! Two runs of one image give the same figures to the digit, on any host, however busy it is. For that everything that
//! differs between two starts is pinned: the clock starts at a fixed date and runs with the instructions, random numbers have a seed.
//! The CPU has no x2APIC, since QEMU's implementation of its registers cannot be accessed while instructions are counted.

use super::baseline::{Baseline, BaselineError, Tools};
use super::guest::{self, GuestError, Plan};
use super::results::{Instrument, Outcome, Run};
use super::setting;
use crate::build::Image;
use crate::run::qemu::{Accelerator, Machine};
use crate::run::signals::Stop;
use crate::workspace::Workspace;
use std::time::Duration;

/// How long one benchmark may take in the test suite.
const LIMIT: Duration = Duration::from_secs(120);

/// The machine that counts.
pub fn machine() -> Machine {
    let pinned = ["-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01,clock=vm", "-seed", "1"];
    Machine {
        smp: 1,
        mem: super::MEMORY.to_owned(),
        accel: Accelerator::Instructions,
        cpu: "max,-x2apic".to_owned(),
        machine: "q35".to_owned(),
        qemu: pinned.map(Into::into).into(),
    }
}

/// Runs the benchmarks called `names`, or all. `what` names the run in a line of progress, if there is to be one.
pub fn run(
    workspace: &Workspace,
    names: &[String],
    samples: Option<u64>,
    limit: Duration,
    what: Option<&str>,
    stop: &Stop,
) -> Result<Run, GuestError> {
    let machine = machine();
    let setting = setting::guest(&machine);
    let plan = Plan {
        machine,
        names: names.to_vec(),
        samples,
        cores: None,
        append: vec!["tsc=instructions".to_owned()],
        limit,
    };
    let rows = guest::measure(&(&Image::of(workspace)).into(), &plan, what, stop)?;
    Ok(setting::run(workspace, Instrument::Instructions, setting, rows))
}

/// What is installed here.
pub fn tools() -> Tools {
    Tools { compiler: setting::compiler(), qemu: setting::qemu() }
}

/// What `make test` asks: do two runs agree, and is no row worse than the baseline?
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// See [`GuestError`].
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// See [`BaselineError`].
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// Benchmarks that gave no figure because something went wrong.
    #[error("these failed:\n{0}")]
    Failed(String),
    /// What must repeat to the digit did not.
    #[error("two runs of the same image differ:\n{0}")]
    Differs(String),
    /// Rows are worse, or gone.
    #[error("{0}\naccept it, if it is meant: cargo keel bench --icount --accept NAME…")]
    Worse(String),
}

/// What the check found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Checked {
    /// So many rows repeat and are no worse than accepted.
    Good(usize),
    /// Nothing can be compared: says why.
    OtherTools(String),
}

/// Measures everything twice and compares, with itself and with the baseline.
pub fn check(workspace: &Workspace) -> Result<Checked, CheckError> {
    let stop = Stop::never();
    let first = run(workspace, &[], None, LIMIT, None, &stop)?;
    let failed: Vec<String> = first
        .rows
        .iter()
        .filter_map(|row| match &row.outcome {
            Outcome::Failed(why) => Some(format!("{}: {why}", row.name)),
            Outcome::Measured(_) | Outcome::Missing(_) | Outcome::Skipped(_) => None,
        })
        .collect();
    if !failed.is_empty() {
        return Err(CheckError::Failed(failed.join("\n")));
    }
    let second = run(workspace, &[], None, LIMIT, None, &stop)?;
    let differing = differences(&first, &second);
    if !differing.is_empty() {
        return Err(CheckError::Differs(differing.join("\n")));
    }
    let baseline = Baseline::read(&workspace.root)?;
    let tools = tools();
    if baseline.tools != tools {
        return Ok(Checked::OtherTools(format!(
            "the counts of bench/baseline.toml are those of {}, and this is {tools}",
            baseline.tools
        )));
    }
    let compared = baseline.compare(&first, &[]);
    let worse: Vec<String> =
        compared.iter().filter(|row| row.is_failure()).map(ToString::to_string).collect();
    if worse.is_empty() {
        Ok(Checked::Good(compared.len()))
    } else {
        Err(CheckError::Worse(worse.join("\n")))
    }
}

/// The rows in which two runs differ, a line each.
fn differences(first: &Run, second: &Run) -> Vec<String> {
    let mut lines = Vec::new();
    if first.rows.len() != second.rows.len() {
        lines.push(format!("{} rows, then {}", first.rows.len(), second.rows.len()));
    }
    let differing = first.rows.iter().zip(&second.rows).filter(|(a, b)| a != b);
    lines.extend(differing.map(|(a, b)| format!("{}: {:?}, then {:?}", a.name, a.outcome, b.outcome)));
    lines
}

#[cfg(test)]
mod tests {
    use super::super::results::{Figures, Row};
    use super::*;

    #[test]
    fn a_digit_that_differs_is_found() {
        let run = |max| Run {
            instrument: Instrument::Instructions,
            commit: String::new(),
            date: String::new(),
            setting: Default::default(),
            rows: vec![Row::sample(
                "yield",
                "keel",
                "instructions",
                Outcome::Measured(Figures { median: 153.0, max, ..Default::default() }),
            )],
        };
        assert!(differences(&run(160.0), &run(160.0)).is_empty());
        assert_eq!(differences(&run(160.0), &run(161.0)).len(), 1);
        assert_eq!(differences(&run(160.0), &Run { rows: vec![], ..run(0.0) }), ["1 rows, then 0"]);
    }
}
