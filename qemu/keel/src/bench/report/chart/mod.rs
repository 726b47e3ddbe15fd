//! Charts: HTML for the words, SVG for the marks.
//!
//! A chart is a list of lines: name, strip, value. Only the strip is SVG, and its places are shares of its width; so
//! it is as wide as the page lets it be while text and marks keep their size, on a phone, on a wide screen and on
//! paper. No script is needed. Colour never stands alone: each subject has a shape, and each strip says in words
//! (`aria-label`) what it shows.

mod axis;
mod bars;
mod dots;
mod lines;
mod ratio;
mod strip;
mod swarm;

pub use axis::Axis;
pub use bars::{Bar, bars};
pub use dots::{Dot, dots, key, legend};
pub use lines::{Point, Series, lines};
pub use ratio::{RatioLine, ratios};
pub use strip::strips;
pub use swarm::{Speck, Swarm, swarms};

use maud::{Markup, html};

/// One line of a chart.
struct Line {
    /// What it is about.
    name: Markup,
    /// The same and what the marks show, for who does not see them.
    spoken: String,
    /// The marks; in a strip of 28 by the width of the chart. Without any there is no strip.
    marks: Markup,
    /// The figure itself.
    value: Markup,
}

/// A share of a strip's width as SVG wants it, with room for a mark at both ends.
fn along(place: f64) -> String {
    let place = if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 };
    format!("{:.2}%", 2.0 + 96.0 * place)
}

/// The middle of a strip.
const MIDDLE: u32 = 14;

/// The way between two places.
fn length(from: f64, to: f64) -> String {
    let length = if from.is_finite() && to.is_finite() { (to - from).max(0.0) } else { 0.0 };
    format!("{:.2}%", 96.0 * length)
}

/// Lines under each other on one axis.
fn chart(lines: &[Line], axis: &Axis, label: fn(f64) -> String) -> Markup {
    let ticks: Vec<(f64, f64)> =
        axis.ticks().into_iter().filter_map(|tick| Some((tick, axis.at(tick)?))).collect();
    html! {
        ul.chart {
            @for line in lines {
                li {
                    div.name { (line.name) }
                    @if !line.marks.0.is_empty() {
                        svg.strip role="img" aria-label=(line.spoken) {
                            title { (line.spoken) }
                            @for (_, place) in &ticks { line.grid x1=(along(*place)) x2=(along(*place)) y1="0" y2="100%" {} }
                            (line.marks)
                        }
                    }
                    div.value { (line.value) }
                }
            }
            li.axis aria-hidden="true" {
                div.name {}
                svg.ticks {
                    @for (index, (tick, place)) in ticks.iter().enumerate() {
                        @let is_first = *place < 0.05 && index == 0;
                        @let anchor = if *place > 0.95 { "end" } else if is_first { "start" } else { "middle" };
                        text x=(along(*place)) y="12" text-anchor=(anchor) { (label(*tick)) }
                    }
                }
                div.value {}
            }
        }
    }
}

/// A vertical mark.
fn tick(class: &str, place: f64, top: u32, bottom: u32) -> Markup {
    html! { line class=(class) x1=(along(place)) x2=(along(place)) y1=(top) y2=(bottom) {} }
}

/// A horizontal mark around a height.
fn bar(class: &str, from: f64, to: f64, y: u32, height: u32) -> Markup {
    html! { rect class=(class) x=(along(from)) width=(length(from, to)) y=(y - height / 2) height=(height) {} }
}

/// A subject's shape at a place and a height.
fn shape(subject: &str, place: f64, y: u32) -> Markup {
    let (class, path) = outline(subject);
    html! { svg.mark x=(along(place)) y=(y) { path class=(class) d=(path) {} } }
}

/// The colour and the shape of a subject; whoever is not known has the last ones.
fn outline(subject: &str) -> (&'static str, &'static str) {
    match subject {
        "keel" => ("keel", "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0 -14 0z"),
        "linux_kernel" => ("linux-kernel", "M-5 -5h10v10h-10z"),
        "linux_user" => ("linux-user", "M-4.5 -4.5h9v9h-9z"),
        "lk" => ("lk", "M0 -6.5L6.5 0L0 6.5L-6.5 0z"),
        "nautilus" => ("nautilus", "M0 -6L6 5H-6z"),
        "hermit" => ("hermit", "M0 6L6 -5H-6z"),
        "sel4" => ("sel4", "M-5 -5L5 5M-5 5L5 -5"),
        _ => ("other", "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_place_is_no_number() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -3.0, 7.0] {
            let text = format!("{} {} {}", along(odd), length(odd, 1.0), length(0.0, odd));
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
        assert_eq!(
            (along(0.0), along(1.0), length(0.0, 1.0)),
            ("2.00%".into(), "98.00%".into(), "96.00%".into())
        );
    }
}
