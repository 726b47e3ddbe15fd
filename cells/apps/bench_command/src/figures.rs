//! How a result looks, for a person and for a program.
//!
//! The rows have fixed widths instead of being collected in a table, because each is printed when its
//! benchmark has ended.

use cell_api::Bench;
use core::fmt::{self, Display, Write};
use core_local::CoreSet;
use statistics::Summary;

/// How wide the column of names is.
const WIDTH: usize = 28;

/// How many quantiles a program gets: one every 5%, from the smallest sample to the largest.
const QUANTILES: usize = 21;

/// What a benchmark recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// In the benchmark's unit.
    pub summary: Summary,
    /// The distribution, in the benchmark's unit.
    pub quantiles: [u64; QUANTILES],
    /// How many operations stand behind it.
    pub operations: u64,
}

impl Outcome {
    /// Sums up `samples`, which it sorts; `None` if there are none.
    pub(crate) fn of(operations: u64, samples: &mut [u64]) -> Option<Self> {
        let summary = statistics::summarize(samples)?;
        Some(Self { summary, quantiles: statistics::quantiles(samples), operations })
    }
}

/// From one unit of time to another.
type Convert = fn(u64) -> u64;

/// The unit that a recorded `unit` really is: the machine's ticks are cycles or instructions.
fn real_unit(unit: &'static str) -> &'static str {
    if unit == "cycles" && clock::counts_instructions() { "instructions" } else { unit }
}

/// The other unit of a time, and how to get there. `None` for what is no time: an instruction takes none.
fn other_unit(unit: &str) -> Option<(&'static str, Convert)> {
    match unit {
        "cycles" => Some(("ns", clock::ticks_to_ns)),
        "ns" if !clock::counts_instructions() => Some(("cycles", clock::ns_to_ticks)),
        _ => None,
    }
}

/// The first line of the table.
pub(crate) fn heading(out: &mut dyn Write) -> fmt::Result {
    let [median, p90, p99, min, max, mad] = ["median", "p90", "p99", "min", "max", "MAD"];
    writeln!(
        out,
        "{:WIDTH$} {:12} {median:>11} {p90:>11} {p99:>11} {min:>11} {max:>11} {mad:>9} {:>6} {:>8}",
        "benchmark", "unit", "n", "outliers"
    )
}

/// Says which benchmark begins, the how-many-th of how many it is, and where it runs: for whoever watches a long run.
pub(crate) fn begin(
    out: &mut dyn Write,
    name: &str,
    cores: CoreSet,
    number: usize,
    of: usize,
) -> fmt::Result {
    json::object(out, |object| {
        object.field("running", name)?.field("number", number)?.field("of", of)?;
        object.field("core", cores.first().map_or(0, |core| core.index())).map(drop)
    })
}

/// A benchmark that gave no figures, and why: `kind` is `"skipped"`, `"missing"` or `"error"`.
pub(crate) fn without(
    out: &mut dyn Write,
    json: bool,
    bench: &Bench,
    kind: &str,
    why: &dyn Display,
) -> fmt::Result {
    if json {
        let why = alloc::format!("{why}");
        return json::object(out, |object| {
            object.field("bench", bench.name)?.field(kind, why.as_str())?.field("what", bench.what)?;
            object.field("unit", real_unit(bench.unit))?.field("better", bench.better.name()).map(drop)
        });
    }
    writeln!(out, "{:WIDTH$} {kind}: {why}", bench.name)
}

/// For a person: a row per unit, and what was measured and what was taken out.
pub(crate) fn rows(out: &mut dyn Write, bench: &Bench, outcome: &Outcome) -> fmt::Result {
    let unit = real_unit(bench.unit);
    let Summary { n, outliers, .. } = outcome.summary;
    row(out, bench.name, unit, &outcome.summary)?;
    writeln!(out, " {n:>6} {outliers:>8}")?;
    if let Some((unit, convert)) = other_unit(unit) {
        row(out, "", unit, &outcome.summary.convert(convert))?;
        writeln!(out)?;
    }
    let per_sample = outcome.operations.checked_div(n as u64).unwrap_or(0);
    writeln!(out, "  {}; {per_sample} to a sample\n  taken out: {}", bench.what, bench.subtracted)
}

/// The part of a row that both units have, without a line end.
fn row(out: &mut dyn Write, name: &str, unit: &str, summary: &Summary) -> fmt::Result {
    let Summary { median, p90, p99, min, max, mad, .. } = summary;
    write!(out, "{name:WIDTH$} {unit:12} {median:>11} {p90:>11} {p99:>11} {min:>11} {max:>11} {mad:>9}")
}

/// For a program: one object on a line of its own.
pub(crate) fn json(out: &mut dyn Write, bench: &Bench, outcome: &Outcome) -> fmt::Result {
    let Bench { name, unit, better, what, subtracted, .. } = bench;
    let unit = real_unit(unit);
    let summary = &outcome.summary;
    json::object(out, |object| {
        object.field("bench", *name)?.field("unit", unit)?.field("better", better.name())?;
        object.field("n", summary.n)?;
        for (figure, value) in named(summary) {
            object.field(figure, value)?;
        }
        object.field("outliers", summary.outliers)?;
        object.list("quantiles", outcome.quantiles.iter(), |quantile, value| value.value(*quantile))?;
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

    const BENCH: Bench = Bench::new("heat", "warm something", |_| Ok(())).unit("degrees");

    fn outcome() -> Outcome {
        Outcome::of(8, &mut [1, 900, 3, 2]).expect("four samples")
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
        assert_eq!(lines[0].len(), lines[1].len(), "{out}");
    }

    #[test]
    fn a_time_has_both_units_for_a_program() {
        let mut out = String::new();
        json(&mut out, &Bench { unit: "ns", ..BENCH }, &outcome()).expect("a string takes it");
        let begin =
            "{\"bench\":\"heat\",\"unit\":\"ns\",\"better\":\"lower\",\"n\":4,\"median\":2,\"p90\":900,";
        assert!(out.starts_with(begin), "{out}");
        assert!(out.contains("\"outliers\":1,\"quantiles\":[1,1,"), "{out}");
        assert!(out.contains(",900],\"median_cycles\":") && out.ends_with("\"}\n"), "{out}");
    }

    #[test]
    fn no_figures_is_said() {
        let mut out = String::new();
        without(&mut out, true, &BENCH, "skipped", &"it needs \"2\"").expect("a string takes it");
        without(&mut out, false, &BENCH, "error", &"no").expect("a string takes it");
        let mut lines = out.lines();
        let json = lines.next().expect("a line");
        assert!(
            json.starts_with("{\"bench\":\"heat\",\"skipped\":\"it needs \\\"2\\\"\",\"what\":"),
            "{json}"
        );
        assert_eq!(lines.next(), Some("heat                         error: no"));
    }

    #[test]
    fn what_begins_is_said_with_its_place() {
        let mut out = String::new();
        begin(&mut out, "heat", CoreSet::from_bits(0b1100), 3, 9).expect("a string takes it");
        assert_eq!(out, "{\"running\":\"heat\",\"number\":3,\"of\":9,\"core\":2}\n");
    }
}
