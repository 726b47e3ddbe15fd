//! Each core's one-shot timer.
//!
//! TSC-deadline mode where the CPU has it: one MSR write arms it at an absolute tick. Otherwise the APIC's
//! own counter, which counts a bus clock down from 32 bits; its rate is measured once against the TSC.
//! A wait longer than the counter reaches fires early: whoever armed it looks at the clock and arms again.

use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use core_local::irq_disable;
use interrupts::vectors;
use raw_cpuid::CpuId;
use x86_64::registers::model_specific::Msr;

use crate::registers::{self as reg, LVT_MASKED};

/// What the timer is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerKind {
    /// The TSC itself.
    TscDeadline,
    /// The APIC's counter, at this many counts per second.
    OneShot(u64),
}

const IA32_TSC_DEADLINE: Msr = Msr::new(0x6e0);
const LVT_TSC_DEADLINE: u32 = 0b10 << 17;
const DIVIDE_BY_ONE: u32 = 0b1011;

static KIND: AtomicU8 = AtomicU8::new(NOT_CHOSEN);
const NOT_CHOSEN: u8 = 0;
const TSC_DEADLINE: u8 = 1;
const ONE_SHOT: u8 = 2;

/// Counts per nanosecond of the one-shot counter, with 32 fractional bits; 0 until measured.
static COUNTS_PER_NS: AtomicU64 = AtomicU64::new(0);

const NS_PER_SECOND: u64 = 1_000_000_000;
/// How long the counter is measured.
const MEASURE_NS: u64 = 5_000_000;

/// Prepares this core's timer, stopped.
pub(crate) fn init_this_core() {
    if KIND.load(Ordering::Relaxed) == NOT_CHOSEN {
        let deadline = CpuId::new().get_feature_info().is_some_and(|features| features.has_tsc_deadline());
        KIND.store(if deadline { TSC_DEADLINE } else { ONE_SHOT }, Ordering::Relaxed);
    }
    let mode = if is_deadline() { LVT_TSC_DEADLINE } else { 0 };
    // SAFETY: the APIC is in its mode; the vector is the timer's.
    unsafe {
        reg::TIMER_DIVIDE.write(DIVIDE_BY_ONE);
        reg::TIMER_INITIAL.write(0);
        reg::LVT_TIMER.write(mode | u32::from(vectors::TIMER));
        // In xAPIC mode the write above goes to memory, and the deadline's MSR write may overtake it (SDM 11.5.4.1).
        core::arch::x86_64::_mm_mfence();
    }
}

fn is_deadline() -> bool {
    KIND.load(Ordering::Relaxed) == TSC_DEADLINE
}

/// Measures the one-shot counter against the calibrated TSC, if that is what the timer is made of. On the
/// boot core, once, after [`crate::init_boot`] and `clock::calibrate`, before anything is armed. Takes 5 ms.
pub fn calibrate_timer() -> Option<TimerKind> {
    if KIND.load(Ordering::Relaxed) == ONE_SHOT {
        let irq = irq_disable();
        // SAFETY: the APIC is in its mode; masked, the counter has no effect.
        let (counts, ns) = unsafe {
            reg::LVT_TIMER.write(LVT_MASKED | u32::from(vectors::TIMER));
            reg::TIMER_INITIAL.write(u32::MAX);
            let start = clock::now_ns();
            let first = reg::TIMER_CURRENT.read();
            clock::spin_for(MEASURE_NS);
            let last = reg::TIMER_CURRENT.read();
            let ns = clock::now_ns() - start;
            reg::TIMER_INITIAL.write(0);
            reg::LVT_TIMER.write(u32::from(vectors::TIMER));
            (first.wrapping_sub(last), ns)
        };
        drop(irq);
        // At most 2^32 << 32 in the dividend; a counter that stands still gives 0 and is never armed.
        COUNTS_PER_NS.store((u64::from(counts) << 32) / ns.max(1), Ordering::Relaxed);
    }
    timer_kind()
}

/// What the timer is made of; `None` before it is known, or if the counter stands still.
pub fn timer_kind() -> Option<TimerKind> {
    match (KIND.load(Ordering::Relaxed), COUNTS_PER_NS.load(Ordering::Relaxed)) {
        (TSC_DEADLINE, _) => Some(TimerKind::TscDeadline),
        (ONE_SHOT, rate @ 1..) => Some(TimerKind::OneShot(counts(NS_PER_SECOND, rate, u64::MAX))),
        _ => None,
    }
}

/// Interrupts this core at `vectors::TIMER` after `ns` nanoseconds, once. Replaces what was armed. May fire
/// early when `ns` is longer than the counter reaches (4 s and more); never fires if [`timer_kind`] is `None`.
///
/// The caller is pinned: the timer is this core's.
#[inline]
pub fn arm_timer(ns: u64) {
    if is_deadline() {
        // 0 would disarm. A deadline in the past fires at once.
        let deadline = clock::now_ticks().saturating_add(clock::ns_to_ticks(ns)).max(1);
        let mut register = IA32_TSC_DEADLINE;
        // SAFETY: the CPU has this MSR; it only makes the timer's vector come.
        unsafe { register.write(deadline) };
    } else if let rate @ 1.. = COUNTS_PER_NS.load(Ordering::Relaxed) {
        let counts = counts(ns, rate, u64::from(u32::MAX)).max(1);
        // SAFETY: the rate is known, so the APIC is in its mode; it only makes the timer's vector come.
        unsafe { reg::TIMER_INITIAL.write(counts as u32) };
    }
}

/// Stops this core's timer. An interrupt that is already on its way still comes.
#[inline]
pub fn disarm_timer() {
    match KIND.load(Ordering::Relaxed) {
        TSC_DEADLINE => {
            let mut register = IA32_TSC_DEADLINE;
            // SAFETY: the CPU has this MSR; 0 disarms.
            unsafe { register.write(0) };
        }
        // SAFETY: the APIC is in its mode since the kind is known; 0 stops the counter.
        ONE_SHOT => unsafe { reg::TIMER_INITIAL.write(0) },
        _ => {}
    }
}

/// `ns × rate`, where the rate has 32 fractional bits, at most `limit`; rounded up, so as not to fire early.
fn counts(ns: u64, rate: u64, limit: u64) -> u64 {
    let counts = (u128::from(ns) * u128::from(rate) + u128::from(u32::MAX)) >> 32;
    u64::try_from(counts).unwrap_or(u64::MAX).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_become_counts() {
        let one_ghz = 1 << 32;
        assert_eq!(counts(1_000_000, one_ghz, u64::MAX), 1_000_000);
        assert_eq!(counts(10_000_000_000, one_ghz, u64::from(u32::MAX)), u64::from(u32::MAX));
        let crystal_25_mhz = (25u64 << 32) / 1000;
        assert_eq!(counts(1_000_000, crystal_25_mhz, u64::MAX), 25_000);
        assert_eq!(counts(1, crystal_25_mhz, u64::MAX), 1, "rounded up");
        assert_eq!(counts(u64::MAX, u64::MAX, u64::from(u32::MAX)), u64::from(u32::MAX));
    }
}
