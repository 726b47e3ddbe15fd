//! Distributions: from the smallest to the largest sample, with the middle half as a box.
//!
//! ```text
//!      min   5%   25%  median  75%       95%      max
//!       ──────────████████┃██████────────┄┄┄┄┄┄┄┄┄┄┄
//! ```
//!
//! Where a row brings no quantiles, the line has no box, and p90 and p99 are ticks.

use super::super::numbers::{NONE, figure, quantity, short, time};
use super::super::results::{Figures, Outcome, Row};
use super::{Axis, Line, MIDDLE, bar, chart, tick};
use maud::{Markup, html};

/// Strips of rows of one unit on one axis; nothing if nothing was measured. `name` is how a row is called there, after
/// another one.
pub fn strips(rows: &[&Row], name: impl Fn(&Row, Option<&Row>) -> Markup) -> Markup {
    let measured: Vec<(&Row, &Figures)> = rows
        .iter()
        .filter_map(|row| match &row.outcome {
            Outcome::Measured(figures) => Some((*row, figures)),
            Outcome::Missing(_) | Outcome::Skipped(_) | Outcome::Failed(_) => None,
        })
        .collect();
    let Some(axis) =
        Axis::log(measured.iter().flat_map(|(_, figures)| [figures.min, figures.median, figures.max]))
    else {
        return html! {};
    };
    let label = if measured.iter().all(|(row, _)| row.unit == "ns") { time } else { short };
    let lines: Vec<Line> = measured
        .iter()
        .enumerate()
        .map(|(index, (row, figures))| Line {
            name: name(row, index.checked_sub(1).map(|before| measured[before].0)),
            spoken: spoken(row, figures),
            marks: marks(figures, &axis),
            value: html! {
                strong { (quantity(figures.median, &row.unit)) }
                small { (range(row, figures)) }
            },
        })
        .collect();
    chart(&lines, &axis, label)
}

/// How far the samples lie apart, in words.
fn range(row: &Row, figures: &Figures) -> String {
    if figures.min < figures.max {
        let say = if row.unit == "ns" { time } else { short };
        format!("{} to {}", say(figures.min), say(figures.max))
    } else {
        "all samples equal".to_owned()
    }
}

/// The strip in words.
fn spoken(row: &Row, figures: &Figures) -> String {
    let [min, median, p90, p99, max] =
        [figures.min, figures.median, figures.p90, figures.p99, figures.max].map(figure);
    let Row { name, subject, unit, .. } = row;
    format!("{name} ({subject}), {unit}: minimum {min}, median {median}, 90% {p90}, 99% {p99}, maximum {max}")
}

/// The strip as marks.
fn marks(figures: &Figures, axis: &Axis) -> Markup {
    let at = |value: f64| axis.at(value);
    let quantile = |share: f64| at(quantile(&figures.quantiles, share)?);
    html! {
        @if let (Some(min), Some(max)) = (at(figures.min), at(figures.max)) {
            (bar("range", min, max, MIDDLE, 2))
            (tick("end", min, 10, 18)) (tick("end", max, 10, 18))
        }
        @if let (Some(low), Some(high)) = (quantile(0.05), quantile(0.95)) { (bar("most", low, high, MIDDLE, 8)) }
        @if let (Some(low), Some(high)) = (quantile(0.25), quantile(0.75)) { (bar("half", low, high, MIDDLE, 16)) }
        @else {
            @for value in [figures.p90, figures.p99] {
                @if let Some(place) = at(value) { (tick("tail", place, 9, 19)) }
            }
        }
        @if let Some(place) = at(figures.median) { (tick("median", place, 4, 24)) }
        @else { text.note x="50%" y="18" text-anchor="middle" { (NONE) } }
    }
}

/// The quantile at a share of the way, between two neighbours; `None` if there are none.
fn quantile(quantiles: &[f64], share: f64) -> Option<f64> {
    let steps = quantiles.len().checked_sub(1).filter(|steps| *steps > 0)?;
    let place = share * steps as f64;
    let before = quantiles[place.floor() as usize];
    let after = quantiles[(place.ceil() as usize).min(steps)];
    Some(before + (after - before) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_their_neighbours() {
        let twenty_one: Vec<f64> = (0..=20).map(f64::from).collect();
        assert_eq!(
            [0.05, 0.25, 0.95, 1.0].map(|share| quantile(&twenty_one, share)),
            [1.0, 5.0, 19.0, 20.0].map(Some)
        );
        assert_eq!(quantile(&[1.0, 3.0], 0.25), Some(1.5));
        assert_eq!([quantile(&[], 0.5), quantile(&[7.0], 0.5)], [None, None]);
    }

    #[test]
    fn odd_figures_leave_no_odd_marks() {
        let axis = Axis::log([1.0, 1_000.0]).expect("positive");
        for odd in [f64::NAN, f64::INFINITY, 0.0, -5.0] {
            for quantiles in [vec![], vec![odd; 21]] {
                let figures = Figures {
                    median: odd,
                    min: odd,
                    max: odd,
                    p90: odd,
                    p99: odd,
                    quantiles,
                    ..Figures::default()
                };
                let text = marks(&figures, &axis).into_string();
                assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
            }
        }
    }
}
