//! Every figure against its definition, written out the slow way.

extern crate std;
use super::*;
use proptest::prelude::*;
use std::{vec, vec::Vec};

/// The median by its definition.
fn plain_median(values: &[u64]) -> u64 {
    let mut values = values.to_vec();
    values.sort();
    let n = values.len();
    if n % 2 == 1 {
        values[n / 2]
    } else {
        ((u128::from(values[n / 2 - 1]) + u128::from(values[n / 2])) / 2) as u64
    }
}

/// The smallest sample that at least `percent` of all samples do not exceed.
fn plain_percentile(values: &[u64], percent: usize) -> u64 {
    let reaches = |x: u64| values.iter().filter(|&&v| v <= x).count() * 100 >= percent * values.len();
    values.iter().copied().filter(|&x| reaches(x)).min().expect("the largest reaches 100%")
}

#[test]
fn no_samples_no_summary() {
    assert_eq!(summarize(&mut []), None);
}

#[test]
fn one_sample_is_every_figure() {
    let expected = Summary { n: 1, min: 7, median: 7, p90: 7, p99: 7, max: 7, mad: 0, outliers: 0 };
    assert_eq!(summarize(&mut [7]), Some(expected));
}

#[test]
fn percentiles_of_one_to_a_hundred() {
    let mut samples: Vec<u64> = (1..=100).rev().collect();
    let summary = summarize(&mut samples).expect("100 samples");
    assert_eq!((summary.median, summary.p90, summary.p99, summary.max), (50, 90, 99, 100));
    assert_eq!((summary.mad, summary.outliers), (25, 0));
}

#[test]
fn an_interrupted_sample_is_counted_and_moves_nothing() {
    let mut samples = vec![100; 200];
    samples[17] = 50_000;
    let summary = summarize(&mut samples).expect("200 samples");
    assert_eq!((summary.median, summary.p99, summary.mad, summary.outliers), (100, 100, 0, 1));
    assert_eq!(summary.max, 50_000);
}

#[test]
fn the_extremes_do_not_overflow() {
    let summary = summarize(&mut [0, u64::MAX, 0, u64::MAX]).expect("four samples");
    assert_eq!((summary.median, summary.mad), (u64::MAX / 2, u64::MAX / 2));
    assert_eq!(summary.outliers, 0);
}

#[test]
fn conversion_leaves_counts_alone() {
    let summary = summarize(&mut [2, 4, 6, 9_000]).expect("four samples");
    let halves = summary.convert(|x| x / 2);
    assert_eq!((halves.n, halves.outliers), (summary.n, summary.outliers));
    assert_eq!((halves.min, halves.median, halves.max), (1, 2, 4_500));
}

proptest! {
    #[test]
    fn figures_match_their_definitions(
        mut samples in prop_oneof![
            prop::collection::vec(any::<u64>(), 1..120),
            prop::collection::vec(0u64..20, 1..250),
        ],
    ) {
        let original = samples.clone();
        let summary = summarize(&mut samples).expect("at least one sample");
        let median = plain_median(&original);
        let distances: Vec<u64> = original.iter().map(|s| s.abs_diff(median)).collect();
        prop_assert_eq!(summary.n, original.len());
        prop_assert_eq!(summary.min, *original.iter().min().expect("not empty"));
        prop_assert_eq!(summary.max, *original.iter().max().expect("not empty"));
        prop_assert_eq!(summary.median, median);
        prop_assert_eq!(summary.p90, plain_percentile(&original, 90));
        prop_assert_eq!(summary.p99, plain_percentile(&original, 99));
        prop_assert_eq!(summary.mad, plain_median(&distances));
        prop_assert!(summary.outliers < original.len().div_ceil(2).max(1));
    }

    #[test]
    fn order_does_not_matter(mut samples in prop::collection::vec(any::<u64>(), 1..60)) {
        let mut reversed: Vec<u64> = samples.iter().rev().copied().collect();
        prop_assert_eq!(summarize(&mut samples), summarize(&mut reversed));
    }
}

#[test]
fn quantiles_are_samples_from_the_first_to_the_last() {
    assert_eq!(crate::quantiles::<5>(&[1, 2, 3, 4, 5, 6, 7, 8, 9]), [1, 3, 5, 7, 9]);
    assert_eq!(crate::quantiles::<3>(&[4, 9]), [4, 4, 9]);
    assert_eq!(crate::quantiles::<1>(&[4, 9]), [4]);
    assert_eq!(crate::quantiles::<4>(&[7]), [7; 4]);
    assert_eq!(crate::quantiles::<2>(&[]), [0; 2]);
}
