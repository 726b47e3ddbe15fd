//! The local APIC's registers, in either mode (SDM vol. 3, 11.4.1 and 11.12.1.2).
//!
//! A register has one number: x2APIC's MSR is 0x800 plus it, xAPIC's offset in memory is it times 16.
//! An access reaches the APIC of the core that makes it, so callers are pinned.

use core::ptr::{read_volatile, with_exposed_provenance_mut, write_volatile};
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use x86_64::registers::model_specific::Msr;

/// A register's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Register(u32);

pub const ID: Register = Register(0x02);
pub const TASK_PRIORITY: Register = Register(0x08);
pub const EOI: Register = Register(0x0b);
pub const SPURIOUS: Register = Register(0x0f);
pub const ERROR_STATUS: Register = Register(0x28);
/// In x2APIC mode the whole command, in xAPIC mode its low half.
pub const COMMAND: Register = Register(0x30);
/// xAPIC mode only.
pub const COMMAND_HIGH: Register = Register(0x31);
pub const LVT_TIMER: Register = Register(0x32);
pub const LVT_THERMAL: Register = Register(0x33);
pub const LVT_PERFORMANCE: Register = Register(0x34);
pub const LVT_LINT0: Register = Register(0x35);
pub const LVT_LINT1: Register = Register(0x36);
pub const LVT_ERROR: Register = Register(0x37);
pub const TIMER_INITIAL: Register = Register(0x38);
pub const TIMER_CURRENT: Register = Register(0x39);
pub const TIMER_DIVIDE: Register = Register(0x3e);

/// Local vector table: this line does not interrupt.
pub const LVT_MASKED: u32 = 1 << 16;

/// The machine's mode: 0 not chosen, 1 xAPIC, 2 x2APIC.
static MODE: AtomicU8 = AtomicU8::new(NOT_CHOSEN);
pub const NOT_CHOSEN: u8 = 0;
pub const XAPIC: u8 = 1;
pub const X2APIC: u8 = 2;

/// Where xAPIC's registers are mapped.
static BASE: AtomicUsize = AtomicUsize::new(0);

/// Sets the mode. On the boot core before others run.
///
/// # Safety
/// In xAPIC mode `base` is where the local APIC's 4 KiB of registers are mapped, uncached, for good.
pub unsafe fn choose(mode: u8, base: usize) {
    BASE.store(base, Ordering::Relaxed);
    // Release: who sees the mode sees the base.
    MODE.store(mode, Ordering::Release);
}

#[inline]
pub fn chosen() -> u8 {
    MODE.load(Ordering::Acquire)
}

#[inline]
pub fn is_x2apic() -> bool {
    MODE.load(Ordering::Relaxed) == X2APIC
}

impl Register {
    fn msr(self) -> Msr {
        Msr::new(0x800 + self.0)
    }

    fn mapped(self) -> *mut u32 {
        with_exposed_provenance_mut(BASE.load(Ordering::Relaxed) + self.0 as usize * 16)
    }

    /// Reads the register.
    ///
    /// # Safety
    /// The mode is chosen and this core's APIC is in it.
    #[inline]
    pub unsafe fn read(self) -> u32 {
        if is_x2apic() {
            // SAFETY: the register exists in x2APIC mode; reading has no effect on memory.
            unsafe { self.msr().read() as u32 }
        } else {
            // SAFETY: `choose`'s caller promised the mapping.
            unsafe { read_volatile(self.mapped()) }
        }
    }

    /// Writes the register.
    ///
    /// # Safety
    /// As for [`Self::read`]; and what the value makes the APIC do is sound.
    #[inline]
    pub unsafe fn write(self, value: u32) {
        if is_x2apic() {
            // SAFETY: the caller answers for the value.
            unsafe { self.msr().write(u64::from(value)) }
        } else {
            // SAFETY: `choose`'s caller promised the mapping, this one answers for the value.
            unsafe { write_volatile(self.mapped(), value) }
        }
    }

    /// Writes all 64 bits; x2APIC mode only.
    ///
    /// # Safety
    /// As for [`Self::write`].
    #[inline]
    pub unsafe fn write_wide(self, value: u64) {
        // SAFETY: passed on.
        unsafe { self.msr().write(value) }
    }
}
