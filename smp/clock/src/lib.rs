//! Time from the TSC: calibration, conversion between ticks and nanoseconds, short waits.
//!
//! A *tick* is one increment of the time-stamp counter. Reading it costs some twenty cycles and
//! touches no memory, so it is the only clock that hot paths use. Its frequency is found once at
//! boot, from CPUID or by measuring against a timer of known frequency ([`calibrate`]); after that,
//! conversion is one multiplication and a shift.
//!
//! Time starts when the counter does, at the machine's reset.
//!
//! On the host the same functions work: the factor is measured against the system's clock at first use.

#![no_std]

#[cfg(any(test, not(keel_kernel)))]
extern crate std;

mod calibrate;
mod factor;
mod reference;

pub use calibrate::{Calibration, CalibrationError, calibrate};
pub use factor::Factors;
pub use reference::{PmTimer, Source, Sources};

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What conversions use. Written once at calibration, read everywhere. Zero frequency: not yet.
static FREQUENCY: AtomicU64 = AtomicU64::new(0);
static TO_NS: AtomicU64 = AtomicU64::new(0);
static TO_TICKS: AtomicU64 = AtomicU64::new(0);

/// The time-stamp counter. Not ordered with the instructions around it: see [`now_ticks_fenced`].
#[inline]
pub fn now_ticks() -> u64 {
    // SAFETY: reads a counter. (CR4.TSD, which could forbid it, applies to rings above 0.)
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// The time-stamp counter, read after everything before it has completed and before anything after
/// it begins (SDM vol. 2, RDTSC): for measuring short pieces of code.
#[inline]
pub fn now_ticks_fenced() -> u64 {
    // SAFETY: LFENCE orders, RDTSC reads a counter; SSE2 is part of x86-64.
    unsafe {
        core::arch::x86_64::_mm_lfence();
        let ticks = core::arch::x86_64::_rdtsc();
        core::arch::x86_64::_mm_lfence();
        ticks
    }
}

/// Nanoseconds since the counter started. Monotonic on one core; across cores as far as the
/// counters of the machine are in step.
#[inline]
pub fn now_ns() -> u64 {
    // Not after the counter has been read: the first time, this takes a while.
    #[cfg(not(keel_kernel))]
    host::calibrated();
    ticks_to_ns(now_ticks())
}

/// Converts a number of ticks. Before calibration, one tick counts as one nanosecond.
#[inline]
pub fn ticks_to_ns(ticks: u64) -> u64 {
    factor::apply(ticks, loaded(&TO_NS))
}

/// Converts a number of nanoseconds. Before calibration, one tick counts as one nanosecond.
#[inline]
pub fn ns_to_ticks(ns: u64) -> u64 {
    factor::apply(ns, loaded(&TO_TICKS))
}

/// Ticks per second; 0 before calibration.
pub fn frequency() -> u64 {
    #[cfg(not(keel_kernel))]
    host::calibrated();
    FREQUENCY.load(Ordering::Relaxed)
}

/// Whether the counter counts executed instructions rather than time: so it is in an emulator that says so (QEMU's `-icount
/// shift=0`), and nothing in the machine tells; whoever started it does.
static COUNTS_INSTRUCTIONS: AtomicBool = AtomicBool::new(false);

/// From now on, a tick is called an instruction: see [`counts_instructions`].
pub fn set_counts_instructions() {
    // Relaxed: a name for figures; nothing else hangs on it.
    COUNTS_INSTRUCTIONS.store(true, Ordering::Relaxed);
}

/// Whether a tick is one executed instruction. Otherwise it is a cycle of some clock.
pub fn counts_instructions() -> bool {
    COUNTS_INSTRUCTIONS.load(Ordering::Relaxed)
}

/// Whether the counter runs at one rate in all power states (CPUID 8000_0007h EDX bit 8). Where
/// it does not say so (QEMU's TCG), time may drift when the frequency changes.
pub fn is_invariant() -> bool {
    raw_cpuid::CpuId::new().get_advanced_power_mgmt_info().is_some_and(|info| info.has_invariant_tsc())
}

/// Waits, without giving the core away. For waits shorter than a task switch, and for bring-up.
pub fn spin_for(ns: u64) {
    let start = now_ticks();
    let ticks = ns_to_ticks(ns).saturating_add(1);
    while now_ticks().wrapping_sub(start) < ticks {
        core::hint::spin_loop();
    }
}

/// Puts a measured or known frequency into use.
pub(crate) fn install(factors: &Factors) {
    TO_NS.store(factors.to_ns, Ordering::Relaxed);
    TO_TICKS.store(factors.to_ticks, Ordering::Relaxed);
    // Relaxed is enough: each factor is used on its own, and cores that are started later
    // synchronise with the boot core by being started.
    FREQUENCY.store(factors.frequency, Ordering::Relaxed);
}

#[inline]
fn loaded(factor: &AtomicU64) -> u64 {
    #[cfg(not(keel_kernel))]
    host::calibrated();
    match factor.load(Ordering::Relaxed) {
        0 => factor::ONE,
        factor => factor,
    }
}

#[cfg(not(keel_kernel))]
mod host {
    //! Calibration against the host's clock, once.
    use std::sync::Once;
    use std::time::{Duration, Instant};

    static CALIBRATED: Once = Once::new();

    pub fn calibrated() {
        CALIBRATED.call_once(|| {
            let (start, ticks) = (Instant::now(), crate::now_ticks());
            std::thread::sleep(Duration::from_millis(20));
            let (elapsed, ticks) = (start.elapsed(), crate::now_ticks() - ticks);
            let frequency = u128::from(ticks) * 1_000_000_000 / elapsed.as_nanos().max(1);
            if let Some(factors) = crate::Factors::new(u64::try_from(frequency).unwrap_or(0)) {
                crate::install(&factors);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_time_passes_at_the_right_rate() {
        let (start, wall) = (now_ns(), std::time::Instant::now());
        spin_for(30_000_000);
        let (ours, theirs) = (now_ns() - start, wall.elapsed().as_nanos() as u64);
        assert!(ours >= 29_999_990, "{ours}");
        assert!(ours.abs_diff(theirs) < theirs / 20 + 1_000_000, "{ours} against {theirs}");
        assert!(frequency() > 100_000_000);
        let later = now_ticks_fenced();
        assert!(now_ticks_fenced() > later);
    }
}
