//! Several runs of the same benchmarks as one: the median of the medians, and how far these lie apart.

use super::results::{Figures, Outcome, Row};

/// Makes one row of all rows of a name and subject, in the order in which they first come.
///
/// A row that failed once has failed: a benchmark that works in four repeats of five is broken.
pub fn merge(repeats: Vec<Vec<Row>>) -> Vec<Row> {
    let mut merged: Vec<(Row, Vec<Outcome>)> = Vec::new();
    for mut row in repeats.into_iter().flatten() {
        let outcome = std::mem::replace(&mut row.outcome, Outcome::Missing(String::new()));
        match merged.iter_mut().find(|(have, _)| have.name == row.name && have.subject == row.subject) {
            Some((_, outcomes)) => outcomes.push(outcome),
            None => merged.push((row, vec![outcome])),
        }
    }
    merged.into_iter().map(|(row, outcomes)| Row { outcome: one(outcomes), ..row }).collect()
}

fn one(outcomes: Vec<Outcome>) -> Outcome {
    let mut measured: Vec<Figures> = Vec::new();
    let mut other = None;
    for outcome in outcomes {
        match outcome {
            Outcome::Measured(figures) => measured.push(figures),
            Outcome::Failed(_) => return outcome,
            Outcome::Missing(_) | Outcome::Skipped(_) => other = Some(outcome),
        }
    }
    let fold = |pick: fn(f64, f64) -> f64, of: fn(&Figures) -> f64| measured.iter().map(of).reduce(pick);
    let (min, max) = (fold(f64::min, |f| f.min), fold(f64::max, |f| f.max));
    let medians: Vec<f64> = measured.iter().flat_map(|figures| figures.medians.iter().copied()).collect();
    let (n, outliers) = measured.iter().fold((0, 0), |(n, outliers), f| (n + f.n, outliers + f.outliers));
    let Some(median) = median(&medians) else {
        return other.unwrap_or_else(|| Outcome::Failed("it was not run".into()));
    };
    // The distribution is that of the repeat in the middle.
    measured.sort_by(|a, b| a.median.total_cmp(&b.median));
    let middle = measured.swap_remove((measured.len() - 1) / 2);
    Outcome::Measured(Figures {
        n,
        outliers,
        median,
        medians,
        min: min.unwrap_or(middle.min),
        max: max.unwrap_or(middle.max),
        ..middle
    })
}

/// The middle one, or the mean of the two in the middle; `None` of nothing.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(median: f64) -> Outcome {
        let (min, max) = (median - 1.0, median + 10.0);
        let p90 = median + 5.0;
        Outcome::Measured(Figures {
            n: 10,
            median,
            min,
            max,
            p90,
            medians: vec![median],
            outliers: 1,
            ..Default::default()
        })
    }

    #[test]
    fn the_middle_of_the_medians() {
        let repeats = [30.0, 10.0, 20.0].map(|m| {
            vec![
                Row::sample("a", "keel", "cycles", measured(m)),
                Row::sample("a", "linux", "cycles", measured(5.0)),
            ]
        });
        let rows = merge(repeats.into());
        let [keel, linux] = &rows[..] else { panic!("two rows: {rows:?}") };
        let Outcome::Measured(figures) = &keel.outcome else { panic!("measured") };
        assert_eq!((figures.n, figures.outliers, figures.median, figures.p90), (30, 3, 20.0, 25.0));
        assert_eq!((figures.min, figures.max, figures.spread()), (9.0, 40.0, (10.0, 30.0)));
        assert_eq!(figures.medians, [30.0, 10.0, 20.0]);
        assert!(matches!(&linux.outcome, Outcome::Measured(f) if f.median == 5.0));
    }

    #[test]
    fn one_failure_is_a_failure() {
        let failed = Outcome::Failed("no".into());
        let rows = merge(vec![
            vec![Row::sample("a", "keel", "cycles", measured(1.0))],
            vec![Row::sample("a", "keel", "cycles", failed.clone())],
        ]);
        assert_eq!(rows[0].outcome, failed);
        let skipped = Outcome::Skipped("few".into());
        let rows = merge(vec![vec![Row::sample("a", "keel", "cycles", skipped.clone())]; 2]);
        assert_eq!((rows.len(), &rows[0].outcome), (1, &skipped));
    }

    #[test]
    fn medians() {
        assert_eq!(
            (median(&[]), median(&[3.0, 1.0, 2.0]), median(&[1.0, 2.0])),
            (None, Some(2.0), Some(1.5))
        );
    }
}
