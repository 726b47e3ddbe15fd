//! `swap`: what each step took, and how long each core stood still.

use alloc::{boxed::Box, string::ToString};
use core::fmt::{self, Write};
use namespace::{SwapFailure, SwapReport};
use report::{Nanoseconds, Spread, Table, left, plural, right};

/// What the namespace returns.
pub type Outcome = Result<SwapReport, Box<SwapFailure>>;

/// So many cores' pauses go on one line.
const CORES_PER_LINE: usize = 8;

/// Prints a swap that happened.
pub fn write(out: &mut dyn Write, report: &SwapReport) -> fmt::Result {
    writeln!(out, "{} took the place of {}", report.new, report.old)?;
    let mut table = Table::new(&[left("step"), right("time")]);
    for &(step, ns) in &report.steps {
        table.row(&[&step, &Nanoseconds(ns)]);
    }
    write!(out, "{table}")?;
    write_pauses(out, &report.pauses, report.moved)?;
    for (cell, reason) in &report.kept {
        writeln!(out, "{cell} is kept: {reason}")?;
    }
    if report.leaked {
        writeln!(
            out,
            "part of the old cell's memory was not given back; the log says which core did not answer"
        )?;
    }
    Ok(())
}

fn write_pauses(out: &mut dyn Write, pauses: &[u64], moved: usize) -> fmt::Result {
    let Some(Spread { min, median, max }) = Spread::of(pauses.iter().copied()) else {
        return writeln!(out, "no core had to stand still");
    };
    let [min, median, max] = [min, median, max].map(Nanoseconds);
    writeln!(
        out,
        "{moved} handed over while {} stood still: min {min}, median {median}, max {max}",
        plural(pauses.len(), "core")
    )?;
    for (line, pauses) in pauses.chunks(CORES_PER_LINE).enumerate() {
        let first = line * CORES_PER_LINE;
        write!(out, "  core {first:>2}:")?;
        for &pause in pauses {
            write!(out, " {:>9}", Nanoseconds(pause).to_string())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Prints a swap, happened or not, as a JSON object.
pub fn write_json(out: &mut dyn Write, old: &str, new: &str, outcome: &Outcome) -> fmt::Result {
    let error = outcome.as_ref().err().map(|failure| failure.to_string());
    let (steps, pauses) = match outcome {
        Ok(report) => (&report.steps, report.pauses.as_slice()),
        Err(failure) => (&failure.steps, &[][..]),
    };
    json::object(out, |o| {
        o.object("swap", |o| {
            o.field("old", old)?
                .field("new", new)?
                .field("ok", outcome.is_ok())?
                .field("error", error.as_deref())?;
            o.list("steps", steps.iter(), |&(step, ns), w| {
                w.object(|o| o.field("step", step.as_str())?.field("ns", ns).map(drop))
            })?;
            o.list("pause_ns", pauses.iter(), |&ns, w| w.value(ns))?;
            if let Ok(report) = outcome {
                o.field("moved", report.moved)?;
                o.list("kept", report.kept.iter(), |(cell, reason), w| {
                    let reason = reason.to_string();
                    w.object(|o| o.field("cell", cell.as_str())?.field("reason", reason.as_str()).map(drop))
                })?;
                o.field("leaked", report.leaked)?;
            }
            Ok(())
        })
        .map(drop)
    })
}
