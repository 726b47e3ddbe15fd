//! Many figures as specks on one axis, each as a multiple of what it may be: the page's first picture.

use super::ratio::fraction;
use super::{Axis, Line, chart, tick};
use maud::{Markup, html};

/// Which share of the strip a speck takes, on a phone.
const TOO_CLOSE: f64 = 0.022;
/// At which heights specks stand that would hide each other; more than these overlap.
const HEIGHTS: [u32; 5] = [14, 8, 20, 3, 25];

/// One figure.
pub struct Speck {
    /// The figure as a multiple of what it may be.
    pub of_must: f64,
    /// What it says when pointed at.
    pub title: String,
}

/// Specks of one kind.
pub struct Swarm {
    /// The kind.
    pub name: Markup,
    /// The same without marks, and how many are where.
    pub spoken: String,
    /// The figures.
    pub specks: Vec<Speck>,
    /// How many are where, in words.
    pub value: Markup,
}

/// Swarms on one axis.
pub fn swarms(all: Vec<Swarm>) -> Markup {
    let shown = all.iter().flat_map(|swarm| swarm.specks.iter().map(|speck| speck.of_must));
    let Some(axis) = Axis::ratio(shown.collect::<Vec<_>>()) else { return html! {} };
    let line = |swarm: Swarm| Line {
        marks: marks(&swarm, &axis),
        name: swarm.name,
        spoken: swarm.spoken,
        value: swarm.value,
    };
    let lines: Vec<Line> = all.into_iter().map(line).collect();
    chart(&lines, &axis, fraction)
}

/// The strip of one swarm. What is too much is a diamond, so that it is seen without colour.
fn marks(swarm: &Swarm, axis: &Axis) -> Markup {
    let mut placed: Vec<(f64, u32, &Speck)> = Vec::new();
    for speck in &swarm.specks {
        let Some(place) = axis.at(speck.of_must) else { continue };
        let taken =
            |y: &u32| placed.iter().any(|(other, at, _)| (other - place).abs() < TOO_CLOSE && at == y);
        let y = HEIGHTS.into_iter().find(|y| !taken(y)).unwrap_or(HEIGHTS[0]);
        placed.push((place, y, speck));
    }
    html! {
        @if let Some(one) = axis.at(1.0) {
            rect.reached x="0" width=(super::along(one)) y="0" height="28" {}
            (tick("one", one, 0, 28))
        }
        @for (place, y, speck) in placed {
            @let (class, path) = if speck.of_must > 1.0 { ("miss", "M0 -5.5L5.5 0L0 5.5L-5.5 0z") }
                else { ("hit", "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z") };
            svg.mark x=(super::along(place)) y=(y) { path class=(class) d=(path) { title { (speck.title) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specks_at_one_place_stand_apart() {
        let speck = |of_must| Speck { of_must, title: String::new() };
        let specks = [1.0, 1.0, 1.001, 8.0, f64::NAN].map(speck).into();
        let swarm = Swarm { name: html! {}, spoken: String::new(), specks, value: html! {} };
        let text = swarms(vec![swarm]).into_string();
        assert_eq!((text.matches("class=\"hit\"").count(), text.matches("class=\"miss\"").count()), (2, 2));
        for y in [14, 8, 20] {
            assert!(text.contains(&format!(" y=\"{y}\"")), "{text}");
        }
        assert!(!text.contains("NaN"));
        assert_eq!(swarms(vec![]).into_string(), "");
    }
}
