//! What one subject costs of what another costs, for the reader of the page.
//!
//! The ratio itself is the terminal's [`Ratio`], made within each repeat; there is no other. Here a throughput is
//! turned round, so that below 1 is always better, and where there is no ratio a sentence says why.

use super::numbers::times;
use super::ratio::Ratio;
use super::results::{Better, Outcome, Row};

/// Ours to theirs as costs.
///
/// # Errors
/// Why there is no ratio, in words.
pub fn cost(ours: &Row, theirs: &Row) -> Result<Ratio, String> {
    let ratio = match ours.better {
        Better::Lower => Ratio::of(ours, theirs),
        Better::Higher => Ratio::of(theirs, ours),
    };
    // A cost of nothing, or of less, is no cost.
    ratio.filter(|ratio| ratio.min > 0.0).ok_or_else(|| why(ours, theirs))
}

/// `0.05× to 0.09×`, or nothing if it was measured once.
pub fn spread(ratio: &Ratio) -> Option<String> {
    (ratio.min < ratio.max).then(|| format!("{} to {}", times(ratio.min), times(ratio.max)))
}

/// Why two rows have no ratio.
fn why(ours: &Row, theirs: &Row) -> String {
    let (Outcome::Measured(a), Outcome::Measured(b)) = (&ours.outcome, &theirs.outcome) else {
        return "one of the two has no figure".to_owned();
    };
    if ours.unit != theirs.unit {
        format!("one is in {}, the other in {}", ours.unit, theirs.unit)
    } else if a.medians.len() == b.medians.len() {
        "a repeat has no figure above zero".to_owned()
    } else {
        format!(
            "measured {} times and {} times: the repeats cannot be paired",
            a.medians.len(),
            b.medians.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::results::Figures;
    use super::super::sample::{measured, row};
    use super::*;

    fn repeats(medians: &[f64]) -> Row {
        let figures = Figures { median: medians[0], medians: medians.into(), ..Figures::default() };
        row("a", "keel", "ns", Outcome::Measured(figures))
    }

    #[test]
    fn the_ratio_is_that_of_the_repeats() {
        // The ratio of the medians would be 10 / 30.
        let ratio = cost(&repeats(&[10.0, 1.0, 50.0]), &repeats(&[20.0, 30.0, 100.0])).expect("comparable");
        assert_eq!(ratio, Ratio { median: 0.5, min: 1.0 / 30.0, max: 0.5 });
        assert_eq!(spread(&ratio), Some("0.033× to 0.50×".into()));
        assert_eq!(spread(&Ratio { median: 0.5, min: 0.5, max: 0.5 }), None);
    }

    #[test]
    fn a_throughput_is_turned_into_a_cost() {
        let [mut ours, theirs] = [200.0, 100.0].map(|median| measured("a", "keel", "MB/s", median));
        ours.better = Better::Higher;
        assert_eq!(cost(&ours, &theirs).map(|ratio| ratio.median), Ok(0.5));
    }

    #[test]
    fn what_has_no_ratio_says_why() {
        let ours = repeats(&[1.0, 2.0]);
        let says = |theirs: &Row, words: &str| {
            let why = cost(&ours, theirs).expect_err("not comparable");
            assert!(why.contains(words), "{why}");
        };
        says(&repeats(&[1.0]), "measured 2 times and 1 times");
        says(&repeats(&[1.0, 0.0]), "no figure above zero");
        says(&Row { unit: "cycles".into(), ..ours.clone() }, "one is in ns, the other in cycles");
        says(&row("a", "b", "ns", Outcome::Skipped("no".into())), "has no figure");
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(cost(&repeats(&[bad]), &repeats(&[1.0])).is_err(), "{bad}");
        }
    }
}
