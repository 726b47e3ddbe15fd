//! Ratios with their spread on a logarithmic axis; left of 1 Keel is cheaper.

use super::super::compare::spread;
use super::super::numbers::times;
use super::super::ratio::Ratio;
use super::{Axis, Line, MIDDLE, bar, chart, shape, tick};
use maud::{Markup, html};

/// Ratios of one operation.
pub struct RatioLine {
    /// Of what.
    pub name: Markup,
    /// The same without marks.
    pub spoken: String,
    /// To whom, which gives the mark its shape, and the ratio.
    pub ratios: Vec<(String, Ratio)>,
    /// What must be reached.
    pub must: Option<f64>,
    /// What is aimed at.
    pub aim: Option<f64>,
    /// The ratios and what they are worth, in words.
    pub value: Markup,
}

/// Operations on one axis.
pub fn ratios(lines: Vec<RatioLine>) -> Markup {
    let shown = lines.iter().flat_map(|line| {
        let ratios = line.ratios.iter().flat_map(|(_, ratio)| [ratio.min, ratio.median, ratio.max]);
        ratios.chain(line.must).chain(line.aim)
    });
    let axis = Axis::ratio(shown.chain([1.0]).collect::<Vec<_>>());
    let Some(axis) = axis.filter(|_| !lines.is_empty()) else { return html! {} };
    let lines: Vec<Line> = lines.into_iter().map(|line| draw(line, &axis)).collect();
    chart(&lines, &axis, fraction)
}

/// The strip of one operation.
fn draw(line: RatioLine, axis: &Axis) -> Line {
    let mut spoken = line.spoken;
    for (subject, ratio) in &line.ratios {
        let spread = spread(ratio).map_or(String::new(), |spread| format!(" (repeats {spread})"));
        spoken += &format!(", to {subject} {}{spread}", times(ratio.median));
    }
    if let Some(must) = line.must {
        spoken += &format!("; must be at most {}", times(must));
    }
    // Two side by side, one in the middle.
    let height = |index: usize| if line.ratios.len() > 1 { 7 + 14 * (index as u32 % 2) } else { MIDDLE };
    let marks = html! {
        @if let Some(place) = axis.at(1.0) { (tick("one", place, 0, 28)) }
        @if let Some(place) = line.must.and_then(|must| axis.at(must)) { (tick("must", place, 0, 28)) }
        @if let Some(place) = line.aim.and_then(|aim| axis.at(aim)) { (tick("aim", place, 0, 28)) }
        @for (index, (subject, ratio)) in line.ratios.iter().enumerate() {
            @let y = height(index);
            @if let (Some(low), Some(high)) = (axis.at(ratio.min), axis.at(ratio.max)) {
                (bar("spread", low, high, y, 4)) (tick("end", low, y - 5, y + 5)) (tick("end", high, y - 5, y + 5))
            }
            @if let Some(place) = axis.at(ratio.median) { (shape(subject, place, y)) }
        }
    };
    Line { name: line.name, spoken, marks, value: line.value }
}

/// `1/8×`, `1×`, `4×`: ticks are powers of two.
pub(super) fn fraction(tick: f64) -> String {
    if tick < 1.0 { format!("1/{:.0}×", 1.0 / tick) } else { format!("{tick:.0}×") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_fractions() {
        assert_eq!([0.125, 1.0, 16.0].map(fraction), ["1/8×", "1×", "16×"]);
    }
}
