//! The interrupt controllers: each core's local APIC (x2APIC or xAPIC) and the I/O APICs.
//!
//! The local APIC does three things for the kernel: it acknowledges interrupts ([`eoi`]), sends them to
//! other cores ([`send_ipi`]), and wakes its own core at a given time ([`arm_timer`]).
//!
//! - [`init_boot`] chooses the mode for the whole machine, on the boot core: x2APIC where the CPU has
//!   it (registers are MSRs, an IPI is one write, ids have 32 bits), xAPIC otherwise (memory-mapped, 8 bits).
//! - [`init_this_core`] brings each core's own APIC into that mode, with every local line masked.
//!
//! The crate `x2apic` drives the I/O APICs. It does not drive the local APIC: it chooses the mode from
//! CPUID alone (so xAPIC cannot be forced), leaves LINT0 and LINT1 unmasked with no way to mask them,
//! unmasks the timer at a time when that has no effect, sends IPIs without the fence that x2APIC needs and
//! without the shift that xAPIC needs, and has no TSC-deadline mode. `registers.rs` is what remains when
//! these are put right.

#![no_std]

mod io_apic;
mod ipi;
mod local;
mod registers;
mod timer;

pub use io_apic::{IoApicError, Trigger, add_io_apic, mask, route};
pub use ipi::{send_init_all, send_ipi, send_ipi_all_others, send_nmi, send_startup_all};
pub use local::{LapicError, Mode, eoi, id, init_boot, init_this_core, mode};
pub use timer::{TimerKind, arm_timer, calibrate_timer, disarm_timer, timer_kind};
