//! Whether a figure is what is wanted, and by how much it is not.
//!
//! A miss is said with a number and stands out as much as a hit.

use super::numbers::{figure, times};
use maud::{Markup, html};

/// What a figure is, held against what must be reached and what is aimed at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// As good as aimed at; or as it must be, where nothing more is aimed at.
    Aim,
    /// As good as it must be, and so many times what is aimed at.
    Must(f64),
    /// So many times what it may be.
    Missed(f64),
    /// There is no figure to judge.
    Unknown,
}

impl Verdict {
    /// Of a figure that should be low.
    pub fn of(value: Option<f64>, must: f64, aim: Option<f64>) -> Self {
        match value.filter(|value| value.is_finite() && *value >= 0.0) {
            None => Self::Unknown,
            Some(value) if value > must => Self::Missed(value / must),
            Some(value) => aim.filter(|aim| value > *aim).map_or(Self::Aim, |aim| Self::Must(value / aim)),
        }
    }

    /// Whether what must be reached is; `None` if nobody knows.
    pub fn reached(self) -> Option<bool> {
        match self {
            Self::Aim | Self::Must(_) => Some(true),
            Self::Missed(_) => Some(false),
            Self::Unknown => None,
        }
    }

    /// A word or two on a coloured ground; the mark before it says the same without colour.
    pub fn badge(self) -> Markup {
        html! {
            @match self {
                Self::Aim => span.badge.aim { "✓✓ reached" },
                Self::Must(of_aim) => span.badge.must { "✓ must; " (times(of_aim)) " of aim" },
                Self::Missed(of_must) => span.badge.missed { "✗ missed: " (times(of_must)) " of must" },
                Self::Unknown => span.badge.unknown { "? no figure" },
            }
        }
    }
}

/// What is wanted, in a few words.
pub fn wanted(must: f64, aim: f64) -> Markup {
    html! { "must ≤ " (figure(must)) ", aim " (figure(aim)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miss_says_by_how_much() {
        assert_eq!(Verdict::of(Some(220.0), 110.0, Some(70.0)), Verdict::Missed(2.0));
        assert_eq!(Verdict::of(Some(105.0), 110.0, Some(70.0)), Verdict::Must(1.5));
        assert_eq!(Verdict::of(Some(70.0), 110.0, Some(70.0)), Verdict::Aim);
        assert_eq!(Verdict::of(Some(1.0), 1.0, None), Verdict::Aim);
        assert!(Verdict::of(Some(220.0), 110.0, None).badge().into_string().contains("2.00× of must"));
    }

    #[test]
    fn what_is_no_figure_reaches_nothing() {
        for value in [None, Some(f64::NAN), Some(f64::INFINITY), Some(-1.0)] {
            assert_eq!(Verdict::of(value, 110.0, None).reached(), None);
        }
    }
}
