//! Numbers for people: figures, factors, the geometric mean, and what is no number.
//!
//! Results are outside input: a figure may be zero, negative, infinite or no number at all. Whatever comes in, what
//! goes out is a text without `NaN`.

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
        1_000.0.. => figure(ratio),
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

/// With its unit and few digits: `239 ms`, `46.5 M cycles`, `1,096 instructions`.
pub fn quantity(value: f64, unit: &str) -> String {
    let (divisor, unit) = match (unit, value.abs()) {
        ("ns", 1e9..) => (1e9, "s"),
        ("ns", 1e6..) => (1e6, "ms"),
        ("ns", 1e4..) => (1e3, "µs"),
        (unit, 1e7..) => return format!("{} M {unit}", figure(value / 1e6)),
        (unit, _) => (1.0, unit),
    };
    format!("{} {unit}", figure(value / divisor))
}

/// A time on an axis, from nanoseconds: `200 ns`, `1 ms`.
pub fn time(ns: f64) -> String {
    let (divisor, unit) = match ns.abs() {
        1e9.. => (1e9, "s"),
        1e6.. => (1e6, "ms"),
        1e3.. => (1e3, "µs"),
        _ => (1.0, "ns"),
    };
    format!("{} {unit}", figure(ns / divisor))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            [0.004_2, 0.052, 0.5, 1.05, 12.34, 480.0, 188_012.0].map(times),
            ["0.0042×", "0.052×", "0.50×", "1.05×", "12.3×", "480×", "188,012×"]
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
    fn quantities_have_few_digits() {
        let cases =
            [(6.5935e9, "ns", "6.59 s"), (239_265_575.0, "ns", "239 ms"), (12_340.0, "ns", "12.3 µs")];
        let others = [
            (46_525_479.0, "cycles", "46.5 M cycles"),
            (1_096.0, "cycles", "1,096 cycles"),
            (7.5, "ns", "7.5 ns"),
        ];
        for (value, unit, text) in cases.into_iter().chain(others) {
            assert_eq!(quantity(value, unit), text);
        }
        assert_eq!([200.0, 5e3, 1e6, 2e9].map(time), ["200 ns", "5 µs", "1 ms", "2 s"]);
        assert_eq!(quantity(f64::NAN, "ns"), "– ns");
    }
}
