//! Tables of figures, and how a row is called.

use super::numbers::figure;
use super::results::{Figures, Outcome, Row, Run};
use super::{Source, title};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::fmt::Display;

/// A table in a box of its own, which scrolls where it is wider than the page.
pub fn boxed(name: &str, table: &Markup) -> Markup {
    html! { div.box tabindex="0" role="region" aria-label=(name) { (table) } }
}

/// A row's operation in words; the run's own words first, then those that are known.
pub fn words<'a>(source: &Source<'a>, row: &'a Row) -> &'a str {
    let known = || {
        let one = source.peers.target(&row.name).map(|target| target.what.as_str());
        one.or_else(|| source.peers.words(&row.name).map(|words| words.what.as_str()))
    };
    if row.what.is_empty() { known().unwrap_or_default() } else { &row.what }
}

/// A name, with the operation in words if there are any.
pub fn label(name: &str, what: &str) -> Markup {
    html! {
        code { (name) }
        @if !what.is_empty() { span.what { (what) } }
    }
}

/// Headings of columns of text.
pub fn heads(headings: &[&str]) -> Markup {
    html! { @for heading in headings { th scope="col" { (heading) } } }
}

/// Headings of columns of numbers.
pub fn number_heads(headings: &[&str]) -> Markup {
    html! { @for heading in headings { th.number scope="col" { (heading) } } }
}

/// Names, one after the other.
pub fn listed(names: &[impl Display]) -> Markup {
    html! {
        @for (index, name) in names.iter().enumerate() {
            @if index > 0 { ", " }
            code { (name.to_string()) }
        }
    }
}

/// All figures of a run.
pub fn figures(source: &Source, run: &Run) -> Markup {
    let alone = run.rows.iter().all(|row| row.subject == "keel");
    let groups = source.peers.grouped(&run.rows, |row| &row.name);
    let name = format!("All figures: {}", title(run.instrument));
    let table = html! {
        table {
            caption { span { "Lower is better unless it says otherwise. Outliers are counted, not removed." } }
            thead {
                tr {
                    th scope="col" { "operation" }
                    @if !alone { th scope="col" { "whose" } }
                    (number_heads(&["median"]))
                    (heads(&["unit"]))
                    (number_heads(&["MAD", "p90", "p99", "min", "max", "n", "outliers"]))
                }
            }
            @for (title, rows) in &groups {
                tbody {
                    @if groups.len() > 1 {
                        tr.group { th scope="rowgroup" colspan=(if alone { 10 } else { 11 }) { (title) } }
                    }
                    @for row in rows {
                        tr {
                            th scope="row" { (label(&row.name, words(source, row))) }
                            @if !alone { td { (source.peers.subject(&row.subject)) } }
                            (cells(row))
                        }
                    }
                }
            }
        }
    };
    html! {
        // Long, and for reference: folded on a screen, unfolded on paper.
        details {
            summary { (name) }
            (boxed(&name, &table))
            (subtracted(run))
        }
    }
}

/// A row's figures, or why there are none.
fn cells(row: &Row) -> Markup {
    let Outcome::Measured(Figures { n, median, p90, p99, min, max, mad, outliers, .. }) = &row.outcome else {
        return html! { td.why colspan="9" { (reason(&row.outcome)) } };
    };
    html! {
        td.number { strong { (figure(*median)) } }
        td { (row.unit) @if row.better == super::results::Better::Higher { " (higher is better)" } }
        @for value in [mad, p90, p99, min, max] { td.number { (figure(*value)) } }
        td.number { (figure(*n as f64)) }
        td.number { (figure(*outliers as f64)) }
    }
}

/// Why a row has no figures; nothing if it has.
pub fn reason(outcome: &Outcome) -> Markup {
    html! {
        (kind(outcome))
        @match outcome {
            Outcome::Measured(_) => {}
            Outcome::Missing(why) | Outcome::Skipped(why) | Outcome::Failed(why) => { " " (why) }
        }
    }
}

/// The same in a word.
pub fn kind(outcome: &Outcome) -> Markup {
    html! {
        @match outcome {
            Outcome::Measured(_) => {}
            Outcome::Missing(_) => span.badge.unknown { "missing" },
            Outcome::Skipped(_) => span.badge.unknown { "skipped" },
            Outcome::Failed(_) => span.badge.missed { "✗ failed" },
        }
    }
}

/// What was taken out of the samples, each thing once with the rows that it concerns.
fn subtracted(run: &Run) -> Markup {
    let mut texts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in run.rows.iter().filter(|row| !row.subtracted.is_empty()) {
        texts.entry(&row.subtracted).or_default().push(&row.name);
    }
    for names in texts.values_mut() {
        names.dedup();
    }
    html! {
        @if !texts.is_empty() {
            p.small { "Taken out of each sample, because measuring adds it:" }
            ul.small {
                @for (text, names) in texts {
                    li { (text) " (" (listed(&names)) ")" }
                }
            }
        }
    }
}

/// Says that an instrument brought nothing, and how it would.
pub fn absent(instrument: super::Instrument) -> Markup {
    html! {
        p.absent {
            "Not measured: there are no results of this instrument. "
            code { (super::command(instrument)) } " makes them."
        }
    }
}
