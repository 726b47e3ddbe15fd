//! The serial console: output for everyone, input for one reader, and the kernel's log on top.
//!
//! Output goes through one interrupt-safe lock, so that a line comes out whole whichever core writes it. The panic path may
//! find that lock held by itself, so it has a way around it ([`emergency`]).
//! Input arrives by interrupt in a single-producer ring; the reader is woken by a hook.
#![no_std]
#![cfg(keel_kernel)]

mod input;
mod logger;
mod output;

pub use input::{enable_input, read_byte, set_input_hook};
pub use logger::{init as init_log, set_level};
pub use output::{emergency, init, print, write_str};

/// Prints to the console, like std's `print!`.
#[macro_export]
macro_rules! print {
    ($($arg:tt)*) => { $crate::print(format_args!($($arg)*)) };
}

/// Prints a line to the console, like std's `println!`.
#[macro_export]
macro_rules! println {
    () => { $crate::print(format_args!("\n")) };
    ($($arg:tt)*) => { $crate::print(format_args!("{}\n", format_args!($($arg)*))) };
}
