//! The object that travels through the unwinder: its header, and why the task ends.
//!
//! It lives on the heap. A task may end because the heap is used up, so a few spare objects lie in static memory: an
//! exception is short-lived, and as many as there are spares can be under way at once even then.

use crate::{Cause, FaultKind};
use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use unwinding::abi::UnwindException;

/// The class tag of our exceptions (Itanium ABI: vendor, then language).
const CLASS: u64 = u64::from_be_bytes(*b"KEELRUST");
const SPARES: usize = 4;

#[repr(C)]
struct Exception {
    header: UnwindException,
    cause: Cause,
}

struct Spare {
    taken: AtomicBool,
    exception: UnsafeCell<MaybeUninit<Exception>>,
}

// SAFETY: who turned `taken` from false to true has the exception to itself until it stores false.
unsafe impl Sync for Spare {}

static SPARE: [Spare; SPARES] =
    [const { Spare { taken: AtomicBool::new(false), exception: UnsafeCell::new(MaybeUninit::uninit()) } };
        SPARES];

/// An exception with this cause, or the cause back if there is no memory for it.
pub fn new(cause: Cause) -> Result<*mut UnwindException, Cause> {
    // SAFETY: the layout is not empty.
    let mut memory = unsafe { alloc(Layout::new::<Exception>()) }.cast::<Exception>();
    if memory.is_null() {
        let Some(spare) = SPARE.iter().find(|spare| !spare.taken.swap(true, Ordering::Acquire)) else {
            return Err(cause);
        };
        memory = spare.exception.get().cast();
    }
    // SAFETY: `UnwindException` is plain integers and options of function pointers; all zeros is a value of each.
    let mut header: UnwindException = unsafe { core::mem::zeroed() };
    header.exception_class = CLASS;
    // SAFETY: fresh memory, or a spare that is ours alone.
    unsafe { memory.write(Exception { header, cause }) };
    Ok(memory.cast())
}

/// Takes the cause out and frees the exception.
///
/// # Safety
/// `exception` came from [`new`], and is not used any more.
pub unsafe fn into_cause(exception: *mut UnwindException) -> Cause {
    let exception = exception.cast::<Exception>();
    // SAFETY: `new` wrote it; it is read once.
    let cause = unsafe { exception.read() }.cause;
    match SPARE.iter().find(|spare| spare.exception.get().cast() == exception) {
        Some(spare) => spare.taken.store(false, Ordering::Release),
        // SAFETY: not a spare, so `new` allocated it with this layout.
        None => unsafe { dealloc(exception.cast(), Layout::new::<Exception>()) },
    }
    cause
}

/// Whether the exception is a CPU fault at the instruction where the stack now ends. (A stack overflow is raised later, at a call.)
///
/// # Safety
/// The unwinder is at work on `exception`.
pub unsafe fn is_fault(exception: *mut UnwindException) -> bool {
    // SAFETY: live, as the unwinder uses it; with our class it is one of `new`'s.
    unsafe {
        (*exception).exception_class == CLASS
            && matches!(&(*exception.cast::<Exception>()).cause, Cause::Fault(fault) if fault.kind != FaultKind::StackOverflow)
    }
}
