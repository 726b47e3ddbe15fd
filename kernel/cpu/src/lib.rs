//! Descriptor tables, trap entry and exit, and what a trap does to the task that it interrupted.
//!
//! # Why every vector has a stack of its own
//! The prebuilt core library uses the red zone (128 bytes below rsp) in a few functions, and the CPU would push its
//! frame right there. So every gate names an interrupt stack (IST), and nothing is ever pushed blindly onto the
//! interrupted stack. It also makes stack overflow a clean fault: the handler does not need the stack that ran out.
//!
//! ```text
//!   IST 1  double fault        one each, since these three can hit
//!   IST 2  NMI                 anywhere, even inside another handler
//!   IST 3  machine check
//!   IST 4  other exceptions    never nested: a fault while handling a fault is fatal, and detected
//!   IST 5  interrupts          never nested: they run with interrupts off
//!   IST 6  debug, breakpoint
//! ```
//!
//! # Leaving an IST stack
//! An IST stack belongs to the core: whoever stays on it while another task runs loses it to the next trap. So a trap that will
//! reschedule or unwind does not do so there. It writes a return frame onto the interrupted task's own stack,
//! below the red zone, and returns from the interrupt *into* a trampoline (`stubs`) that runs on it. The
//! trampolines carry CFI with `.cfi_signal_frame`, so that the unwinder walks through them.
//!
//! Sources: SDM vol. 3, chapter 6 (interrupts and exceptions), §6.14.5 (IST), §8.7 (TSS).
#![no_std]
#![cfg(keel_kernel)]

mod fault;
mod step;

mod stubs;
mod tables;
mod traps;

pub use fault::{TaskHooks, halt_others, set_task_hooks};
pub use tables::{IST_COUNT, IST_STACK_BYTES, init_boot_core, install};
pub use traps::TrapFrame;
