//! Unwinding without std: how a panic, a CPU fault or a `kill` ends one task and not the kernel.
//!
//! A task's root runs its body under [`catch`]. Whoever finds the task's end (the panic handler, the
//! trap layer, the scheduler) calls [`raise`]; the unwinder walks the stack, runs the landing pads of
//! every frame that is *at a call*, and `catch` returns the [`Cause`].
//!
//! Two kinds of end must be told apart:
//! - *synchronous*: a panic, a kill noticed inside `park` or `yield_now`, a stack overflow followed to the next call. Each
//!   frame stands at a call, so the compiler's tables say exactly which destructors are due. All run.
//! - *asynchronous*: any other CPU fault. The interrupted frame stands at an arbitrary instruction. A landing pad there would
//!   assume register and stack contents that the compiler promised only at calls, so the personality skips that one frame:
//!   what it owned leaks. Its callers stand at calls and are cleaned up in full.
//!
//! What asynchronous unwinding cannot promise: if the skipped frame was between two halves of a change to something that
//! a caller owns, that caller's destructors see half a change. Such faults come from broken hardware or from unsafe code
//! that is wrong; nothing healthy is ended this way (`scheduler::kill` says how a kill avoids it).
//!
//! The mechanism follows the Itanium C++ ABI (exception handling, level I and II); frames are described by DWARF CFI.
//! Stable Rust has no `catch_unwind` without std, so catching is an assembly frame with a personality of
//! its own ([`catch`]), and `rust_eh_personality` is ours to supply (`personality`).
//!
//! On the host `catch` and `raise` map to std's panics, so that crates above are testable there.
#![no_std]

extern crate alloc;

mod cause;
pub use cause::{Cause, Fault, FaultKind};

#[cfg(keel_kernel)]
mod catch;
#[cfg(keel_kernel)]
mod exception;
#[cfg(keel_kernel)]
mod frames;
#[cfg(keel_kernel)]
mod personality;
#[cfg(keel_kernel)]
mod trace;

#[cfg(keel_kernel)]
pub use catch::{
    NO_MEMORY, State, Unhandled, begin_report, catch, depth, is_unwinding, raise, set_state_hook, try_raise,
};
#[cfg(keel_kernel)]
pub use frames::{FrameRegion, FramesFull, Registration, init, is_code, register};
#[cfg(keel_kernel)]
pub use trace::backtrace;

#[cfg(not(keel_kernel))]
mod host;
#[cfg(not(keel_kernel))]
pub use host::{catch, is_unwinding, raise};
