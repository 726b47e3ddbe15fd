//! Line charts: a figure over commits, or over a growing count.
//!
//! The lines themselves are drawn in a square that is stretched to the chart; marks and words are not stretched.

use super::super::numbers::NONE;
use super::Axis;
use maud::{Markup, html};

/// Keel's mark, smaller than elsewhere: there are many.
const ROUND: &str = "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z";
/// Where the lines begin, in hundredths of the width: left of it the axis is labelled.
const BEGIN: f64 = 14.0;
/// Another's.
const SQUARE: &str = "M-4 -4h8v8h-8z";

/// One line.
pub struct Series {
    /// Its colour and the shape of its marks.
    pub class: &'static str,
    /// In order along the axis; a gap is where there is no figure.
    pub points: Vec<Point>,
}

/// A point, or a gap.
pub struct Point {
    /// Along.
    pub x: f64,
    /// Up; `None` is a gap.
    pub y: Option<f64>,
    /// What it says when pointed at.
    pub title: String,
}

/// A chart of lines. `spoken` says what it shows; `along` is what stands below which place; `level` is drawn across
/// if the axis holds it.
pub fn lines(
    series: &[Series],
    (x, y): (&Axis, &Axis),
    along: &[(f64, String)],
    label: fn(f64) -> String,
    level: Option<f64>,
    spoken: &str,
) -> Markup {
    let across = |value: f64| x.at(value).map(|place| BEGIN + (97.0 - BEGIN) * place);
    let up = |value: f64| y.at(value).map(|place| 84.0 - 74.0 * place);
    html! {
        svg.lines role="img" aria-label=(spoken) {
            title { (spoken) }
            @for tick in y.ticks() {
                @if let Some(place) = up(tick) {
                    line.grid x1="0" x2="100%" y1=(percent(place)) y2=(percent(place)) {}
                    text x="0" y=(percent(place)) dy="-3" { (label(tick)) }
                }
            }
            @for (index, (value, text)) in along.iter().enumerate() {
                @if let Some(place) = across(*value) {
                    @let is_last = index > 0 && index + 1 == along.len();
                    @let (anchor, place) = if is_last { ("end", 100.0) } else { ("middle", place) };
                    text x=(percent(place)) y="98%" text-anchor=(anchor) { (text) }
                }
            }
            @if let Some(place) = level.filter(|level| y.holds(*level)).and_then(up) {
                line.must x1="0" x2="100%" y1=(percent(place)) y2=(percent(place)) {}
            }
            svg x="0" y="0" width="100%" height="100%" viewBox="0 0 100 100" preserveAspectRatio="none" {
                @for one in series {
                    path class={ "line " (one.class) } d=(path(&one.points, across, up)) {}
                }
            }
            @for one in series {
                @for point in &one.points {
                    @if let (Some(x), Some(y)) = (across(point.x), point.y.and_then(up)) {
                        svg.mark x=(percent(x)) y=(percent(y)) {
                            path class=(one.class) d=(if one.class == "keel" { ROUND } else { SQUARE }) {
                                title { (point.title) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The line in hundredths of the chart; begins anew after a gap. `Z` would close it, so there is none.
fn path(points: &[Point], across: impl Fn(f64) -> Option<f64>, up: impl Fn(f64) -> Option<f64>) -> String {
    let mut path = String::new();
    let mut pen_down = false;
    for point in points {
        match (across(point.x), point.y.and_then(&up)) {
            (Some(x), Some(y)) => {
                path += &format!("{}{x:.2} {y:.2}", if pen_down { "L" } else { "M" });
                pen_down = true;
            }
            _ => pen_down = false,
        }
    }
    path
}

/// A share of the chart in hundredths.
fn percent(place: f64) -> String {
    if place.is_finite() { format!("{place:.2}%") } else { NONE.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(figures: &[Option<f64>]) -> Vec<Point> {
        let point =
            |(index, y): (usize, &Option<f64>)| Point { x: index as f64, y: *y, title: String::new() };
        figures.iter().enumerate().map(point).collect()
    }

    #[test]
    fn a_gap_lifts_the_pen() {
        let place = |value: f64| Some(value);
        assert_eq!(
            path(&points(&[Some(1.0), Some(2.0), None, Some(3.0)]), place, place),
            "M0.00 1.00L1.00 2.00M3.00 3.00"
        );
    }

    #[test]
    fn what_is_no_number_is_a_gap() {
        let axis = Axis::log([1.0, 10.0]).expect("positive");
        let series = [Series {
            class: "keel",
            points: points(&[Some(f64::NAN), Some(f64::INFINITY), Some(0.0), Some(-2.0)]),
        }];
        let text = lines(&series, (&axis, &axis), &[(1.0, "a".into())], |_| String::new(), None, "odd")
            .into_string();
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
