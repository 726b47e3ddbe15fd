//! The layout of the map's bytes: little endian, fixed-size records, offsets from the start of the blob.
//!
//! ```text
//! header (HEADER bytes)
//!   0  magic "KEELMAP1"          8  total length        16  checksum: hash of all bytes from 24 on
//!  24  image start (virtual)    32  image end
//!  40  compiler: text ref
//!  48  cells: table ref         56  symbols: table ref
//!  64  names: table ref         72  dependencies: table ref
//!  80  text: byte offset u32, length u32
//! tables
//!   cells         CELL bytes each, in the order that symbols refer to
//!   symbols       SYMBOL bytes each, sorted by (address, size)
//!   names         NAME bytes each, sorted by (hash of the name, symbol index): exported symbols alone
//!   dependencies  two u32 each: dependant cell, provider cell; sorted
//! text            UTF-8, referred to by (offset within text, length)
//! ```
//! A table ref is (byte offset u32, number of records u32); a text ref is (offset u32, length u32).

/// First bytes of a map; the digit is the version of this layout.
pub(crate) const MAGIC: &[u8; 8] = b"KEELMAP1";
pub(crate) const HEADER: usize = 88;
/// The checksum covers everything behind itself.
pub(crate) const CHECKED_FROM: usize = 24;
pub(crate) const CELL: usize = 72;
pub(crate) const SYMBOL: usize = 32;
pub(crate) const NAME: usize = 16;
pub(crate) const DEPENDENCY: usize = 8;
/// A symbol that no cell owns (a linker-defined one).
pub(crate) const NO_CELL: u32 = u32::MAX;

/// What a symbol names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SymbolKind {
    /// A function (`STT_FUNC`).
    Function,
    /// Data, read-only or not (`STT_OBJECT`).
    Data,
    /// Anything else: assembly labels without a type, linker-defined symbols.
    Other,
}

impl SymbolKind {
    #[cfg(any(test, feature = "writer"))]
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Other => 0,
            Self::Function => 1,
            Self::Data => 2,
        }
    }
    pub(crate) fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Function,
            2 => Self::Data,
            _ => Self::Other,
        }
    }
}

/// Whether a cell's crate declares `#![forbid(unsafe_code)]`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnsafeCode {
    /// The crate root says `#![forbid(unsafe_code)]`.
    Forbidden,
    /// It does not.
    Allowed,
}

impl UnsafeCode {
    /// The word used in manifests and by `cells --json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forbidden => "forbidden",
            Self::Allowed => "allowed",
        }
    }
}
