//! What a series of measurements says: median, percentiles, spread and outliers.
//!
//! Times of a kernel are skewed and have a long tail (an interrupt falls into one sample of many), so nothing
//! here is a mean or a standard deviation, which a single bad sample can move at will: all figures are order
//! statistics. They are whole numbers in the unit of the samples, computed without floating point and without
//! allocating: the samples are sorted where they are.
//!
//! ```
//! let mut samples = [4, 2, 3, 1, 1_000];
//! let summary = statistics::summarize(&mut samples).expect("there are samples");
//! assert_eq!((summary.min, summary.median, summary.max), (1, 3, 1_000));
//! assert_eq!((summary.mad, summary.outliers), (1, 1));
//! ```
#![no_std]
#![forbid(unsafe_code)]

mod order;

#[cfg(test)]
mod tests;

/// The figures of one series. All but `n` and `outliers` are in the unit of the samples.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Summary {
    /// How many samples there were; at least 1.
    pub n: usize,
    /// The smallest sample.
    pub min: u64,
    /// The middle sample; between the two middle ones, rounded down, if their number is even.
    pub median: u64,
    /// The smallest sample that at least 90% of all samples do not exceed (nearest rank).
    pub p90: u64,
    /// The smallest sample that at least 99% of all samples do not exceed (nearest rank). With fewer than
    /// 100 samples that is the largest.
    pub p99: u64,
    /// The largest sample.
    pub max: u64,
    /// The spread: median of the samples' distances from the median.
    pub mad: u64,
    /// How many samples lie so far from the median that they belong to something else; see [`summarize`].
    pub outliers: usize,
}

impl Summary {
    /// The same figures in another unit. `convert` must not decrease where its argument increases; `n` and
    /// `outliers` stay.
    #[must_use]
    pub fn convert(&self, mut convert: impl FnMut(u64) -> u64) -> Self {
        Self {
            n: self.n,
            min: convert(self.min),
            median: convert(self.median),
            p90: convert(self.p90),
            p99: convert(self.p99),
            max: convert(self.max),
            mad: convert(self.mad),
            outliers: self.outliers,
        }
    }
}

/// Sorts `samples` and sums them up; `None` if there are none.
///
/// A sample is an outlier if its modified z-score, `0.6745 × distance from the median / MAD`, exceeds 3.5
/// (Iglewicz and Hoaglin, *How to Detect and Handle Outliers*, 1993). Samples are whole numbers, so a MAD of
/// 0 means "below one unit" and counts as 1 here. Outliers are counted, never removed.
#[must_use]
pub fn summarize(samples: &mut [u64]) -> Option<Summary> {
    samples.sort_unstable();
    let sorted = &*samples;
    let (&min, &max) = (sorted.first()?, sorted.last()?);
    let median = order::median(sorted)?;
    let mad = order::median_distance(sorted, median)?;
    Some(Summary {
        n: sorted.len(),
        min,
        median,
        p90: order::percentile(sorted, 90)?,
        p99: order::percentile(sorted, 99)?,
        max,
        mad,
        outliers: sorted.iter().filter(|sample| is_outlier(sample.abs_diff(median), mad)).count(),
    })
}

/// `N` quantiles of ascending `sorted` at equal steps, from the smallest sample to the largest; each is a sample that was
/// measured (the nearest below). All zero if there are none.
#[must_use]
pub fn quantiles<const N: usize>(sorted: &[u64]) -> [u64; N] {
    let last = sorted.len().saturating_sub(1);
    core::array::from_fn(|step| {
        let index = (last * step).checked_div(N - 1).unwrap_or(0);
        sorted.get(index).copied().unwrap_or(0)
    })
}

/// `0.6745 × distance / mad > 3.5`, in whole numbers that cannot overflow.
fn is_outlier(distance: u64, mad: u64) -> bool {
    u128::from(distance) * 6_745 > u128::from(mad.max(1)) * 35_000
}
