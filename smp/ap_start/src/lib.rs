//! Starts all other cores at once.
//!
//! Broadcast INIT, wait, broadcast SIPI twice (SDM vol. 3, §9.4.4.1): every application processor (AP) begins in real mode
//! in the trampoline's page, below 1 MiB. The trampoline takes it to long mode under the page table it is
//! given, looks its APIC id up in a [table](roster::Roster) in kernel memory, claims the entry, and enters
//! Rust on the entry's stack. No AP waits for another.
//!
//! Who is not in the table, or comes after its entry was abandoned, halts with interrupts off and touches nothing.
//!
//! What this relies on: the trampoline's page is identity-mapped, executable and need not be writable; it holds code and
//! the three words that the boot core wrote before the start.
#![cfg_attr(not(test), no_std)]

pub mod roster;

#[cfg(keel_kernel)]
mod start;
#[cfg(keel_kernel)]
mod trampoline;
#[cfg(keel_kernel)]
pub use start::{ApStart, StartError, arrived, start_all};
