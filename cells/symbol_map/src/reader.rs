//! Reading a map in place.
//!
//! [`SymbolMap::parse`] checks the frame once: magic, length, checksum, and that every table and the text lie inside.
//! Every later access is checked again against the text's bounds, because a checksum proves nothing about intent;
//! a record that points outside yields no symbol.

use crate::format::{
    CELL, CHECKED_FROM, DEPENDENCY, HEADER, MAGIC, NAME, NO_CELL, SYMBOL, SymbolKind, UnsafeCode,
};
use core::fmt;

/// Why a map was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapError {
    /// Shorter than its header, or than its header says: (bytes there, bytes wanted).
    Truncated(usize, usize),
    /// It does not begin with the magic of this version.
    NotAMap,
    /// The checksum is wrong: (stored, computed).
    Corrupt(u64, u64),
    /// A table or the text lies outside the blob; its name.
    TableOutside(&'static str),
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(have, want) => write!(
                f,
                "the symbol map is cut short: {have} bytes of {want}; build the image again with `cargo keel build`"
            ),
            Self::NotAMap => write!(
                f,
                "this is no symbol map of this version of Keel; build the image again with `cargo keel build`"
            ),
            Self::Corrupt(stored, computed) => write!(
                f,
                "the symbol map is damaged (checksum {computed:016x}, it says {stored:016x}); build the image again"
            ),
            Self::TableOutside(table) => {
                write!(f, "the symbol map's table of {table} lies outside it; build the image again")
            }
        }
    }
}
impl core::error::Error for MapError {}

/// One symbol of the base image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol<'a> {
    /// Its mangled name (v0 for Rust), as the object files spell it.
    pub name: &'a str,
    /// Its virtual address in the running image.
    pub address: u64,
    /// Its size in bytes; 0 where the object does not say (assembly labels).
    pub size: u64,
    /// What it names.
    pub kind: SymbolKind,
    /// Whether a cell may import it.
    pub exported: bool,
    /// The index of the cell that defines it, for [`SymbolMap::cell`].
    pub cell: Option<usize>,
}

/// One cell that was linked into the base image.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CellRecord<'a> {
    /// The crate's name, with underscores.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// Hash of its object: equal hashes are equal code.
    pub hash: u64,
    /// Hash of what dependants are compiled against (the rlib's metadata): what a `needs=` line is compared with.
    pub interface: u64,
    /// Bytes of code.
    pub text: u64,
    /// Bytes of read-only data, unwind tables included.
    pub rodata: u64,
    /// Bytes of writable data, zero-initialised data included.
    pub data: u64,
    /// Whether the crate forbids unsafe code.
    pub unsafe_code: UnsafeCode,
    /// How many symbols it exports.
    pub exports: u32,
    /// How many symbols it imports from other cells.
    pub imports: u32,
}

/// A checked view of a map.
#[derive(Clone, Copy, Debug)]
pub struct SymbolMap<'a> {
    image: (u64, u64),
    compiler: &'a str,
    cells: &'a [u8],
    symbols: &'a [u8],
    names: &'a [u8],
    dependencies: &'a [u8],
    text: &'a [u8],
}

/// Little-endian u32 at `at`; `None` outside.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
/// Little-endian u64 at `at`; `None` outside.
fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
fn record(table: &[u8], index: usize, size: usize) -> Option<&[u8]> {
    let start = index.checked_mul(size)?;
    table.get(start..start.checked_add(size)?)
}
/// The number of leading records for which `before` holds, by binary search; bad order gives a wrong number, no more.
fn partition(count: usize, mut before: impl FnMut(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

impl<'a> SymbolMap<'a> {
    /// Checks the frame of `bytes`. Trailing bytes beyond the stated length are ignored (archives pad).
    ///
    /// # Errors
    /// [`MapError`]: what is wrong with the blob.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, MapError> {
        if bytes.len() < HEADER {
            return Err(MapError::Truncated(bytes.len(), HEADER));
        }
        if !bytes.starts_with(MAGIC) {
            return Err(MapError::NotAMap);
        }
        let short = MapError::Truncated(bytes.len(), HEADER);
        let total = u64_at(bytes, 8).and_then(|n| usize::try_from(n).ok()).ok_or(short)?;
        let Some(blob) = bytes.get(..total).filter(|_| total >= HEADER) else {
            return Err(MapError::Truncated(bytes.len(), total));
        };
        let stored = u64_at(blob, 16).ok_or(short)?;
        let computed = crate::hash(blob.get(CHECKED_FROM..).unwrap_or_default());
        if stored != computed {
            return Err(MapError::Corrupt(stored, computed));
        }
        let table = |at: usize, size: usize, what: &'static str| {
            let start = u32_at(blob, at).ok_or(short)? as usize;
            let count = u32_at(blob, at + 4).ok_or(short)? as usize;
            count
                .checked_mul(size)
                .and_then(|length| start.checked_add(length))
                .and_then(|end| blob.get(start..end))
                .ok_or(MapError::TableOutside(what))
        };
        let text = table(80, 1, "text")?;
        let mut map = Self {
            image: (u64_at(blob, 24).ok_or(short)?, u64_at(blob, 32).ok_or(short)?),
            compiler: "",
            cells: table(48, CELL, "cells")?,
            symbols: table(56, SYMBOL, "symbols")?,
            names: table(64, NAME, "names")?,
            dependencies: table(72, DEPENDENCY, "dependencies")?,
            text,
        };
        map.compiler = map.text_at(blob, 40).ok_or(MapError::TableOutside("text"))?;
        Ok(map)
    }

    fn text_at(&self, bytes: &[u8], at: usize) -> Option<&'a str> {
        let start = u32_at(bytes, at)? as usize;
        let length = u32_at(bytes, at + 4)? as usize;
        core::str::from_utf8(self.text.get(start..start.checked_add(length)?)?).ok()
    }

    /// First and one-past-last virtual address of the image that the map describes.
    #[must_use]
    pub fn image(&self) -> (u64, u64) {
        self.image
    }

    /// The exact compiler that the image was built with, as `rustc -vV` words it on one line.
    #[must_use]
    pub fn compiler(&self) -> &'a str {
        self.compiler
    }

    /// How many cells the image was made of.
    #[must_use]
    pub fn cell_count(&self) -> usize {
        self.cells.len() / CELL
    }

    /// How many symbols the map lists.
    #[must_use]
    pub fn symbol_count(&self) -> usize {
        self.symbols.len() / SYMBOL
    }

    /// How many of them cells may import.
    #[must_use]
    pub fn export_count(&self) -> usize {
        self.names.len() / NAME
    }

    /// The cell at `index`; `None` past the end or where the record is malformed.
    #[must_use]
    pub fn cell(&self, index: usize) -> Option<CellRecord<'a>> {
        let r = record(self.cells, index, CELL)?;
        Some(CellRecord {
            name: self.text_at(r, 0)?,
            version: self.text_at(r, 8)?,
            hash: u64_at(r, 16)?,
            interface: u64_at(r, 24)?,
            text: u64_at(r, 32)?,
            rodata: u64_at(r, 40)?,
            data: u64_at(r, 48)?,
            exports: u32_at(r, 56)?,
            imports: u32_at(r, 60)?,
            unsafe_code: if u32_at(r, 64)? == 1 { UnsafeCode::Forbidden } else { UnsafeCode::Allowed },
        })
    }

    /// All cells, with their indices.
    pub fn cells(&self) -> impl Iterator<Item = (usize, CellRecord<'a>)> + '_ {
        (0..self.cell_count()).filter_map(|i| Some((i, self.cell(i)?)))
    }

    /// The cell named `name`.
    #[must_use]
    pub fn find_cell(&self, name: &str) -> Option<(usize, CellRecord<'a>)> {
        // The names first: a record is not decoded for each cell that is another one.
        let named = |i: &usize| record(self.cells, *i, CELL).and_then(|r| self.text_at(r, 0)) == Some(name);
        let index = (0..self.cell_count()).find(named)?;
        Some((index, self.cell(index)?))
    }

    /// The cells that import from the cell at `provider`, as indices.
    pub fn dependants(&self, provider: usize) -> impl Iterator<Item = usize> + 'a {
        self.dependencies.as_chunks::<DEPENDENCY>().0.iter().filter_map(move |pair| {
            (u32_at(pair, 4)? as usize == provider).then_some(u32_at(pair, 0)? as usize)
        })
    }

    fn symbol(&self, index: usize) -> Option<Symbol<'a>> {
        let r = record(self.symbols, index, SYMBOL)?;
        let cell = u32_at(r, 24)?;
        Some(Symbol {
            address: u64_at(r, 0)?,
            size: u64_at(r, 8)?,
            name: self.text_at(r, 16)?,
            cell: (cell != NO_CELL).then_some(cell as usize),
            kind: SymbolKind::from_code(*r.get(28)?),
            exported: *r.get(29)? != 0,
        })
    }

    /// All symbols, in the order of their addresses.
    pub fn symbols(&self) -> impl Iterator<Item = Symbol<'a>> + '_ {
        (0..self.symbol_count()).filter_map(|i| self.symbol(i))
    }

    /// The exported symbol whose mangled name is `name`; its address lies within [`SymbolMap::image`].
    #[must_use]
    pub fn find(&self, name: &str) -> Option<Symbol<'a>> {
        let wanted = crate::hash(name.as_bytes());
        let count = self.export_count();
        let key = |i: usize| record(self.names, i, NAME).and_then(|r| u64_at(r, 0));
        let first = partition(count, |i| key(i).is_some_and(|k| k < wanted));
        (first..count)
            .take_while(|&i| key(i) == Some(wanted))
            .filter_map(|i| self.symbol(u32_at(record(self.names, i, NAME)?, 8)? as usize))
            .find(|s| s.name == name && self.in_image(s.address))
    }

    /// The symbol that `address` lies in, and the offset into it. A symbol without a size reaches up to the next.
    #[must_use]
    pub fn at(&self, address: u64) -> Option<(Symbol<'a>, u64)> {
        if !self.in_image(address) {
            return None;
        }
        let start = |i: usize| record(self.symbols, i, SYMBOL).and_then(|r| u64_at(r, 0));
        let after = partition(self.symbol_count(), |i| start(i).is_some_and(|a| a <= address));
        // The sort puts the largest of those that share an address last; a label may lie inside a function, so
        // look back a little for one that covers the address.
        (after.saturating_sub(LOOK_BACK)..after).rev().filter_map(|i| self.symbol(i)).find_map(|s| {
            let offset = address.checked_sub(s.address)?;
            (s.size == 0 || offset < s.size).then_some((s, offset))
        })
    }

    fn in_image(&self, address: u64) -> bool {
        (self.image.0..self.image.1).contains(&address)
    }
}

/// How many symbols before the nearest one [`SymbolMap::at`] considers.
const LOOK_BACK: usize = 8;
