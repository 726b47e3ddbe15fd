//! The timers of known frequency that the TSC can be measured against.
//!
//! | source | frequency | where |
//! |---|---|---|
//! | HPET | in its own register, 10 MHz or more | memory, address from the ACPI HPET table |
//! | ACPI PM timer | 3,579,545 Hz | an I/O port, from the FADT |
//! | PIT channel 2 | 1,193,182 Hz | ports 0x42, 0x43, 0x61: every PC, needs no table |

use core::fmt;

/// Where timers may be found; what is `None` is not tried. The PIT needs no address.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources {
    /// Virtual address at which the HPET's registers are mapped, uncached, for at least 1 KiB.
    pub hpet: Option<usize>,
    /// The ACPI power-management timer.
    pub pm_timer: Option<PmTimer>,
}

/// The ACPI power-management timer (ACPI 6.5, 4.8.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PmTimer {
    /// Its I/O port.
    pub port: u16,
    /// Whether it counts 32 bits; otherwise 24.
    pub is_32_bit: bool,
}

/// What a frequency was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// CPUID leaf 15h: the ratio to a crystal of stated frequency.
    CpuidCrystal,
    /// The HPET.
    Hpet,
    /// The ACPI power-management timer.
    PmTimer,
    /// Channel 2 of the programmable interval timer.
    Pit,
    /// CPUID leaf 16h: the nominal frequency, rounded to 1 MHz.
    CpuidNominal,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CpuidCrystal => "CPUID 15h",
            Self::Hpet => "HPET",
            Self::PmTimer => "ACPI PM timer",
            Self::Pit => "PIT",
            Self::CpuidNominal => "CPUID 16h",
        })
    }
}

/// A counter that counts up at a known rate, and wraps after `bits`.
pub(crate) trait Reference {
    /// Femtoseconds per count.
    fn period_fs(&self) -> u64;
    /// How many bits it has.
    fn bits(&self) -> u32;
    /// Its value now.
    fn read(&self) -> u64;
}

#[cfg(keel_kernel)]
pub(crate) use machine::{Hpet, Pit, PmTimerCounter};

#[cfg(keel_kernel)]
mod machine {
    use core::ptr::{read_volatile, with_exposed_provenance_mut, write_volatile};

    use super::{PmTimer, Reference};

    fn inb(port: u16) -> u8 {
        let value: u8;
        // SAFETY: the ports read here are timers' registers, whose reads disturb nobody.
        unsafe {
            core::arch::asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags))
        };
        value
    }

    fn inl(port: u16) -> u32 {
        let value: u32;
        // SAFETY: as for `inb`.
        unsafe {
            core::arch::asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack, preserves_flags))
        };
        value
    }

    fn outb(port: u16, value: u8) {
        // SAFETY: written are only the PIT's channel 2 and its gate, which drive the speaker and nothing else.
        unsafe {
            core::arch::asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags))
        };
    }

    /// The HPET's main counter (IA-PC HPET specification 1.0a, 2.3).
    pub struct Hpet {
        base: usize,
        period_fs: u64,
        bits: u32,
    }

    impl Hpet {
        const CAPABILITIES: usize = 0x00;
        const CONFIGURATION: usize = 0x10;
        const COUNTER: usize = 0xf0;

        /// # Safety
        /// `base` is where an HPET's registers are mapped, or at least readable device memory.
        pub unsafe fn new(base: usize) -> Option<Self> {
            // SAFETY: the caller promises a mapping of the registers.
            let capabilities =
                unsafe { read_volatile(with_exposed_provenance_mut::<u64>(base + Self::CAPABILITIES)) };
            let period_fs = capabilities >> 32;
            // The specification's limit: 100 ns.
            if period_fs == 0 || period_fs > 0x05f5_e100 {
                return None;
            }
            let configuration = with_exposed_provenance_mut::<u64>(base + Self::CONFIGURATION);
            // SAFETY: as above; bit 0 lets the counter run and does nothing else.
            unsafe { write_volatile(configuration, read_volatile(configuration) | 1) };
            let bits = if capabilities & (1 << 13) != 0 { 64 } else { 32 };
            Some(Self { base, period_fs, bits })
        }
    }

    impl Reference for Hpet {
        fn period_fs(&self) -> u64 {
            self.period_fs
        }
        fn bits(&self) -> u32 {
            self.bits
        }
        fn read(&self) -> u64 {
            let counter = self.base + Self::COUNTER;
            // SAFETY: `new`'s caller promised the mapping; a 32-bit counter must be read by 32 bits.
            unsafe {
                if self.bits == 64 {
                    read_volatile(with_exposed_provenance_mut::<u64>(counter))
                } else {
                    u64::from(read_volatile(with_exposed_provenance_mut::<u32>(counter)))
                }
            }
        }
    }

    pub struct PmTimerCounter(pub PmTimer);

    impl Reference for PmTimerCounter {
        fn period_fs(&self) -> u64 {
            // 1 / 3,579,545 Hz.
            279_365_115
        }
        fn bits(&self) -> u32 {
            if self.0.is_32_bit { 32 } else { 24 }
        }
        fn read(&self) -> u64 {
            u64::from(inl(self.0.port))
        }
    }

    /// Channel 2 counting down from 65,536 again and again: 54.9 ms a round.
    pub struct Pit;

    impl Pit {
        pub fn new() -> Self {
            // Gate on, speaker off; channel 2, low byte then high byte, mode 2, binary; count 65,536.
            outb(0x61, inb(0x61) & !0b10 | 0b01);
            outb(0x43, 0b1011_0100);
            outb(0x42, 0);
            outb(0x42, 0);
            Self
        }
    }

    impl Reference for Pit {
        fn period_fs(&self) -> u64 {
            // 1 / 1,193,182 Hz.
            838_095_110
        }
        fn bits(&self) -> u32 {
            16
        }
        fn read(&self) -> u64 {
            // Latch channel 2, then read it.
            outb(0x43, 0b1000_0000);
            let low = inb(0x42);
            let high = inb(0x42);
            u64::from(u16::MAX - u16::from_le_bytes([low, high]))
        }
    }
}
