//! Which cores the machine has, and what became of each at bring-up.
//!
//! Bring-up writes one record per core, once; the boot messages and the `cores` command read them. A core that did not answer
//! has a record too: that is the difference to [`core_local::online`]. The boot as a whole has one record more: what it took.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use core_local::{CoreId, MAX_CORES};

/// What became of a core.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum State {
    /// It runs tasks.
    Online = 1,
    /// It never answered its start-up IPIs.
    Silent = 2,
    /// It answered, but did not reach the kernel in time.
    Stuck = 3,
    /// It was not started: the command line allows fewer cores, or there was no memory for its stack.
    LeftOut = 4,
}

impl State {
    /// One word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Silent => "silent",
            Self::Stuck => "stuck",
            Self::LeftOut => "left out",
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Online, Self::Silent, Self::Stuck, Self::LeftOut]
            .into_iter()
            .find(|state| *state as u8 == byte)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One core.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Core {
    /// The kernel's number for it.
    pub id: CoreId,
    /// The hardware's.
    pub apic_id: u32,
    /// What became of it.
    pub state: State,
    /// How long it took to come up, in nanoseconds: from just before the INIT to all cores until it was a core of the system. 0 for
    /// the core that booted and for those that did not come up.
    pub bringup_ns: u64,
}

struct Record {
    /// 0 until it is written; then a [`State`].
    state: AtomicU8,
    apic_id: AtomicU32,
    bringup_ns: AtomicU64,
}

static RECORDS: [Record; MAX_CORES] =
    [const { Record { state: AtomicU8::new(0), apic_id: AtomicU32::new(0), bringup_ns: AtomicU64::new(0) } };
        MAX_CORES];

/// Writes the record of a core. For bring-up, once per core.
#[inline(never)]
pub fn record(core: Core) {
    let record = &RECORDS[core.id.index()];
    record.apic_id.store(core.apic_id, Ordering::Relaxed);
    record.bringup_ns.store(core.bringup_ns, Ordering::Relaxed);
    // Release: who sees the state sees the rest.
    record.state.store(core.state as u8, Ordering::Release);
}

/// The record of a core, if bring-up knew of it.
#[inline(never)]
#[must_use]
pub fn core(id: CoreId) -> Option<Core> {
    let record = &RECORDS[id.index()];
    let state = State::from_byte(record.state.load(Ordering::Acquire))?;
    let (apic_id, bringup_ns) =
        (record.apic_id.load(Ordering::Relaxed), record.bringup_ns.load(Ordering::Relaxed));
    Some(Core { id, apic_id, state, bringup_ns })
}

/// What the boot took, in nanoseconds; 0 until it is over.
static BOOT_NS: AtomicU64 = AtomicU64::new(0);

/// Writes down what the boot took, in nanoseconds: from the kernel's entry until there is a console. For the boot, once.
#[inline(never)]
pub fn record_boot(ns: u64) {
    // Relaxed: a figure on which nothing else hangs.
    BOOT_NS.store(ns, Ordering::Relaxed);
}

/// What the boot took, in nanoseconds; `None` while it goes on.
#[inline(never)]
#[must_use]
pub fn boot_ns() -> Option<u64> {
    Some(BOOT_NS.load(Ordering::Relaxed)).filter(|&ns| ns != 0)
}

/// How long it took until all other cores were there, in nanoseconds from just before the INIT to all; `None` if none came up.
#[inline(never)]
#[must_use]
pub fn bringup_ns() -> Option<u64> {
    let others = cores().filter(|core| core.state == State::Online && core.id != CoreId::BOOT);
    others.map(|core| core.bringup_ns).max()
}

/// All cores that bring-up knew of, in the order of their numbers.
pub fn cores() -> impl Iterator<Item = Core> {
    CoreId::all().filter_map(core)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_is_listed() {
        let id = |index| CoreId::new(index).expect("below the limit");
        let boot = Core { id: CoreId::BOOT, apic_id: 4, state: State::Online, bringup_ns: 0 };
        let silent = Core { id: id(2), apic_id: 6, state: State::Silent, bringup_ns: 0 };
        assert_eq!(cores().next(), None);
        record(silent);
        record(boot);
        assert!(cores().eq([boot, silent]));
        assert_eq!((core(id(1)), silent.state.name()), (None, "silent"));

        assert_eq!(bringup_ns(), None, "a silent core is not there");
        for (index, bringup_ns) in [(1, 500), (3, 700), (4, 600)] {
            record(Core { id: id(index), apic_id: index, state: State::Online, bringup_ns });
        }
        assert_eq!(bringup_ns(), Some(700));
        assert_eq!(boot_ns(), None);
        record_boot(9);
        assert_eq!(boot_ns(), Some(9));
    }
}
