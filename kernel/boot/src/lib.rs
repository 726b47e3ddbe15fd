//! The kernel's first instructions: from the PVH entry point to a [`bootloader_api::BootInfo`].
//!
//! `qemu -kernel` (and other monitors that speak PVH) enters at `pvh_start` in 32-bit protected mode without paging.
//! `entry` builds page tables that are just good enough (the image in the higher half, physical memory at
//! [`PHYSICAL_MEMORY_OFFSET`]), enters long mode and calls `pvh`, which reads the start info as hostile input,
//! turns it into a `BootInfo` and calls the kernel's `_start`, made by `bootloader_api::entry_point!`.
//! The kernel proper knows no other contract, so another loader can take this crate's place; only the command line
//! has no field in `BootInfo` and comes through [`command_line`].
//!
//! These first tables are writable and executable everywhere. They live until the kernel installs its own.
//!
//! Source: Xen's `docs/misc/pvh.pandoc` and `public/arch-x86/hvm/start_info.h`; SDM vol. 3, §10.8.5 (long mode).
#![no_std]

pub mod regions;

#[cfg(keel_kernel)]
mod entry;
#[cfg(keel_kernel)]
mod pvh;
#[cfg(keel_kernel)]
pub use pvh::command_line;

/// Where all physical memory is mapped, from the first tables on.
pub const PHYSICAL_MEMORY_OFFSET: u64 = 0xffff_8000_0000_0000;
