//! How a result looks, for a person and for a program.
//!
//! The rows have fixed widths instead of being collected in a table, because each is printed when its
//! benchmark has ended.

use cell_api::Bench;
use core::fmt::{self, Display, Write};
use statistics::Summary;

/// What a benchmark recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// In the benchmark's unit.
    pub summary: Summary,
    /// How many operations stand behind it.
    pub operations: u64,
}

/// From one unit of time to another.
type Convert = fn(u64) -> u64;

/// The other unit of a time, and how to get there. `None` for what is no time.
fn other_unit(unit: &str) -> Option<(&'static str, Convert)> {
    match unit {
        "cycles" => Some(("ns", clock::ticks_to_ns)),
        "ns" => Some(("cycles", clock::ns_to_ticks)),
        _ => None,
    }
}

/// The first line of the table.
pub(crate) fn heading(out: &mut dyn Write) -> fmt::Result {
    let [median, p90, p99, min, max, mad] = ["median", "p90", "p99", "min", "max", "MAD"];
    writeln!(
        out,
        "{:14} {:6} {median:>9} {p90:>9} {p99:>9} {min:>9} {max:>10} {mad:>8} {:>6} {:>8}",
        "benchmark", "unit", "n", "outliers"
    )
}

/// A benchmark that gave no figures, and why: `kind` is `"skipped"` or `"error"`.
pub(crate) fn without(
    out: &mut dyn Write,
    json: bool,
    name: &str,
    kind: &str,
    why: &dyn Display,
) -> fmt::Result {
    if json {
        let why = alloc::format!("{why}");
        return json::object(out, |object| object.field("bench", name)?.field(kind, why.as_str()).map(drop));
    }
    writeln!(out, "{name:14} {kind}: {why}")
}

/// For a person: a row per unit, and what was measured and what was taken out.
pub(crate) fn rows(out: &mut dyn Write, bench: &Bench, outcome: &Outcome) -> fmt::Result {
    let Summary { median, p90, p99, min, max, mad, n, outliers } = outcome.summary;
    let Bench { name, unit, what, subtracted, .. } = bench;
    writeln!(
        out,
        "{name:14} {unit:6} {median:>9} {p90:>9} {p99:>9} {min:>9} {max:>10} {mad:>8} {n:>6} {outliers:>8}"
    )?;
    if let Some((unit, convert)) = other_unit(unit) {
        let Summary { median, p90, p99, min, max, mad, .. } = outcome.summary.convert(convert);
        writeln!(out, "{:14} {unit:6} {median:>9} {p90:>9} {p99:>9} {min:>9} {max:>10} {mad:>8}", "")?;
    }
    let per_sample = outcome.operations.checked_div(n as u64).unwrap_or(0);
    writeln!(out, "  {what}; {per_sample} to a sample\n  taken out: {subtracted}")
}

/// For a program: one object on a line of its own.
pub(crate) fn json(out: &mut dyn Write, bench: &Bench, outcome: &Outcome) -> fmt::Result {
    let Bench { name, unit, what, subtracted, .. } = bench;
    let summary = &outcome.summary;
    json::object(out, |object| {
        object.field("bench", *name)?.field("unit", *unit)?.field("n", summary.n)?;
        for (figure, value) in named(summary) {
            object.field(figure, value)?;
        }
        object.field("outliers", summary.outliers)?;
        if let Some((unit, convert)) = other_unit(unit) {
            for (figure, value) in named(&summary.convert(convert)) {
                object.field(&alloc::format!("{figure}_{unit}"), value)?;
            }
        }
        object.field("operations", outcome.operations)?.field("tsc_hz", clock::frequency())?;
        object.field("what", *what)?.field("subtracted", *subtracted).map(drop)
    })
}

/// The figures that have the benchmark's unit, by their names in JSON.
fn named(summary: &Summary) -> [(&'static str, u64); 6] {
    let Summary { median, p90, p99, min, max, mad, .. } = *summary;
    [("median", median), ("p90", p90), ("p99", p99), ("min", min), ("max", max), ("mad", mad)]
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    const BENCH: Bench = Bench {
        name: "heat",
        unit: "degrees",
        what: "warm something",
        subtracted: "nothing",
        run: |_| Ok(()),
    };

    fn outcome() -> Outcome {
        Outcome { summary: statistics::summarize(&mut [1, 2, 3, 900]).expect("four samples"), operations: 8 }
    }

    #[test]
    fn what_is_no_time_has_one_unit() {
        let mut out = String::new();
        heading(&mut out).and_then(|()| rows(&mut out, &BENCH, &outcome())).expect("a string takes it");
        let lines: std::vec::Vec<&str> = out.lines().collect();
        assert_eq!(lines.len(), 4, "{out}");
        let words: std::vec::Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(words, ["heat", "degrees", "2", "900", "900", "1", "900", "1", "4", "1"]);
        assert_eq!(lines[2..], ["  warm something; 2 to a sample", "  taken out: nothing"]);
        assert!(lines.iter().all(|line| line.len() <= 100));
    }

    #[test]
    fn a_time_has_both_units_for_a_program() {
        let mut out = String::new();
        json(&mut out, &Bench { unit: "ns", ..BENCH }, &outcome()).expect("a string takes it");
        assert!(
            out.starts_with("{\"bench\":\"heat\",\"unit\":\"ns\",\"n\":4,\"median\":2,\"p90\":900,"),
            "{out}"
        );
        assert!(out.contains("\"outliers\":1,\"median_cycles\":") && out.ends_with("\"}\n"), "{out}");
    }

    #[test]
    fn no_figures_is_said() {
        let mut out = String::new();
        without(&mut out, true, "ipi", "skipped", &"it needs \"2\"").expect("a string takes it");
        without(&mut out, false, "ipi", "error", &"no").expect("a string takes it");
        assert_eq!(out, "{\"bench\":\"ipi\",\"skipped\":\"it needs \\\"2\\\"\"}\nipi            error: no\n");
    }
}
