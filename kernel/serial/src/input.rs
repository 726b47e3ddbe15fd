//! Reading from COM1: interrupt, ring, reader.
//!
//! The handler is the only producer (one core takes the interrupt) and the console task the only consumer, so a ring with one
//! index each is enough. A full ring drops what arrives: nobody reads 1,024 bytes behind.

use crate::output::PORT;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize, Ordering};
use interrupts::{VectorTaken, register, vectors};

const CAPACITY: usize = 1024;

static RING: [AtomicU8; CAPACITY] = [const { AtomicU8::new(0) }; CAPACITY];
/// Bytes ever written; the handler's.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);
/// Bytes ever read; the reader's.
static READ: AtomicUsize = AtomicUsize::new(0);
static HOOK: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// Sets what the interrupt handler calls when bytes have arrived. It runs with interrupts off and must not block.
pub fn set_input_hook(hook: fn()) {
    HOOK.store(hook as *mut (), Ordering::Release);
}

/// Claims the serial vector. The I/O APIC's route is the caller's to set.
///
/// # Errors
/// [`VectorTaken`] if the vector has a handler.
pub fn enable_input() -> Result<(), VectorTaken> {
    register(vectors::SERIAL, "serial port", received)
}

/// The next byte, if one has arrived. For one reader at a time: two would each see some of the bytes.
pub fn read_byte() -> Option<u8> {
    let read = READ.load(Ordering::Relaxed);
    // Acquire: pairs with the handler's release, so the byte is there.
    if read == WRITTEN.load(Ordering::Acquire) {
        return None;
    }
    let byte = RING[read % CAPACITY].load(Ordering::Relaxed);
    // Release: the slot may be overwritten only after it has been read.
    READ.store(read.wrapping_add(1), Ordering::Release);
    Some(byte)
}

fn received() {
    let mut port = PORT.lock();
    let Some(uart) = &mut port.0 else { return };
    let mut written = WRITTEN.load(Ordering::Relaxed);
    while let Ok(byte) = uart.try_receive_byte() {
        if written.wrapping_sub(READ.load(Ordering::Acquire)) < CAPACITY {
            RING[written % CAPACITY].store(byte, Ordering::Relaxed);
            written = written.wrapping_add(1);
        }
    }
    drop(port);
    WRITTEN.store(written, Ordering::Release);
    let hook = HOOK.load(Ordering::Acquire);
    if !hook.is_null() {
        // SAFETY: the only store is of a `fn()`.
        unsafe { core::mem::transmute::<*mut (), fn()>(hook)() };
    }
}
