//! Section: what the kernel's own benchmarks measured in cycles.

use super::results::{Instrument, Outcome, Row, Run};
use super::{Source, chart, table, title};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The section.
pub fn section(source: &Source) -> Markup {
    let Some(run) = source.run(Instrument::Kernel) else { return table::absent(Instrument::Kernel) };
    html! {
        p {
            "The same benchmarks with the clock instead of the instruction count, on as many cores as the run had. "
            "Under an emulator, cycles are the host's: compare them with each other, not with hardware."
        }
        (distributions(source, run))
        (table::figures(source, run))
    }
}

/// The distribution of each row that was measured, by heading; rows of another unit have an axis of their own.
///
/// Long, and for whoever asks how steady a figure is: folded on a screen, unfolded on paper.
pub fn distributions(source: &Source, run: &Run) -> Markup {
    let all_equal =
        |row: &&Row| matches!(&row.outcome, Outcome::Measured(figures) if figures.min == figures.max);
    let equal = run.rows.iter().filter(all_equal).count();
    let measured = run.rows.iter().filter(|row| matches!(row.outcome, Outcome::Measured(_))).count();
    html! {
        details open[run.instrument == Instrument::Kernel] {
            summary { "Distributions: " (title(run.instrument)) }
            @if equal > 0 {
                p { "Of " (measured) " rows with figures, " (equal) " have the same figure in each sample and are not drawn." }
            }
            @if equal < measured { p.small {
                "Thin line: smallest to largest sample; thick: 5% to 95%; box: the middle half; bar across: median. "
                "Without a box, the two ticks are p90 and p99. "
                "Rows of a group share a logarithmic axis."
            } }
            div.figures.spreads {
                @for (title, rows) in source.peers.grouped(&run.rows, |row| &row.name) {
                    @let rows: Vec<&Row> = rows.into_iter().filter(|row| !all_equal(row)).collect();
                    @for (unit, rows) in by_unit(&rows) {
                        @let strips = chart::strips(&rows, |row, before| name(source, row, before));
                        @if !strips.0.is_empty() {
                            figure { figcaption { (title) ", " (unit) } (strips) }
                        }
                    }
                }
            }
        }
    }
}

/// Rows of the same unit.
fn by_unit<'a>(rows: &[&'a Row]) -> BTreeMap<&'a str, Vec<&'a Row>> {
    let mut units: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        units.entry(&row.unit).or_default().push(row);
    }
    units
}

/// How a row is called in a chart: where it follows one of the same name, by whose it is.
fn name(source: &Source, row: &Row, before: Option<&Row>) -> Markup {
    let is_first = before.is_none_or(|before| before.name != row.name);
    html! {
        @if is_first { (table::label(&row.name, table::words(source, row))) }
        @if row.subject != "keel" || !is_first { small { (source.peers.subject(&row.subject)) } }
    }
}
