//! Numbers for people: figures, ratios, the geometric mean, and what is no number.
//!
//! Results are outside input: a figure may be zero, negative, infinite or no number at all. Whatever comes in, what
//! goes out is a text without `NaN`.

use super::results::{Better, Figures};

/// What stands where there is no number.
pub const NONE: &str = "–";

/// `1,096`, `86.4`, `3.25`.
pub fn figure(value: f64) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let decimals = match value.abs() {
        100.0.. => 0,
        10.0.. => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    if digits == "0" {
        return digits.to_owned();
    }
    let (whole, fraction) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    format!("{sign}{}{fraction}", thousands(whole))
}

/// `12004588` as `12,004,588`.
fn thousands(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure for an axis: `500`, `2k`, `10M`.
pub fn short(value: f64) -> String {
    let (divisor, suffix) = match value.abs() {
        1e9.. => (1e9, "G"),
        1e6.. => (1e6, "M"),
        1e3.. => (1e3, "k"),
        _ => (1.0, ""),
    };
    figure(value / divisor) + suffix
}

/// `0.21×`, `0.0042×`, `1.05×`, `12.5×`.
pub fn times(ratio: f64) -> String {
    if !ratio.is_finite() {
        return NONE.to_owned();
    }
    let text = match ratio.abs() {
        100.0.. => format!("{ratio:.0}"),
        10.0.. => format!("{ratio:.1}"),
        0.1.. => format!("{ratio:.2}"),
        0.01.. => format!("{ratio:.3}"),
        _ => format!("{ratio:.4}"),
    };
    text + "×"
}

/// The geometric mean of what is positive, and of how many that is; `None` if nothing is.
pub fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<(f64, usize)> {
    let (sum, count) = values
        .into_iter()
        .filter(|value| value.is_finite() && *value > 0.0)
        .fold((0.0, 0), |(sum, count), value| (sum + value.ln(), count + 1));
    (count > 0).then(|| ((sum / count as f64).exp(), count))
}

/// What one costs of what another costs: below 1 is better, whichever way the figures themselves are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Of the medians.
    pub middle: f64,
    /// The smallest of the repeats.
    pub low: f64,
    /// The largest of the repeats.
    pub high: f64,
}

impl Ratio {
    /// `None` where a figure is not positive.
    ///
    /// Repeats are paired in their order, as they alternated. Where one has more than the other they cannot be, and
    /// the spread is the widest that the repeats allow.
    pub fn of(ours: &Figures, theirs: &Figures, better: Better) -> Option<Self> {
        let cost = |a: f64, b: f64| match better {
            Better::Lower => a / b,
            Better::Higher => b / a,
        };
        let sound = |value: f64| value.is_finite() && value > 0.0;
        let whole = |ratio: &f64| sound(*ratio);
        let middle = Some(cost(ours.median, theirs.median))
            .filter(|_| sound(ours.median) && sound(theirs.median))
            .filter(whole)?;
        let pairs: Vec<f64> = if ours.medians.len() == theirs.medians.len() {
            ours.medians.iter().zip(&theirs.medians).map(|(a, b)| cost(*a, *b)).collect()
        } else {
            let ((a, b), (c, d)) = (ours.spread(), theirs.spread());
            [(a, d), (b, c), (a, c), (b, d)].map(|(ours, theirs)| cost(ours, theirs)).into()
        };
        let pairs = || pairs.iter().copied().filter(whole);
        Some(Self { middle, low: pairs().fold(middle, f64::min), high: pairs().fold(middle, f64::max) })
    }

    /// `0.05× to 0.09×`, or nothing if it was measured once.
    pub fn spread(&self) -> Option<String> {
        (self.low < self.high).then(|| format!("{} to {}", times(self.low), times(self.high)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(medians: &[f64]) -> Figures {
        Figures { median: medians[medians.len() / 2], medians: medians.into(), ..Figures::default() }
    }

    #[test]
    fn figures_are_grouped_and_short() {
        for (value, text) in [
            (0.0, "0"),
            (-0.001, "0"),
            (0.125, "0.12"),
            (7.0, "7"),
            (86.44, "86.4"),
            (999.6, "1,000"),
            (1_096.0, "1,096"),
            (12_004_588.0, "12,004,588"),
            (-4_321.0, "-4,321"),
            (f64::NAN, NONE),
            (f64::NEG_INFINITY, NONE),
        ] {
            assert_eq!(figure(value), text);
        }
        assert_eq!([0.5, 20.0, 2e3, 1e7].map(short), ["0.5", "20", "2k", "10M"]);
        assert_eq!(
            [0.004_2, 0.052, 0.5, 1.05, 12.34, 480.0].map(times),
            ["0.0042×", "0.052×", "0.50×", "1.05×", "12.3×", "480×"]
        );
        assert_eq!(times(f64::NAN), NONE);
    }

    #[test]
    fn the_geometric_mean_leaves_out_what_has_no_logarithm() {
        let (mean, count) =
            geometric_mean([2.0, 8.0, 0.0, -1.0, f64::NAN, f64::INFINITY]).expect("two are positive");
        assert!((mean - 4.0).abs() < 1e-9 && count == 2);
        assert_eq!(geometric_mean([0.0]), None);
    }

    #[test]
    fn repeats_are_paired_where_they_can_be() {
        let ratio = Ratio::of(&repeats(&[1.0, 2.0, 4.0]), &repeats(&[2.0, 4.0, 8.0]), Better::Lower);
        assert_eq!(ratio, Some(Ratio { middle: 0.5, low: 0.5, high: 0.5 }));
        assert_eq!(ratio.and_then(|ratio| ratio.spread()), None);
        let ratio = Ratio::of(&repeats(&[1.0, 2.0]), &repeats(&[4.0]), Better::Lower);
        assert_eq!(ratio, Some(Ratio { middle: 0.5, low: 0.25, high: 0.5 }));
    }

    #[test]
    fn a_throughput_is_turned_into_a_cost() {
        let ratio = Ratio::of(&repeats(&[200.0]), &repeats(&[100.0]), Better::Higher);
        assert_eq!(ratio.map(|ratio| ratio.middle), Some(0.5));
    }

    #[test]
    fn no_ratio_to_nothing() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Ratio::of(&repeats(&[1.0]), &repeats(&[bad]), Better::Lower), None);
            assert_eq!(Ratio::of(&repeats(&[bad]), &repeats(&[1.0]), Better::Higher), None);
        }
        let ratio = Ratio::of(&repeats(&[1.0, 1.0, 1.0]), &repeats(&[0.0, 1.0, f64::NAN]), Better::Lower);
        assert_eq!(ratio, Some(Ratio { middle: 1.0, low: 1.0, high: 1.0 }));
    }
}
