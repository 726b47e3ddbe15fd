//! Keel beside other kernels: a dot each on one axis, with what must be reached and what is aimed at.

use super::super::numbers::{figure, short};
use super::super::peers::Peers;
use super::{Axis, Line, MIDDLE, chart, outline, shape, tick};
use maud::{Markup, html};

/// Which share of the strip a shape takes, on a phone.
const TOO_CLOSE: f64 = 0.025;

/// One operation.
pub struct Dot {
    /// The operation.
    pub name: Markup,
    /// The same without marks.
    pub spoken: String,
    /// Keel's figure, if there is one.
    pub keel: Option<f64>,
    /// Others' figures by subject.
    pub peers: Vec<(String, f64)>,
    /// What must be reached.
    pub must: f64,
    /// What is aimed at.
    pub aim: f64,
    /// Keel's figure and what it is worth, in words.
    pub value: Markup,
}

/// Operations on one axis.
pub fn dots(operations: Vec<Dot>) -> Markup {
    let shown = operations.iter().flat_map(|dot| {
        dot.keel.into_iter().chain([dot.must, dot.aim]).chain(dot.peers.iter().map(|(_, figure)| *figure))
    });
    let Some(axis) = Axis::log(shown.collect::<Vec<_>>()) else { return html! {} };
    let lines: Vec<Line> = operations.into_iter().map(|dot| line(dot, &axis)).collect();
    chart(&lines, &axis, short)
}

/// The strip of one operation.
fn line(dot: Dot, axis: &Axis) -> Line {
    let mut spoken = format!("{}: Keel {}", dot.spoken, dot.keel.map_or("not measured".to_owned(), figure));
    for (subject, value) in &dot.peers {
        spoken += &format!(", {subject} {}", figure(*value));
    }
    spoken += &format!("; must {}, aim {}", figure(dot.must), figure(dot.aim));
    let marks = html! {
        @if let Some(must) = axis.at(dot.must) {
            rect.reached x="0" width=(super::along(must)) y="3" height="22" {}
            (tick("must", must, 3, 25))
        }
        @if let Some(aim) = axis.at(dot.aim) { (tick("aim", aim, 3, 25)) }
        @for (subject, place, y) in apart(&dot, axis) { (shape(subject, place, y)) }
    };
    Line { name: dot.name, spoken, marks, value: dot.value }
}

/// Subjects with their places, and at different heights where places are too close to tell shapes apart. Keel comes
/// last, on top.
fn apart<'a>(dot: &'a Dot, axis: &Axis) -> Vec<(&'a str, f64, u32)> {
    let keel = dot.keel.map(|keel| ("keel", keel));
    let all = keel.into_iter().chain(dot.peers.iter().map(|(subject, value)| (subject.as_str(), *value)));
    let mut marks: Vec<(&str, f64, u32)> = Vec::new();
    for (subject, value) in all {
        let Some(place) = axis.at(value) else { continue };
        let taken = |y: &u32| marks.iter().any(|mark| (mark.1 - place).abs() < TOO_CLOSE && mark.2 == *y);
        let y = [MIDDLE, 2, 26].into_iter().find(|y| !taken(y)).unwrap_or(MIDDLE);
        marks.push((subject, place, y));
    }
    marks.reverse();
    marks
}

/// A subject's shape for a legend.
pub fn key(subject: &str) -> Markup {
    let (class, path) = outline(subject);
    html! { svg.key aria-hidden="true" viewBox="-8 -8 16 16" { path class=(class) d=(path) {} } }
}

/// What the shapes stand for.
pub fn legend(subjects: &[&str], peers: &Peers, wanted: bool) -> Markup {
    html! {
        ul.legend {
            @for subject in subjects {
                li { (key(subject)) (peers.subject(subject)) }
            }
            @if wanted {
                @for level in ["must", "aim"] {
                    li {
                        svg.key aria-hidden="true" viewBox="-8 -8 16 16" { line class=(level) x1="0" x2="0" y1="-8" y2="8" {} }
                        (level)
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_figures_do_not_hide_each_other() {
        let peers = [("lk", 19.0), ("linux_kernel", 19.0), ("nautilus", 41.0)]
            .map(|(name, value)| (name.to_owned(), value));
        let name = html! {};
        let dot = Dot {
            name: name.clone(),
            spoken: String::new(),
            keel: Some(19.0),
            peers: peers.into(),
            must: 1.0,
            aim: 1.0,
            value: name,
        };
        let axis = Axis::log([10.0, 100.0]).expect("positive");
        let heights: Vec<(&str, u32)> =
            apart(&dot, &axis).into_iter().map(|(subject, _, y)| (subject, y)).collect();
        assert_eq!(heights, [("nautilus", MIDDLE), ("linux_kernel", 26), ("lk", 2), ("keel", MIDDLE)]);
    }
}
