//! From a figure to a place on a line, and where that line is ticked.
//!
//! Every axis is made from the values that it shall show. A place is a share of the line's length, so that a chart is
//! as wide as the page lets it be. What has no place (no number, or zero on a logarithmic axis) is told apart here
//! and nowhere else.

/// How many ticks have room on a phone.
const TICKS: usize = 7;

/// A line from one figure to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    low: f64,
    high: f64,
    scale: Scale,
}

/// How figures are laid along the line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Scale {
    /// Ticks at 1, 2, 5, 10, …
    Decades,
    /// Ticks at 1/4, 1/2, 1, 2, …
    Doublings,
    /// Equal steps.
    Linear,
}

impl Axis {
    /// Logarithmic, over all positive values; `None` if there is none.
    pub fn log(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = bounds(values.into_iter().filter(|value| *value > 0.0))?;
        let (low, mut high) = (nice_below(low), nice_above(high));
        if high <= low {
            high = nice_above(low * 1.5);
        }
        Some(Self { low, high, scale: Scale::Decades }).filter(Self::is_sound)
    }

    /// For ratios: logarithmic, around 1.
    pub fn ratio(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = bounds(values.into_iter().filter(|value| *value > 0.0))?;
        let (low, high) = (low.min(0.9).log2().floor().exp2(), high.max(1.1).log2().ceil().exp2());
        Some(Self { low, high, scale: Scale::Doublings }).filter(Self::is_sound)
    }

    /// Equal steps from zero, or from below it if something is negative, as a bar needs.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = bounds(values.into_iter().chain([0.0]))?;
        let step = step(high - low);
        let (low, high) = ((low / step).floor() * step, (high / step).ceil() * step);
        let high = if high <= low { low + 1.0 } else { high };
        Some(Self { low, high, scale: Scale::Linear }).filter(Self::is_sound)
    }

    /// Equal steps over the values and a little more, so that a small change is seen; a line chart's, never a bar's.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let (low, high) = bounds(values)?;
        let room = ((high - low) * 0.1).max(high.abs().max(low.abs()) * 0.02).max(f64::MIN_POSITIVE);
        Some(Self { low: low - room, high: high + room, scale: Scale::Linear }).filter(Self::is_sound)
    }

    /// Where on the line: 0 at its beginning, 1 at its end, and never outside. `None` for what is no number.
    pub fn at(&self, value: f64) -> Option<f64> {
        if value.is_nan() {
            return None;
        }
        let (value, low, high) = match self.scale {
            Scale::Linear => (value, self.low, self.high),
            // Nothing positive is left of the beginning: zero and less stand there.
            Scale::Decades | Scale::Doublings => (value.max(self.low).ln(), self.low.ln(), self.high.ln()),
        };
        Some(((value - low) / (high - low)).clamp(0.0, 1.0))
    }

    /// Whether the line reaches this figure.
    pub fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The figures to write beside the line, in order, and few enough for a phone.
    pub fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Decades => {
                let all: Vec<f64> =
                    std::iter::successors(Some(self.low), |tick| Some(nice_above(*tick * 1.01)))
                        .take_while(|tick| *tick <= self.high * 1.001)
                        .collect();
                if all.len() <= TICKS {
                    return all;
                }
                let decades = (self.low.log10().ceil() as i32..=self.high.log10().floor() as i32).collect();
                thin(decades).into_iter().map(|decade| 10f64.powi(decade)).collect()
            }
            Scale::Doublings => thin((self.low.log2() as i32..=self.high.log2() as i32).collect())
                .into_iter()
                .map(|doubling| 2f64.powi(doubling))
                .collect(),
            Scale::Linear => {
                let step = step(self.high - self.low);
                let first = (self.low / step).ceil();
                let ticks = (0..=2 * TICKS).map(|tick| (first + tick as f64) * step);
                ticks.take_while(|tick| *tick <= self.high + step * 1e-6).collect()
            }
        }
    }

    /// Whether it has a length that numbers can express.
    fn is_sound(&self) -> bool {
        let length = match self.scale {
            Scale::Linear => self.high - self.low,
            Scale::Decades | Scale::Doublings => self.high.ln() - self.low.ln(),
        };
        self.low.is_finite() && self.high.is_finite() && length.is_normal() && length > 0.0
    }
}

/// The smallest and the largest number.
fn bounds(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let values = values.into_iter().filter(|value| value.is_finite());
    values.fold(None, |bounds: Option<(f64, f64)>, value| {
        Some(bounds.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    })
}

/// The next of 1, 2, 5, 10, … at or below; the tolerance is for what powers of ten lose.
fn nice_below(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    [10.0, 5.0, 2.0, 1.0]
        .map(|step| step * decade)
        .into_iter()
        .find(|step| *step <= value * 1.000_001)
        .unwrap_or(decade)
}

/// The next of 1, 2, 5, 10, … at or above.
fn nice_above(value: f64) -> f64 {
    let decade = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|step| step * decade)
        .into_iter()
        .find(|step| *step >= value * 0.999_999)
        .unwrap_or(decade * 10.0)
}

/// A step of 1, 2, 5, … that divides a length into a handful.
fn step(length: f64) -> f64 {
    let step = nice_above(length / 4.0);
    if step.is_finite() && step > 0.0 { step } else { 1.0 }
}

/// Every so many-th, with zero among them if it is, until they are few enough.
fn thin(exponents: Vec<i32>) -> Vec<i32> {
    let by = (1..).find(|by| exponents.len().div_ceil(*by) <= TICKS).unwrap_or(1) as i32;
    exponents.into_iter().filter(|exponent| exponent.rem_euclid(by) == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(axis: Option<Axis>) -> Vec<String> {
        axis.expect("there is something to show")
            .ticks()
            .iter()
            .map(|tick| format!("{tick:.9}").trim_end_matches('0').trim_end_matches('.').to_owned())
            .collect()
    }

    #[test]
    fn logarithmic_ticks_are_round() {
        assert_eq!(ticks(Axis::log([23.0, 480.0])), ["20", "50", "100", "200", "500"]);
        assert_eq!(ticks(Axis::log([70.0, 59_439.0])), ["100", "1000", "10000", "100000"]);
        assert_eq!(ticks(Axis::log([0.003, 0.003])), ["0.002", "0.005"]);
        assert_eq!(ticks(Axis::log([5.0])), ["5", "10"]);
        let wide = Axis::log([1e-3, 1e12]).expect("positive").ticks();
        assert!(wide.len() <= TICKS && wide.contains(&1.0), "{wide:?}");
    }

    #[test]
    fn ratio_ticks_are_doublings_around_one() {
        assert_eq!(ticks(Axis::ratio([0.3, 1.5])), ["0.25", "0.5", "1", "2"]);
        assert_eq!(ticks(Axis::ratio([1.0])), ["0.5", "1", "2"]);
        let wide = Axis::ratio([0.0007, 3.0]).expect("positive").ticks();
        assert!(wide.len() <= TICKS && wide.contains(&1.0), "{wide:?}");
    }

    #[test]
    fn bars_begin_at_zero() {
        let axis = Axis::from_zero([31.0, 187.0]).expect("numbers");
        assert_eq!((axis.at(0.0), axis.at(200.0)), (Some(0.0), Some(1.0)));
        assert_eq!(ticks(Some(axis)), ["0", "50", "100", "150", "200"]);
        assert_eq!(Axis::from_zero([0.0]).and_then(|axis| axis.at(0.0)), Some(0.0));
    }

    #[test]
    fn places_are_shares_of_the_line() {
        let axis = Axis::log([10.0, 1_000.0]).expect("positive");
        let places = [0.0, -4.0, 10.0, 100.0, 1_000.0, 1e9, f64::INFINITY]
            .map(|value| axis.at(value).expect("a number"));
        for (place, expected) in places.iter().zip([0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0]) {
            assert!((place - expected).abs() < 1e-9, "{places:?}");
        }
        assert_eq!(axis.at(f64::NAN), None);
    }

    #[test]
    fn whatever_is_to_be_shown_a_place_is_a_share_or_nothing() {
        let odd = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            -3.0,
            1.0,
            f64::MIN_POSITIVE,
            f64::MAX,
            5e-324,
        ];
        for first in odd {
            for second in odd {
                let made =
                    [Axis::log, Axis::ratio, Axis::from_zero, Axis::around].map(|make| make([first, second]));
                for axis in made.into_iter().flatten() {
                    assert!(axis.ticks().len() <= 3 * TICKS, "{axis:?}");
                    for value in odd.into_iter().chain(axis.ticks()) {
                        let place = axis.at(value);
                        assert!(value.is_nan() == place.is_none(), "{axis:?} {value}");
                        assert!(
                            place.is_none_or(|place| (0.0..=1.0).contains(&place)),
                            "{axis:?} {value} {place:?}"
                        );
                    }
                }
            }
        }
        assert_eq!(Axis::log([0.0, f64::NAN]), None);
        assert_eq!(Axis::around([]), None);
    }
}
