//! A cell that others import from: a function, a generic instance, and data.
#![no_std]
extern crate alloc;
core::arch::global_asm!(
    ".section .keel.manifest,\"\",@progbits",
    ".ascii \"name=upstream\\nversion=0.1.0\\nrustc=test\\nhash=0000000000000000\\nunsafe=allowed\\n\"",
    ".text"
);
use core::sync::atomic::{AtomicU64, Ordering};
pub static CALLS: AtomicU64 = AtomicU64::new(100);
pub static ZERO: AtomicU64 = AtomicU64::new(0);
#[inline(never)]
pub fn answer(x: u64) -> u64 {
    CALLS.fetch_add(1, Ordering::Relaxed);
    x + 41 + ZERO.load(Ordering::Relaxed)
}
#[inline(never)]
pub fn other(x: u64) -> u64 {
    x + 1000
}
