//! Page tables.
//!
//! - [`init`] builds the kernel's first own tables ([`KernelLayout`]) with W^X from the start; `install`
//!   puts them into effect; [`root_for_ap`] makes the variant that other cores start on.
//! - [`attach`], [`protect`], [`detach`] change the entries of pages that the caller owns, without a lock.
//! - [`Unflushed`] and [`Flushed`] stand between unmapping and reuse: the TLB shootdown is the only way from one
//!   to the other.
//! - [`audit`] walks everything and finds what is writable and executable.
//!
//! The walker ([`Mapper`]) is generic over the memory that tables live in, so that the same code runs over the
//! real tables, over a plain simulated memory in its own tests, and over a simulated machine in the tests of
//! others (`host`, in host builds alone).
//!
//! Relies on: `frame_allocator` for tables (reached through the window at `PHYS_OFFSET`), `page_allocator` for
//! who owns a range, `ipi` for the shootdown.
#![no_std]

#[cfg(not(keel_kernel))]
extern crate std;

mod audit;
mod build;
mod edit;
mod entry;
mod flush;
#[cfg(not(keel_kernel))]
pub mod host;
mod install;
mod space;
mod table;
mod walk;

pub use audit::{Audit, Count};
pub use build::{BuildError, KernelLayout, build};
pub use edit::{AttachError, Attributes};
pub use entry::{Entry, EntryState};
#[cfg(keel_kernel)]
pub use flush::all_here as flush_all_here;
pub use flush::{TIMEOUT_NS, Unanswered};
#[cfg(keel_kernel)]
pub use install::install;
pub use install::{ApRoot, ApRootError, root_for_ap};
pub use space::{
    Backing, Flushed, MapError, ProtectError, Unflushed, UnmapError, attach, attach_device, attach_frames,
    attach_owned, audit, detach, init, open_reserve, protect, retire, root, translate,
};
pub use table::{ENTRIES, Level, Table, TableMemory, Window};
pub use walk::{Mapper, Translation, WalkError};

#[cfg(all(test, not(loom)))]
mod tests;
