//! The end of a run: power-off with a status, and reboot.
//!
//! Under test the machine has QEMU's `isa-debug-exit` device, which turns the value written to port 0xf4 into QEMU's exit status
//! `(value << 1) | 1`. It cannot be probed for, so the command line says that it is there (`exit=debug`). Elsewhere this
//! version cannot switch the power off (that needs the AML interpreter for `\_S5`): it says so and halts.
#![no_std]
#![cfg(keel_kernel)]

use core::sync::atomic::{AtomicU16, Ordering};
use options::Exit;
use x86_64::instructions::{hlt, interrupts, port::Port};

/// How the run went, as the host will see it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Status {
    /// All that was asked for succeeded: QEMU exits with 33.
    Success = 0x10,
    /// A command failed: 35.
    Failure = 0x11,
    /// The kernel itself cannot go on: 37.
    Fatal = 0x12,
    /// The machine is to be started again: 39.
    Reboot = 0x13,
}

const DEBUG_EXIT: u16 = 0xf4;
/// The keyboard controller's command port, and its command that pulses the CPU's reset line.
const KEYBOARD_CONTROLLER: u16 = 0x64;
const PULSE_RESET: u8 = 0xfe;

/// I/O port of the FADT's reset register in the low half, 0 for none; its value lies in the upper word.
static RESET_PORT: AtomicU16 = AtomicU16::new(0);
static RESET_VALUE: AtomicU16 = AtomicU16::new(0);

/// Remembers the FADT's reset register (ACPI 6.5, §4.8.3.6), if it is an I/O port.
pub fn set_reset_register(port: u16, value: u8) {
    RESET_VALUE.store(u16::from(value), Ordering::Relaxed);
    RESET_PORT.store(port, Ordering::Release);
}

/// Ends the run. Other cores are stopped by the machine, or go on idle where it cannot be switched off.
pub fn off(status: Status) -> ! {
    if options::get().exit == Exit::Debug {
        // SAFETY: the command line vouches for the device; the write ends the machine.
        unsafe { Port::<u32>::new(DEBUG_EXIT).write(status as u32) };
        // The machine ends at its leisure.
        halt();
    }
    serial::emergency(format_args!("It is now safe to turn off this machine.\n"));
    halt()
}

/// Restarts the machine.
pub fn reboot() -> ! {
    if options::get().exit == Exit::Debug {
        off(Status::Reboot);
    }
    let port = RESET_PORT.load(Ordering::Acquire);
    // SAFETY: resetting is what is asked for, and these ports do it: the one that the firmware names, then the keyboard
    // controller's.
    unsafe {
        if port != 0 {
            Port::<u8>::new(port).write(RESET_VALUE.load(Ordering::Relaxed) as u8);
        }
        Port::<u8>::new(KEYBOARD_CONTROLLER).write(PULSE_RESET);
    }
    serial::emergency(format_args!("This machine does not reset; turn it off and on.\n"));
    halt()
}

/// Stops this core for ever.
pub fn halt() -> ! {
    loop {
        interrupts::disable();
        hlt();
    }
}
