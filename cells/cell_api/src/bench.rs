//! A benchmark: what it measures, and where its samples go.
//!
//! A benchmark measures and records; it prints nothing and computes no statistics. Whoever runs it does both, so that
//! every figure is reported alike.

use alloc::{string::String, vec::Vec};
use core::fmt;

/// One benchmark, as `bench NAME` knows it.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// Its name: lower case, underscores.
    pub name: &'static str,
    /// The unit of a recorded sample: `"cycles"` (of the TSC) unless there is a reason.
    pub unit: &'static str,
    /// One operation, in words.
    pub what: &'static str,
    /// What was taken out of each sample and how it was found; `"nothing"` if nothing was.
    pub subtracted: &'static str,
    /// Measures. Runs in a task of its own and may block. The cell stays loaded until it returns.
    pub run: fn(&mut BenchContext) -> Result<(), BenchError>,
}

/// Where a benchmark puts what it measured.
#[derive(Debug, Default)]
pub struct BenchContext {
    wanted: usize,
    samples: Vec<u64>,
    operations: u64,
}

impl BenchContext {
    /// A context for a run of about `wanted` samples; 0 leaves the number to the benchmark.
    #[must_use]
    pub const fn new(wanted: usize) -> Self {
        Self { wanted, samples: Vec::new(), operations: 0 }
    }

    /// How many samples to take, where the benchmark itself would take `default`. It also makes room for them, so that
    /// [`BenchContext::record`] allocates nothing while it measures.
    pub fn samples_wanted(&mut self, default: usize) -> usize {
        let wanted = if self.wanted == 0 { default } else { self.wanted };
        self.samples.reserve(wanted.min(MOST_RESERVED));
        wanted
    }

    /// Records one sample, in the benchmark's unit, per operation.
    pub fn record(&mut self, sample: u64) {
        self.samples.push(sample);
        self.operations = self.operations.saturating_add(1);
    }

    /// Records a batch of `operations` that took `total` together, as one sample of the mean, after taking `overhead`
    /// (of the whole batch) out. Nothing happens for an empty batch.
    pub fn record_batch(&mut self, total: u64, overhead: u64, operations: u64) {
        if let Some(mean) = total.saturating_sub(overhead).checked_div(operations) {
            self.samples.push(mean);
            self.operations = self.operations.saturating_add(operations);
        }
    }

    /// What was recorded.
    #[must_use]
    pub fn samples(&self) -> &[u64] {
        &self.samples
    }

    /// How many operations stand behind the samples.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.operations
    }

    /// Gives the samples to whoever computes the statistics.
    #[must_use]
    pub fn into_samples(self) -> Vec<u64> {
        self.samples
    }
}

/// No more samples than this get their room in advance, whatever the caller asked for.
const MOST_RESERVED: usize = 1 << 20;

/// Why a benchmark gave no figure.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BenchError {
    /// It needs this many cores, and fewer are online.
    NeedsCores(usize),
    /// It did not work: says why.
    Failed(String),
}

impl BenchError {
    /// It did not work; `why` is mostly an error with a `Display` of its own.
    #[must_use]
    pub fn failed(why: impl fmt::Display) -> Self {
        Self::Failed(alloc::format!("{why}"))
    }
}

impl fmt::Display for BenchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeedsCores(n) => write!(f, "it needs {n} cores; start Keel with --smp {n} or more"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}
impl core::error::Error for BenchError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_one_sample_of_the_mean() {
        let mut context = BenchContext::new(0);
        assert_eq!(context.samples_wanted(7), 7);
        context.record_batch(1_000, 100, 9);
        context.record_batch(5, 0, 0);
        context.record(3);
        assert_eq!((context.samples(), context.operations()), (&[100, 3][..], 10));
    }
}
