//! The console: a line is read and edited, split into commands, and each runs in a task of its own, so that a command that panics,
//! faults or is interrupted takes nothing with it.
//!
//! ```text
//!   serial ─▶ keys ─▶ Editor ─▶ line ─▶ parse ─▶ run: look the command up, pin its cell, spawn, join
//!                       │ history, completion                    │ Ctrl-C kills the task
//!                       └─▶ echo                                 └─▶ output, by whole lines
//! ```
//! With `run="…"` on the kernel's command line it runs these commands instead and powers off; the status says whether all succeeded.
//!
//! Editor, history, parser and help are plain functions, tested on the host; reading, running and powering off exist in the
//! kernel alone.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(any(test, keel_kernel))]
mod editor;
#[cfg(any(test, keel_kernel))]
mod help;
#[cfg(any(test, keel_kernel))]
mod history;
#[cfg(keel_kernel)]
mod input;
#[cfg(any(test, keel_kernel))]
mod keys;
#[cfg(keel_kernel)]
mod output;
#[cfg(any(test, keel_kernel))]
mod parse;
#[cfg(keel_kernel)]
mod run;

/// What the loader looks for.
#[cfg(keel_kernel)]
pub static CELL: cell_api::Cell =
    cell_api::Cell::new("console", env!("CARGO_PKG_VERSION")).commands(&run::COMMANDS).main(run::main);
