//! Finding the TSC's frequency.
//!
//! Both ends of the measured interval are *bracketed*: the reference is read between two reads of the
//! TSC, several times, and the narrowest bracket counts. A reading that an interrupt (or, in an
//! emulator, the host's scheduler) tore apart has a wide bracket and loses. The widths of the two chosen
//! brackets bound the error, which is reported.

use core::fmt;

use crate::factor::Factors;
use crate::reference::{Reference, Source, Sources};

/// The result of a calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// Ticks per second.
    pub frequency: u64,
    /// What it was taken from.
    pub source: Source,
    /// Bound of the error in parts per million: from the brackets, or the rounding of the source.
    pub error_ppm: u32,
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let khz = self.frequency / 1000;
        write!(f, "TSC {}.{:03} MHz (from {}, ±{} ppm)", khz / 1000, khz % 1000, self.source, self.error_ppm)
    }
}

/// No source gave a believable frequency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalibrationError {
    /// The reference did not advance: it is not there, or it is switched off.
    ReferenceStuck(Source),
    /// A frequency outside 1 MHz to 100 GHz came out.
    Implausible(Source, u64),
}

impl fmt::Display for CalibrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReferenceStuck(source) => {
                write!(
                    f,
                    "no timer to measure the TSC against: the {source} does not count; times are in ticks"
                )
            }
            Self::Implausible(source, hz) => {
                write!(
                    f,
                    "the {source} gives a TSC frequency of {hz} Hz, which cannot be; times are in ticks"
                )
            }
        }
    }
}

impl core::error::Error for CalibrationError {}

/// How long to measure. With brackets of a microsecond this gives some 100 ppm.
const INTERVAL_FS: u64 = 10_000_000_000_000;
/// Readings at each end.
const READINGS: u32 = 16;
/// A reference that has not done its interval after so many reads is stuck. (A port read takes
/// about a microsecond, so this is seconds.)
const MAX_READS: u32 = 5_000_000;

/// Finds the TSC's frequency from the best source there is, and puts it into use: CPUID 15h, then HPET,
/// PM timer, CPUID 16h, PIT. Takes some 10 ms when it has to measure.
///
/// # Errors
/// That of the source tried last; then time goes on being counted in ticks.
///
/// # Safety
/// The addresses in `sources` are those of the timers they name (see [`Sources`]), and nobody
/// else is programming these timers now.
pub unsafe fn calibrate(sources: &Sources) -> Result<Calibration, CalibrationError> {
    // SAFETY: passed on.
    let calibration = unsafe { find(sources) }?;
    match Factors::new(calibration.frequency) {
        Some(factors) => crate::install(&factors),
        None => return Err(CalibrationError::Implausible(calibration.source, calibration.frequency)),
    }
    Ok(calibration)
}

#[cfg(keel_kernel)]
unsafe fn find(sources: &Sources) -> Result<Calibration, CalibrationError> {
    use crate::reference::{Hpet, Pit, PmTimerCounter};

    if let Some(calibration) = from_cpuid_crystal() {
        return Ok(calibration);
    }
    // SAFETY: the caller promises that this is the HPET.
    if let Some(hpet) = sources.hpet.and_then(|base| unsafe { Hpet::new(base) })
        && let Ok(calibration) = measure(&hpet, Source::Hpet, crate::now_ticks)
    {
        return Ok(calibration);
    }
    if let Some(timer) = sources.pm_timer
        && let Ok(calibration) = measure(&PmTimerCounter(timer), Source::PmTimer, crate::now_ticks)
    {
        return Ok(calibration);
    }
    if let Some(calibration) = from_cpuid_nominal() {
        return Ok(calibration);
    }
    measure(&Pit::new(), Source::Pit, crate::now_ticks)
}

#[cfg(not(keel_kernel))]
unsafe fn find(_sources: &Sources) -> Result<Calibration, CalibrationError> {
    let known = from_cpuid_crystal().or_else(from_cpuid_nominal);
    Ok(known.unwrap_or(Calibration { frequency: crate::frequency(), source: Source::Pit, error_ppm: 1000 }))
}

/// SDM vol. 3, 20.7.3: TSC frequency = crystal × numerator / denominator.
fn from_cpuid_crystal() -> Option<Calibration> {
    let frequency = raw_cpuid::CpuId::new().get_tsc_info()?.tsc_frequency()?;
    Factors::new(frequency).map(|_| Calibration { frequency, source: Source::CpuidCrystal, error_ppm: 20 })
}

fn from_cpuid_nominal() -> Option<Calibration> {
    let mhz = raw_cpuid::CpuId::new().get_processor_frequency_info()?.processor_base_frequency();
    let frequency = u64::from(mhz) * 1_000_000;
    Factors::new(frequency).map(|_| Calibration { frequency, source: Source::CpuidNominal, error_ppm: 1000 })
}

/// One reading: the TSC at the middle of the narrowest bracket, the reference there, the width.
struct Reading {
    tsc: u64,
    reference: u64,
    width: u64,
}

fn bracketed(reference: &impl Reference, tsc: &impl Fn() -> u64) -> Reading {
    let mut best = Reading { tsc: 0, reference: 0, width: u64::MAX };
    for _ in 0..READINGS {
        let before = tsc();
        let value = reference.read();
        let width = tsc().wrapping_sub(before);
        if width < best.width {
            best = Reading { tsc: before.wrapping_add(width / 2), reference: value, width };
        }
    }
    best
}

/// Measures the TSC against a reference.
#[cfg_attr(not(any(keel_kernel, test)), allow(dead_code))]
fn measure(
    reference: &impl Reference,
    source: Source,
    tsc: impl Fn() -> u64,
) -> Result<Calibration, CalibrationError> {
    let mask = if reference.bits() >= 64 { u64::MAX } else { (1 << reference.bits()) - 1 };
    let goal = INTERVAL_FS / reference.period_fs().max(1);
    let start = bracketed(reference, &tsc);
    let mut reads = 0;
    while reference.read().wrapping_sub(start.reference) & mask < goal {
        reads += 1;
        if reads == MAX_READS {
            return Err(CalibrationError::ReferenceStuck(source));
        }
    }
    let end = bracketed(reference, &tsc);
    let counts = end.reference.wrapping_sub(start.reference) & mask;
    let ticks = end.tsc.wrapping_sub(start.tsc);
    let elapsed_fs = u128::from(counts) * u128::from(reference.period_fs());
    if counts == 0 {
        return Err(CalibrationError::ReferenceStuck(source));
    }
    let frequency = u128::from(ticks) * 1_000_000_000_000_000 / elapsed_fs;
    let frequency = u64::try_from(frequency).unwrap_or(u64::MAX);
    // Half of each bracket, and one count of the reference at each end.
    let doubt_ticks = u128::from((start.width / 2).saturating_add(end.width / 2))
        + 2 * u128::from(ticks) / u128::from(counts);
    let error_ppm = doubt_ticks * 1_000_000 / u128::from(ticks.max(1));
    Factors::new(frequency).ok_or(CalibrationError::Implausible(source, frequency))?;
    Ok(Calibration { frequency, source, error_ppm: u32::try_from(error_ppm).unwrap_or(u32::MAX) })
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    /// A machine whose every read takes some time on both clocks.
    struct Machine {
        now_fs: Cell<u128>,
        tsc_hz: u128,
        period_fs: u64,
        bits: u32,
        start: u64,
    }

    impl Machine {
        fn pass(&self) {
            self.now_fs.set(self.now_fs.get() + 700_000_000);
        }
        fn tsc(&self) -> u64 {
            self.pass();
            (self.now_fs.get() * self.tsc_hz / 1_000_000_000_000_000) as u64
        }
    }

    impl Reference for &Machine {
        fn period_fs(&self) -> u64 {
            self.period_fs
        }
        fn bits(&self) -> u32 {
            self.bits
        }
        fn read(&self) -> u64 {
            self.pass();
            let counts = (self.now_fs.get() / u128::from(self.period_fs)) as u64;
            self.start.wrapping_add(counts) & if self.bits == 64 { u64::MAX } else { (1 << self.bits) - 1 }
        }
    }

    #[test]
    fn each_reference_gives_the_frequency_within_its_stated_error() {
        for (period_fs, bits) in [(10_000_000, 64), (69_841_279, 32), (279_365_115, 24), (838_095_110, 16)] {
            for start in [0, u64::MAX >> (64 - bits)] {
                for tsc_hz in [1_000_000_000u128, 2_893_202_000, 5_100_000_000] {
                    let machine = Machine { now_fs: Cell::new(0), tsc_hz, period_fs, bits, start };
                    let found = measure(&&machine, Source::Hpet, || machine.tsc()).expect("it counts");
                    let error_ppm = u128::from(found.frequency).abs_diff(tsc_hz) * 1_000_000 / tsc_hz;
                    assert!(error_ppm <= u128::from(found.error_ppm), "{found}: off by {error_ppm}");
                    assert!(found.error_ppm < 1000, "{found}");
                }
            }
        }
    }

    struct Stuck;
    impl Reference for Stuck {
        fn period_fs(&self) -> u64 {
            10_000_000
        }
        fn bits(&self) -> u32 {
            32
        }
        fn read(&self) -> u64 {
            0xffff_ffff
        }
    }

    #[test]
    fn a_reference_that_stands_still_is_an_error() {
        let result = measure(&Stuck, Source::PmTimer, || 0);
        assert_eq!(result, Err(CalibrationError::ReferenceStuck(Source::PmTimer)));
    }
}
