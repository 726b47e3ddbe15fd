//! Links one ELF64 relocatable object, a cell, into memory.
//!
//! Pure: bytes in, bytes out. It maps nothing, looks no symbol up, and holds no state, so all of it is tested on the host
//! with what rustc really emits. The kernel's `namespace` does the rest.
//!
//! ```text
//!   object (hostile) ──plan()──▶ LinkPlan ──────────────▶ caller: map three parts, look imports up
//!                                   │
//!                                   └─link(bases, imports, images)──▶ bytes of text, rodata, data
//!
//!   text   (RX)  executable sections, then one 8-byte stub per import that is called through PLT32
//!   rodata (R)   read-only sections, then .eh_frame, then its 4-byte zero terminator
//!   data   (RW)  writable sections, then zero-initialised data, then import slots (what GOTPCREL refers to)
//! ```
//!
//! **Imports stay rewritable.** A swap must be able to turn every use of another cell to a new address by storing to
//! naturally aligned words of the data part, and nowhere else. So: GOTPCREL goes through a slot, as the compiler wants;
//! a PLT32 call (rustc emits it for `_Unwind_Resume`, assembly for any call) goes through a stub that jumps through the
//! slot; an absolute word in the data part (a vtable's, a static's) is recorded as an import site. Anything else that
//! would bake an import's address into code or read-only data is refused. [`LinkPlan::sites`] lists them all.
//!
//! **Hostile input.** Every offset, index and size is checked; errors name the section, symbol and offset. Work and
//! memory are bounded by the length of the object: neither sections nor names may share file bytes (beyond the file's size
//! in sum), and the parts together may not exceed [`MOST_BYTES`]. What the code *does* is not checked here, nor can it be: the
//! promise that it is safe Rust comes from the compiler, and the seal ([`verify_seal`]) only finds damage.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod eh_frame;
mod error;
mod layout;
mod object;
mod plan;
mod relocate;
mod seal;
mod symbols;

#[cfg(test)]
mod tests;

pub use error::{LinkError, SealError};
pub use layout::{Layout, MOST_BYTES, Part};
pub use plan::{Import, LinkPlan, Site};
pub use relocate::{Bases, Images};
pub use seal::{seal, verify_seal};
pub use symbols::{Defined, Kind};

/// Checks `object` and plans how it would be linked. Nothing is written anywhere.
///
/// # Errors
/// [`LinkError`]: the first thing that makes it no cell.
pub fn plan(object: &[u8]) -> Result<LinkPlan<'_>, LinkError> {
    LinkPlan::new(object)
}

/// The contents of the manifest section of `object`, without a look at the rest.
///
/// # Errors
/// [`LinkError`] if it is no relocatable object or has no such section.
pub fn manifest_section(object: &[u8]) -> Result<&[u8], LinkError> {
    object::Object::parse(object)?.manifest()
}
