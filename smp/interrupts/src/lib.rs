//! Interrupt vectors: who has which, what is called, and how often.
//!
//! The trap entry of crate `cpu` catches every vector and calls [`dispatch`]; this crate finds the
//! handler that was registered. It knows neither the interrupt controller nor the IDT: acknowledging
//! (EOI) is the caller's, after the handler has returned.
//!
//! A handler runs on the trap stack with interrupts off and is never nested. It must not block,
//! allocate, or take a lock that is not an `IrqLock`.
//!
//! `dispatch` takes no lock: one atomic load finds the handler, one counter of the core is bumped.

#![no_std]

pub mod vectors;

use core::fmt;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use core_local::{CoreId, PerCore, per_core};
use irq_lock::IrqLock;

/// What is called when an interrupt arrives.
pub type Handler = fn();

/// How many vectors there are.
pub const VECTORS: usize = 256;

/// The handlers, as pointers; null where there is none.
static HANDLERS: [AtomicPtr<()>; VECTORS] = [const { AtomicPtr::new(core::ptr::null_mut()) }; VECTORS];

/// The names of those who registered. Only registration and reports look here.
static NAMES: IrqLock<[Option<&'static str>; VECTORS]> = IrqLock::new("interrupt names", [None; VECTORS]);

/// How often each vector arrived on each core; wraps. Each core writes its own row.
static COUNTS: PerCore<[AtomicU32; VECTORS]> = per_core!([const { AtomicU32::new(0) }; VECTORS]);

/// The vector belongs to someone else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VectorTaken {
    /// The vector that was asked for.
    pub vector: u8,
    /// Who has it.
    pub by: &'static str,
}

impl fmt::Display for VectorTaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "interrupt vector {:#04x} already belongs to {}; choose a free one", self.vector, self.by)
    }
}

impl core::error::Error for VectorTaken {}

/// Gives `vector` to `handler` for good; `name` is for messages and reports.
///
/// # Errors
/// [`VectorTaken`] if it has a handler, or is one of the CPU's exceptions (below 32).
pub fn register(vector: u8, name: &'static str, handler: Handler) -> Result<(), VectorTaken> {
    if vector < vectors::FIRST_EXTERNAL {
        return Err(VectorTaken { vector, by: "the CPU's exceptions" });
    }
    let mut names = NAMES.lock();
    let entry = &mut names[usize::from(vector)];
    if let Some(by) = *entry {
        return Err(VectorTaken { vector, by });
    }
    *entry = Some(name);
    // Release: whoever sees the handler sees what its owner set up before registering it.
    HANDLERS[usize::from(vector)].store(handler as *mut (), Ordering::Release);
    Ok(())
}

/// Counts an interrupt and calls its handler; says whether there was one.
///
/// For the trap entry, with interrupts off. The caller acknowledges the interrupt at its controller
/// afterwards, whatever the answer, unless the vector is the spurious one.
#[inline]
pub fn dispatch(vector: u8) -> bool {
    let counter = &COUNTS.get(core_local::current())[usize::from(vector)];
    // Not a read-modify-write: this core alone writes it, with interrupts off.
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    let handler = HANDLERS[usize::from(vector)].load(Ordering::Acquire);
    if handler.is_null() {
        return false;
    }
    // SAFETY: the only stores to HANDLERS are of a `Handler` in `register`.
    let handler = unsafe { core::mem::transmute::<*mut (), Handler>(handler) };
    handler();
    true
}

/// Who has this vector.
pub fn owner(vector: u8) -> Option<&'static str> {
    NAMES.lock()[usize::from(vector)]
}

/// How often this vector has arrived on this core; wraps at 2³².
pub fn count(core: CoreId, vector: u8) -> u32 {
    COUNTS.get(core)[usize::from(vector)].load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler() {}

    #[test]
    fn a_vector_has_one_owner() {
        assert!(!dispatch(0x60));
        assert_eq!(register(0x60, "first", handler), Ok(()));
        assert_eq!(register(0x60, "second", handler), Err(VectorTaken { vector: 0x60, by: "first" }));
        assert_eq!(owner(0x60), Some("first"));
        assert!(dispatch(0x60));
        assert_eq!(count(core_local::current(), 0x60), 2);
    }

    #[test]
    fn exceptions_cannot_be_taken() {
        for vector in 0..32 {
            assert!(register(vector, "me", handler).is_err());
        }
    }
}
