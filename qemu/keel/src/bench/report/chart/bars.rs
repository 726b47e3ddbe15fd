//! Bars from zero with their spread: variants of one operation, or libraries that do the same.

use super::super::numbers::{short, time};
use super::{Axis, Line, MIDDLE, bar, chart, tick};
use maud::{Markup, html};

/// One bar.
pub struct Bar {
    /// Whose.
    pub name: Markup,
    /// The same without marks, and the figure.
    pub spoken: String,
    /// Whether it is Keel's own.
    pub ours: bool,
    /// Figure, smallest and largest of the repeats; `None` if there is none.
    pub figure: Option<(f64, f64, f64)>,
    /// The figure in words, or why there is none.
    pub value: Markup,
}

/// Bars on one axis of a unit.
pub fn bars(all: Vec<Bar>, unit: &str) -> Markup {
    let shown: Vec<f64> =
        all.iter().filter_map(|bar| bar.figure).flat_map(|(middle, low, high)| [middle, low, high]).collect();
    let axis = Axis::from_zero(shown.iter().copied());
    let lines: Vec<Line> = all
        .into_iter()
        .map(|bar| Line {
            marks: axis.as_ref().map_or(html! {}, |axis| marks(&bar, axis)),
            name: bar.name,
            spoken: bar.spoken,
            value: bar.value,
        })
        .collect();
    match axis.filter(|_| !shown.is_empty()) {
        Some(axis) => chart(&lines, &axis, if unit == "ns" { time } else { short }),
        None => html! {
            ul.chart.bare { @for line in lines { li { div.name { (line.name) } div.value { (line.value) } } } }
        },
    }
}

/// The strip of one bar.
fn marks(of: &Bar, axis: &Axis) -> Markup {
    let Some((middle, low, high)) = of.figure else { return html! {} };
    html! {
        @if let (Some(zero), Some(end)) = (axis.at(0.0), axis.at(middle)) {
            (bar(if of.ours { "ours" } else { "theirs" }, zero.min(end), zero.max(end), MIDDLE, 16))
        }
        @if let (Some(low), Some(high)) = (axis.at(low).filter(|_| low < high), axis.at(high)) {
            (bar("spread", low, high, MIDDLE, 2)) (tick("end", low, 9, 19)) (tick("end", high, 9, 19))
        }
    }
}
