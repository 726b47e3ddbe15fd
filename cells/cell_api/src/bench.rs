//! A benchmark: what it measures, and where its samples go.
//!
//! A benchmark measures and records; it prints nothing and computes no statistics. Whoever runs it does both, so that
//! every figure is reported alike.
//!
//! ```
//! use cell_api::{Bench, BenchContext, BenchError};
//!
//! pub const BENCHES: &[Bench] = &[Bench::new("warm", "warm something up", warm).subtracted("the time to find it")];
//!
//! fn warm(context: &mut BenchContext) -> Result<(), BenchError> {
//!     let set_up = 3;
//!     for sample in 0..context.samples_wanted(100) {
//!         context.record(set_up + sample as u64);
//!     }
//!     Ok(())
//! }
//! ```

use alloc::{string::String, vec::Vec};
use core::fmt;
use core_local::{CoreId, CoreSet};

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Better {
    /// A cost.
    #[default]
    Lower,
    /// A throughput.
    Higher,
}

impl Better {
    /// `lower` or `higher`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

/// One benchmark, as `bench NAME` knows it.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    /// Its name: lower case, underscores. The words before an underscore name the group that it belongs to.
    pub name: &'static str,
    /// The unit of a recorded sample: `"cycles"` (of the TSC) unless there is a reason.
    pub unit: &'static str,
    /// Which way it is better.
    pub better: Better,
    /// How many cores it needs.
    pub cores: usize,
    /// One operation, in words.
    pub what: &'static str,
    /// What was taken out of each sample and how it was found; `"nothing"` if nothing was.
    pub subtracted: &'static str,
    /// Sets up, measures, and leaves things as they were. Runs in a task of its own, on the first of the context's
    /// cores unless that task moves itself, and may block. The cell stays loaded until it returns.
    pub run: fn(&mut BenchContext) -> Result<(), BenchError>,
}

impl Bench {
    /// A benchmark of one core that records cycles, of which fewer are better, and takes nothing out.
    #[must_use]
    pub const fn new(
        name: &'static str,
        what: &'static str,
        run: fn(&mut BenchContext) -> Result<(), BenchError>,
    ) -> Self {
        Self { name, unit: "cycles", better: Better::Lower, cores: 1, what, subtracted: "nothing", run }
    }

    /// What it takes out of each sample, and how that was found.
    #[must_use]
    pub const fn subtracted(mut self, subtracted: &'static str) -> Self {
        self.subtracted = subtracted;
        self
    }

    /// It needs this many cores.
    #[must_use]
    pub const fn cores(mut self, cores: usize) -> Self {
        self.cores = cores;
        self
    }

    /// Its samples have another unit.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// More is better.
    #[must_use]
    pub const fn higher_is_better(mut self) -> Self {
        self.better = Better::Higher;
        self
    }
}

/// Where a benchmark runs, and where it puts what it measured.
#[derive(Debug, Default)]
pub struct BenchContext {
    cores: CoreSet,
    wanted: usize,
    samples: Vec<u64>,
    operations: u64,
}

impl BenchContext {
    /// A context for a run of about `wanted` samples on `cores`; 0 leaves the number to the benchmark.
    #[must_use]
    pub const fn new(wanted: usize, cores: CoreSet) -> Self {
        Self { cores, wanted, samples: Vec::new(), operations: 0 }
    }

    /// The cores that it may use.
    #[must_use]
    pub fn cores(&self) -> CoreSet {
        self.cores
    }

    /// The core to measure on: the lowest of them.
    ///
    /// # Errors
    /// If there is none.
    pub fn home(&self) -> Result<CoreId, BenchError> {
        self.cores.first().ok_or(BenchError::NeedsCores(1))
    }

    /// A core beside [`BenchContext::home`]: the next higher one, so that neighbours are paired.
    ///
    /// # Errors
    /// If there is none.
    pub fn other(&self) -> Result<CoreId, BenchError> {
        self.cores.without(self.home()?).first().ok_or(BenchError::NeedsCores(2))
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

    /// Records a batch of `operations` that took `total` together, as one sample of the mean, rounded, after taking
    /// `overhead` (of the whole batch) out. Nothing happens for an empty batch.
    pub fn record_batch(&mut self, total: u64, overhead: u64, operations: u64) {
        let net = total.saturating_sub(overhead);
        if let Some(mean) = net.saturating_add(operations / 2).checked_div(operations) {
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
    /// It needs this many cores, and may use fewer.
    NeedsCores(usize),
    /// What it would measure does not exist yet: says what is missing.
    NotYet(&'static str),
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
            Self::NeedsCores(n) => {
                write!(f, "it needs {n} cores; start Keel with --smp {n} or more, and let `bench` use them")
            }
            Self::NotYet(what) => write!(f, "there is nothing to measure yet: {what}"),
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
        let mut context = BenchContext::new(0, CoreSet::default());
        assert_eq!(context.samples_wanted(7), 7);
        context.record_batch(1_000, 100, 9);
        context.record_batch(28, 0, 10);
        context.record_batch(5, 0, 0);
        context.record(3);
        assert_eq!((context.samples(), context.operations()), (&[100, 3, 3][..], 20));
    }

    #[test]
    fn neighbours_are_paired_among_the_chosen_cores() {
        let core = |index| CoreId::new(index).expect("there are so many");
        let mut cores = CoreSet::default();
        let context = |cores| BenchContext::new(0, cores);
        assert_eq!(context(cores).home(), Err(BenchError::NeedsCores(1)));
        cores.insert(core(5));
        assert_eq!(
            (context(cores).home(), context(cores).other()),
            (Ok(core(5)), Err(BenchError::NeedsCores(2)))
        );
        cores.insert(core(2));
        assert_eq!((context(cores).home(), context(cores).other()), (Ok(core(2)), Ok(core(5))));
    }
}
