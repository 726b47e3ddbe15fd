//! Where things are in the kernel's half of the address space. One table, so that two subsystems cannot
//! claim the same addresses without it showing here.
//!
//! ```text
//! 0xffff_8000_0000_0000  all physical memory, up to 64 TiB      PHYS_OFFSET, PHYS_WINDOW
//! 0xffff_c000_0000_0000  16 GiB: mappings, stacks, devices      DYNAMIC
//! 0xffff_e000_0000_0000  256 GiB: the kernel heap grows here     HEAP
//! 0xffff_ffff_8000_0000  512 MiB: the kernel image (linked)     IMAGE
//! 0xffff_ffff_a000_0000  512 MiB: loaded cells                  CELLS
//! ```
//!
//! `IMAGE` and `CELLS` lie within 2 GiB of one another, as the small code model's 32-bit relative
//! references demand. The lower half is empty in the kernel.
//!
//! A host build (unit tests) has the same map with other numbers, because user space cannot have
//! addresses of the upper half: `paging::host` backs them with real memory.

use crate::range::AddressRange;

/// Physical address `p` can be read and written at `PHYS_OFFSET + p`.
#[cfg(keel_kernel)]
pub const PHYS_OFFSET: u64 = 0xffff_8000_0000_0000;
/// Physical address `p` can be read and written at `PHYS_OFFSET + p`.
#[cfg(not(keel_kernel))]
pub const PHYS_OFFSET: u64 = 0x1000_0000_0000;

/// Bytes of physical address space that the window at [`PHYS_OFFSET`] can hold; memory above is not used.
pub const PHYS_WINDOW: u64 = 1 << 46;

/// Mappings made at run time: `MappedPages`, stacks, device registers.
#[cfg(keel_kernel)]
pub const DYNAMIC: AddressRange = AddressRange::new(0xffff_c000_0000_0000, 0xffff_c004_0000_0000);
/// Mappings made at run time: `MappedPages`, stacks, device registers.
#[cfg(not(keel_kernel))]
pub const DYNAMIC: AddressRange = AddressRange::new(0x2000_0000_0000, 0x2004_0000_0000);

/// The kernel heap.
#[cfg(keel_kernel)]
pub const HEAP: AddressRange = AddressRange::new(0xffff_e000_0000_0000, 0xffff_e040_0000_0000);
/// The kernel heap.
#[cfg(not(keel_kernel))]
pub const HEAP: AddressRange = AddressRange::new(0x3000_0000_0000, 0x3004_0000_0000);

/// The kernel image. Its first 2 MiB stay empty, so that link addresses equal 2 MiB plus physical ones.
pub const IMAGE: AddressRange = AddressRange::new(0xffff_ffff_8000_0000, 0xffff_ffff_a000_0000);

/// Sections of loaded cells.
#[cfg(keel_kernel)]
pub const CELLS: AddressRange = AddressRange::new(0xffff_ffff_a000_0000, 0xffff_ffff_c000_0000);
/// Sections of loaded cells.
#[cfg(not(keel_kernel))]
pub const CELLS: AddressRange = AddressRange::new(0x2800_0000_0000, 0x2800_2000_0000);
