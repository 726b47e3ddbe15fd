//! Conversion factors: fixed point with 40 fractional bits, applied by one 64×64→128 multiplication.
//!
//! 40 bits: the factor of the slowest and of the fastest counter taken (1 MHz, 100 GHz) both fit 64 bits
//! with at least 33 significant ones, so a year of nanoseconds is off by less than four milliseconds.

/// Fractional bits of a factor.
const FRACTION: u32 = 40;

/// The factor that changes nothing.
pub const ONE: u64 = 1 << FRACTION;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// The two factors of a frequency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factors {
    /// Ticks per second.
    pub frequency: u64,
    pub(crate) to_ns: u64,
    pub(crate) to_ticks: u64,
}

impl Factors {
    /// The slowest and fastest counters that are believed.
    const PLAUSIBLE: core::ops::RangeInclusive<u64> = 1_000_000..=100_000_000_000;

    /// The factors for a counter of this many ticks per second; `None` outside 1 MHz to 100 GHz.
    pub fn new(frequency: u64) -> Option<Self> {
        if !Self::PLAUSIBLE.contains(&frequency) {
            return None;
        }
        let to_ns =
            ((u128::from(NS_PER_SECOND) << FRACTION) + u128::from(frequency / 2)) / u128::from(frequency);
        let to_ticks =
            ((u128::from(frequency) << FRACTION) + u128::from(NS_PER_SECOND / 2)) / u128::from(NS_PER_SECOND);
        // Largest: 2^40 × 1000 for to_ns, 2^40 × 100 for to_ticks.
        Some(Self { frequency, to_ns: to_ns as u64, to_ticks: to_ticks as u64 })
    }

    /// Converts ticks to nanoseconds.
    pub fn ns(&self, ticks: u64) -> u64 {
        apply(ticks, self.to_ns)
    }

    /// Converts nanoseconds to ticks.
    pub fn ticks(&self, ns: u64) -> u64 {
        apply(ns, self.to_ticks)
    }
}

/// `value × factor`, saturating.
#[inline]
pub fn apply(value: u64, factor: u64) -> u64 {
    let product = (u128::from(value) * u128::from(factor)) >> FRACTION;
    if product > u128::from(u64::MAX) { u64::MAX } else { product as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_agree_with_exact_arithmetic() {
        for frequency in
            [1_000_000, 3_579_545, 999_999_999, 1_000_000_000, 2_893_202_000, 5_000_000_000, 100_000_000_000]
        {
            let factors = Factors::new(frequency).expect("plausible");
            for ns in [0, 1, 999, 1_000_000, 10_000_000_000, 86_400_000_000_000] {
                let exact = (u128::from(ns) * u128::from(frequency) / 1_000_000_000) as u64;
                let error = factors.ticks(ns).abs_diff(exact);
                assert!(error <= 1 + exact / 1_000_000_000, "{ns} ns at {frequency} Hz: off by {error}");
                let back = factors.ns(exact);
                let slack = 2 + ns / 1_000_000_000 + 1_000_000_000 / frequency;
                assert!(back.abs_diff(ns) <= slack, "{ns} ns at {frequency} Hz and back: {back}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused_and_overflow_saturates() {
        assert_eq!(Factors::new(0), None);
        assert_eq!(Factors::new(999_999), None);
        assert_eq!(Factors::new(u64::MAX), None);
        let slow = Factors::new(1_000_000).expect("plausible");
        assert_eq!(slow.ns(u64::MAX), u64::MAX);
        assert_eq!(slow.ns(1), 1000);
    }
}
