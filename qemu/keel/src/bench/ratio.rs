//! The one way in which two subjects are compared: within each repeat.

use super::repeats;
use super::results::{Outcome, Row};

/// A ratio of two subjects' figures for one operation: the median of the repeats' own ratios, the smallest and the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// The figure to name.
    pub median: f64,
    /// The smallest of the repeats.
    pub min: f64,
    /// The largest of the repeats.
    pub max: f64,
}

impl Ratio {
    /// `ours` divided by `theirs`, each repeat by itself, so that a slow spell of the host touches both sides. `None` unless both were
    /// measured, in the same unit, equally often, and theirs is above zero.
    pub fn of(ours: &Row, theirs: &Row) -> Option<Self> {
        let (Outcome::Measured(a), Outcome::Measured(b)) = (&ours.outcome, &theirs.outcome) else {
            return None;
        };
        if ours.unit != theirs.unit || a.medians.len() != b.medians.len() {
            return None;
        }
        let ratios: Vec<f64> = a.medians.iter().zip(&b.medians).map(|(ours, theirs)| ours / theirs).collect();
        if !ratios.iter().all(|ratio| ratio.is_finite()) {
            return None;
        }
        let fold = |pick: fn(f64, f64) -> f64| ratios.iter().copied().reduce(pick);
        Some(Self { median: repeats::median(&ratios)?, min: fold(f64::min)?, max: fold(f64::max)? })
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} ({:.3}–{:.3})", self.median, self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::Figures;
    use super::*;

    fn row(unit: &str, medians: &[f64]) -> Row {
        let figures = Figures { medians: medians.to_vec(), ..Default::default() };
        Row::sample("yield", "keel", unit, Outcome::Measured(figures))
    }

    #[test]
    fn a_ratio_is_made_within_each_repeat() {
        // The host was twice as slow in the second repeat: the ratio does not show it.
        let ratio = Ratio::of(&row("ns", &[10.0, 20.0, 12.0]), &row("ns", &[100.0, 200.0, 100.0]));
        assert_eq!(ratio, Some(Ratio { median: 0.1, min: 0.1, max: 0.12 }));
    }

    #[test]
    fn what_cannot_be_compared_has_no_ratio() {
        let ours = row("ns", &[10.0, 20.0]);
        for theirs in [
            row("cycles", &[1.0, 2.0]),
            row("ns", &[1.0]),
            row("ns", &[1.0, 0.0]),
            row("ns", &[1.0, f64::NAN]),
        ] {
            assert_eq!(Ratio::of(&ours, &theirs), None, "{theirs:?}");
        }
        assert_eq!(Ratio::of(&row("ns", &[]), &row("ns", &[])), None);
        let missing = Row { outcome: Outcome::Missing("no".into()), ..ours.clone() };
        assert_eq!((Ratio::of(&ours, &missing), Ratio::of(&missing, &ours)), (None, None));
    }
}
