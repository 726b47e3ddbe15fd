//! A cell that uses another in every way: a call, data, a function pointer in a static, a trait object; and that has
//! landing pads, strings, and zero-initialised data.
#![no_std]
extern crate alloc;
extern crate upstream;
use alloc::{boxed::Box, string::String, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};
core::arch::global_asm!(
    ".section .keel.manifest,\"\",@progbits",
    ".ascii \"name=downstream\\nversion=0.1.0\\nrustc=test\\nhash=0000000000000000\\nunsafe=allowed\\n\"",
    ".text"
);
pub trait Shape {
    fn area(&self) -> u64;
    fn name(&self) -> String;
}
pub struct Square(u64, Vec<String>);
impl Shape for Square {
    fn area(&self) -> u64 {
        self.0 * self.0
    }
    fn name(&self) -> String {
        alloc::format!("square of {} {:?}", self.0, self.1)
    }
}
static SEEN: AtomicU64 = AtomicU64::new(0);
pub static POINTERS: [fn(u64) -> u64; 2] = [upstream::answer, upstream::other];
pub static CELL: (u64, &str, fn(u64) -> u64) = (42, "downstream", run);
#[inline(never)]
pub fn make(side: u64) -> Box<dyn Shape> {
    Box::new(Square(side, alloc::vec![String::from("a"), alloc::format!("{side}")]))
}
#[inline(never)]
pub fn index(list: &[u32], at: usize) -> u32 {
    list[at]
}
pub fn run(x: u64) -> u64 {
    SEEN.fetch_add(1, Ordering::Relaxed);
    upstream::answer(x) + POINTERS[1](0) + upstream::CALLS.load(Ordering::Relaxed) + SEEN.load(Ordering::Relaxed)
}
