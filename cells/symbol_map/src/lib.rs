//! What the kernel knows about its own image, and what a cell says about itself.
//!
//! Two formats live here because both sides of a build speak them: the host tool writes, the kernel reads.
//!
//! * [`SymbolMap`], the file `base.map` of the archive: every symbol of the linked base image by name (so
//!   that the object linker can resolve a cell's imports) and by address (so that a backtrace has names),
//!   and the table of the cells that the image was made of.
//! * [`Manifest`], the text in section [`MANIFEST_SECTION`] of a `NAME.cell` object.
//!
//! The map is used where it lies: it is sorted by the writer, and a lookup is a binary search over the bytes, with no
//! parse, no allocation and no lock. So it costs nothing at boot but one checksum, and works in a fault handler.
//!
//! Both readers take hostile input: no byte sequence makes them panic or read out of bounds. What a *well-formed*
//! map claims is believed: it is part of the image, like the code whose addresses it lists.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, feature = "writer"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod format;
mod manifest;
mod reader;
#[cfg(any(test, feature = "writer"))]
mod writer;

#[cfg(test)]
mod tests;

pub use format::{SymbolKind, UnsafeCode};
pub use manifest::{HASH_PLACEHOLDER, Manifest, ManifestError, ManifestText, Need, parse_hash, valid_name};
pub use reader::{CellRecord, MapError, Symbol, SymbolMap};
#[cfg(any(test, feature = "writer"))]
pub use writer::{MapBuilder, NewCell, NewSymbol, WriteError};

/// The name of the map in the archive of cells.
pub const MAP_FILE: &str = "base.map";
/// The section of a cell's object that holds its manifest. It must not be allocated (no `SHF_ALLOC`).
pub const MANIFEST_SECTION: &str = ".keel.manifest";
/// What the name of a cell's object in the archive ends with.
pub const CELL_SUFFIX: &str = ".cell";

/// The hash that the whole cell system uses: xxHash64 with seed 0. It finds accidents and stale builds; it is
/// no defence against someone who forges a cell.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh64::xxh64(bytes, 0)
}
