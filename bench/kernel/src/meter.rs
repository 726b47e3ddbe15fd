//! The one way in which a short operation is timed here: warm-up, calibrated batches, measured overhead.
//!
//! A *batch* is a loop that runs the operation a fixed number of times between two readings of the TSC. Its
//! length is the shortest power of two with which a batch takes at least [`ABOVE_OVERHEAD`] times what the two
//! readings themselves take: so they, and the clock's granularity, weigh at most a hundredth, and where one
//! operation is long enough, each is a sample of its own and the tail of its distribution stays visible.
//!
//! What is taken out is what the measuring adds, and it is measured with the same code in the same run: the
//! same loop with nothing in it. The fastest of several such loops is used, so that rather too little than
//! too much is taken out.
//!
//! Between batches, outside of what is timed, the task yields: there a kill can end it, and all that it holds is given back. A
//! task that never yields would be left where it stands, its destructors unrun.

use cell_api::{BenchContext, BenchError};
use core::{convert::Infallible, fmt::Display, hint::black_box};

/// How the overhead that [`Meter`] takes out is described to a reader of the figure.
pub(crate) const SUBTRACTED: &str =
    "the loop and two TSC readings: fastest of 32 empty loops, same length, same run";

/// The same for what is timed one by one, with `overhead(0)` taken out.
pub(crate) const SUBTRACTED_READINGS: &str = "two TSC readings: fastest of 32 empty pairs, same run";

/// How many times the cost of an empty batch a batch takes at least.
const ABOVE_OVERHEAD: u64 = 100;
/// The longest batch, in rounds: reached only by a clock that stands still.
const LONGEST: u64 = 1 << 20;
/// How many empty loops are timed to find the overhead.
const EMPTY_LOOPS: usize = 32;
/// How many full batches run before the first that counts.
const WARM_UP: usize = 8;

/// How one benchmark is timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    samples: usize,
    operations: u64,
    loops: u64,
    kill_points: bool,
}

impl Meter {
    /// Takes this many samples unless the caller of the benchmark wants another number.
    pub(crate) const fn new(samples: usize) -> Self {
        Self { samples, operations: 1, loops: 1, kill_points: true }
    }

    /// One round of the loop is this many operations.
    pub(crate) const fn operations_per_round(mut self, operations: u64) -> Self {
        self.operations = operations;
        self
    }

    /// A round of the measured loop contains a round of this many equal loops, its own included: the overhead
    /// of each is taken out.
    pub(crate) const fn loops(mut self, loops: u64) -> Self {
        self.loops = loops;
        self
    }

    /// Each round parks or yields, and there a kill takes effect. So no yield comes between batches, which would let a partner on
    /// the same core finish what otherwise falls into the next round.
    pub(crate) const fn gives_core_away(mut self) -> Self {
        self.kill_points = false;
        self
    }

    /// Times `round` and records samples per operation.
    ///
    /// # Errors
    /// The first error of `round`; nothing is measured after it.
    pub(crate) fn run<E: Display>(
        self,
        context: &mut BenchContext,
        mut round: impl FnMut() -> Result<(), E>,
    ) -> Result<(), BenchError> {
        let samples = context.samples_wanted(self.samples);
        let rounds = calibrate(self.kill_points, &mut round).map_err(BenchError::failed)?;
        let overhead = overhead(rounds).saturating_mul(self.loops);
        for _ in 0..WARM_UP {
            batch(rounds, &mut round).map_err(BenchError::failed)?;
        }
        for _ in 0..samples {
            if self.kill_points {
                kill_point();
            }
            let total = batch(rounds, &mut round).map_err(BenchError::failed)?;
            context.record_batch(total, overhead, rounds * self.operations);
        }
        Ok(())
    }

    /// As [`Meter::run`], for an operation that cannot fail.
    pub(crate) fn run_sure(
        self,
        context: &mut BenchContext,
        mut round: impl FnMut(),
    ) -> Result<(), BenchError> {
        self.run(context, || {
            round();
            Ok::<(), Infallible>(())
        })
    }
}

/// Where a kill of the benchmark takes effect. For each sample, outside of what is timed. On the host nobody kills.
pub(crate) fn kill_point() {
    #[cfg(keel_kernel)]
    scheduler::yield_now();
}

/// Cycles that this many rounds take, with the loop and the two readings of the clock.
#[inline(never)]
fn batch<E>(rounds: u64, round: &mut impl FnMut() -> Result<(), E>) -> Result<u64, E> {
    let start = clock::now_ticks_fenced();
    for _ in 0..rounds {
        round()?;
    }
    Ok(clock::now_ticks_fenced().wrapping_sub(start))
}

/// Cycles of the fastest of several loops of this length with nothing in them.
pub(crate) fn overhead(rounds: u64) -> u64 {
    let mut nothing = || {
        // Keeps the loop; costs no instruction.
        black_box(());
        Ok::<(), Infallible>(())
    };
    let mut fastest = u64::MAX;
    for _ in 0..EMPTY_LOOPS {
        let Ok(cycles) = batch(rounds, &mut nothing);
        fastest = fastest.min(cycles);
    }
    fastest
}

/// The shortest power of two of rounds that takes long enough; and warms up what it runs.
fn calibrate<E>(kill_points: bool, round: &mut impl FnMut() -> Result<(), E>) -> Result<u64, E> {
    let enough = overhead(0).saturating_mul(ABOVE_OVERHEAD);
    let mut rounds = 1;
    while rounds < LONGEST {
        if kill_points {
            kill_point();
        }
        // The second time, so that a first touch does not pass for a long operation.
        batch(rounds, round)?;
        if batch(rounds, round)? >= enough {
            break;
        }
        rounds *= 2;
    }
    Ok(rounds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use core_local::CoreSet;

    fn context(samples: usize) -> BenchContext {
        BenchContext::new(samples, CoreSet::default())
    }

    #[test]
    fn as_many_samples_as_wanted_of_batches_of_one_length() {
        let mut context = context(20);
        let mut rounds = 0u64;
        Meter::new(500)
            .operations_per_round(2)
            .run_sure(&mut context, || rounds += 1)
            .expect("it cannot fail");
        assert_eq!(context.samples().len(), 20);
        let per_sample = context.operations() / 20;
        assert!(per_sample.is_multiple_of(2) && (per_sample / 2).is_power_of_two());
        assert!(rounds > context.operations() / 2, "warm-up came first");
    }

    #[test]
    fn a_long_operation_is_a_sample_of_its_own() {
        let mut context = context(5);
        Meter::new(500).run_sure(&mut context, || clock::spin_for(200_000)).expect("it cannot fail");
        assert_eq!((context.samples().len(), context.operations()), (5, 5));
        assert!(context.samples().iter().all(|&cycles| clock::ticks_to_ns(cycles) > 190_000));
    }

    #[test]
    fn nothing_costs_nothing() {
        let mut context = context(50);
        Meter::new(500).run_sure(&mut context, || black_box(())).expect("it cannot fail");
        // An unoptimized build has a call more here than in the loop that is taken out.
        let most = if cfg!(debug_assertions) { 50 } else { 1 };
        assert!(context.samples().iter().min().is_some_and(|&cycles| cycles <= most), "{context:?}");
    }

    #[test]
    fn an_error_ends_it() {
        let mut context = context(50);
        let mut left = 1_000;
        let result = Meter::new(500).run(&mut context, || {
            left -= 1;
            if left == 0 { Err("it broke") } else { Ok(()) }
        });
        assert_eq!(result, Err(BenchError::Failed("it broke".into())));
        assert_eq!(left, 0);
    }
}
