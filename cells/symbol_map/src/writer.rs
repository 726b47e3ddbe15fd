//! Writing a map: the host tool's half.
//!
//! The writer refuses what would make the reader ambiguous: two exports of one name, a symbol of a cell that is not
//! there. Equal input gives equal bytes, whatever the order of the symbols: builds are reproducible.

use crate::format::{
    CELL, CHECKED_FROM, DEPENDENCY, HEADER, MAGIC, NAME, NO_CELL, SYMBOL, SymbolKind, UnsafeCode,
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt;

/// A symbol of the linked image, for [`MapBuilder::symbol`].
#[derive(Clone, Debug)]
pub struct NewSymbol {
    /// Its mangled name.
    pub name: String,
    /// Its virtual address in the linked image.
    pub address: u64,
    /// Its size in bytes, 0 if unknown.
    pub size: u64,
    /// What it names.
    pub kind: SymbolKind,
    /// Whether cells may import it: every global symbol of every rlib, hidden ones of compiler_builtins included.
    pub exported: bool,
    /// The cell that defines it: what [`MapBuilder::cell`] returned.
    pub cell: Option<u32>,
}

/// A cell of the base image, for [`MapBuilder::cell`]. The fields are those of [`crate::CellRecord`].
#[derive(Clone, Debug)]
pub struct NewCell {
    /// The crate's name, with underscores.
    pub name: String,
    /// Its version.
    pub version: String,
    /// [`crate::hash`] of its object file.
    pub hash: u64,
    /// [`crate::hash`] of the rlib's `lib.rmeta`; the same number goes into `needs=` lines of cells built against it.
    pub interface: u64,
    /// Bytes of code.
    pub text: u64,
    /// Bytes of read-only data.
    pub rodata: u64,
    /// Bytes of writable data.
    pub data: u64,
    /// Whether the crate forbids unsafe code.
    pub unsafe_code: UnsafeCode,
    /// How many global symbols it defines.
    pub exports: u32,
    /// How many undefined symbols it has.
    pub imports: u32,
}

/// Why no map was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteError {
    /// Two exported symbols have this name.
    DuplicateExport(String),
    /// Two cells have this name.
    DuplicateCell(String),
    /// A symbol or a dependency names a cell that was not added.
    NoSuchCell(u32),
    /// An exported symbol lies outside the image.
    OutsideImage(String, u64),
    /// More than 4 GiB of names or records.
    TooLarge,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateExport(name) => {
                write!(f, "two exported symbols are named {name}; export one of them")
            }
            Self::DuplicateCell(name) => {
                write!(f, "two cells of the base are named {name}; rename one crate")
            }
            Self::NoSuchCell(index) => write!(f, "cell {index} is referred to but was never added"),
            Self::OutsideImage(name, at) => {
                write!(f, "{name} at {at:#x} lies outside the image; check the linker script's bounds")
            }
            Self::TooLarge => write!(f, "the map would exceed 4 GiB"),
        }
    }
}
impl core::error::Error for WriteError {}

/// Collects the image's symbols and cells and writes the blob.
///
/// ```
/// # use symbol_map::*;
/// let mut map = MapBuilder::new("rustc 1.95.0 (59807616e 2026-04-14) LLVM 22.1.2", 0xffff_ffff_8020_0000, 0xffff_ffff_8090_0000);
/// let core = map.cell(NewCell {
///     name: "core".into(), version: "1.95.0".into(), hash: 1, interface: 2, text: 200_000, rodata: 30_000,
///     data: 0, unsafe_code: UnsafeCode::Allowed, exports: 1, imports: 0,
/// });
/// map.symbol(NewSymbol {
///     name: "_RNvNtCs_4core5panic4main".into(), address: 0xffff_ffff_8020_1000, size: 64,
///     kind: SymbolKind::Function, exported: true, cell: Some(core),
/// });
/// let bytes = map.finish().expect("one symbol, one cell");
/// assert_eq!(SymbolMap::parse(&bytes).expect("just written").export_count(), 1);
/// ```
#[derive(Debug)]
pub struct MapBuilder {
    compiler: String,
    image: (u64, u64),
    cells: Vec<NewCell>,
    symbols: Vec<NewSymbol>,
    dependencies: Vec<(u32, u32)>,
}

/// Names, each kept once.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    known: BTreeMap<String, u32>,
}

impl Text {
    /// Appends the reference to `text` to `out`.
    fn put(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let offset = match self.known.get(text) {
            Some(&offset) => offset,
            None => {
                let offset = u32::try_from(self.bytes.len()).map_err(|_| WriteError::TooLarge)?;
                self.bytes.extend_from_slice(text.as_bytes());
                self.known.insert(text.into(), offset);
                offset
            }
        };
        out.extend_from_slice(&offset.to_le_bytes());
        let length = u32::try_from(text.len()).map_err(|_| WriteError::TooLarge)?;
        out.extend_from_slice(&length.to_le_bytes());
        Ok(())
    }
}

impl MapBuilder {
    /// Starts a map of the image at `[start, end)` built by `compiler` (the same line that goes into the manifests).
    #[must_use]
    pub fn new(compiler: &str, start: u64, end: u64) -> Self {
        Self {
            compiler: compiler.into(),
            image: (start, end),
            cells: Vec::new(),
            symbols: Vec::new(),
            dependencies: Vec::new(),
        }
    }

    /// Adds a cell and returns its index.
    pub fn cell(&mut self, cell: NewCell) -> u32 {
        self.cells.push(cell);
        u32::try_from(self.cells.len() - 1).unwrap_or(NO_CELL)
    }

    /// Adds a symbol.
    pub fn symbol(&mut self, symbol: NewSymbol) {
        self.symbols.push(symbol);
    }

    /// Records that `dependant` imports something from `provider` (indices from [`MapBuilder::cell`]).
    pub fn dependency(&mut self, dependant: u32, provider: u32) {
        self.dependencies.push((dependant, provider));
    }

    /// Writes the blob.
    ///
    /// # Errors
    /// [`WriteError`]: what is ambiguous or out of range.
    pub fn finish(mut self) -> Result<Vec<u8>, WriteError> {
        self.check()?;
        // By address; where several share one, the largest last, then by name, so that the bytes are reproducible.
        self.symbols.sort_by(|a, b| (a.address, a.size, &a.name).cmp(&(b.address, b.size, &b.name)));
        self.dependencies.sort_unstable();
        self.dependencies.dedup();

        let mut text = Text::default();
        let mut compiler = Vec::new();
        text.put(&self.compiler, &mut compiler)?;

        let mut cells = Vec::with_capacity(self.cells.len() * CELL);
        for c in &self.cells {
            text.put(&c.name, &mut cells)?;
            text.put(&c.version, &mut cells)?;
            for word in [c.hash, c.interface, c.text, c.rodata, c.data] {
                cells.extend_from_slice(&word.to_le_bytes());
            }
            let forbids = u32::from(c.unsafe_code == UnsafeCode::Forbidden);
            for word in [c.exports, c.imports, forbids, 0] {
                cells.extend_from_slice(&word.to_le_bytes());
            }
        }

        let mut symbols = Vec::with_capacity(self.symbols.len() * SYMBOL);
        let mut index: Vec<(u64, u32)> = Vec::new();
        for (i, s) in self.symbols.iter().enumerate() {
            symbols.extend_from_slice(&s.address.to_le_bytes());
            symbols.extend_from_slice(&s.size.to_le_bytes());
            text.put(&s.name, &mut symbols)?;
            symbols.extend_from_slice(&s.cell.unwrap_or(NO_CELL).to_le_bytes());
            symbols.extend_from_slice(&[s.kind.code(), u8::from(s.exported), 0, 0]);
            if s.exported {
                index.push((
                    crate::hash(s.name.as_bytes()),
                    u32::try_from(i).map_err(|_| WriteError::TooLarge)?,
                ));
            }
        }
        index.sort_unstable();
        let names: Vec<u8> = index
            .iter()
            .flat_map(|(hash, symbol)| hash.to_le_bytes().into_iter().chain(u64::from(*symbol).to_le_bytes()))
            .collect();
        let dependencies: Vec<u8> = self
            .dependencies
            .iter()
            .flat_map(|(from, to)| from.to_le_bytes().into_iter().chain(to.to_le_bytes()))
            .collect();

        let mut header = Vec::with_capacity(HEADER);
        let mut body = Vec::new();
        header.extend_from_slice(&self.image.0.to_le_bytes());
        header.extend_from_slice(&self.image.1.to_le_bytes());
        header.extend_from_slice(&compiler);
        for (table, size) in [
            (&cells, CELL),
            (&symbols, SYMBOL),
            (&names, NAME),
            (&dependencies, DEPENDENCY),
            (&text.bytes, 1),
        ] {
            let at = u32::try_from(HEADER + body.len()).map_err(|_| WriteError::TooLarge)?;
            let count = u32::try_from(table.len() / size).map_err(|_| WriteError::TooLarge)?;
            header.extend_from_slice(&at.to_le_bytes());
            header.extend_from_slice(&count.to_le_bytes());
            body.extend_from_slice(table);
        }
        header.extend_from_slice(&body);
        let mut blob = Vec::with_capacity(CHECKED_FROM + header.len());
        blob.extend_from_slice(MAGIC);
        blob.extend_from_slice(&((CHECKED_FROM + header.len()) as u64).to_le_bytes());
        blob.extend_from_slice(&crate::hash(&header).to_le_bytes());
        blob.extend_from_slice(&header);
        Ok(blob)
    }

    fn check(&self) -> Result<(), WriteError> {
        let count = self.cells.len();
        let known =
            |cell: u32| if (cell as usize) < count { Ok(()) } else { Err(WriteError::NoSuchCell(cell)) };
        let mut seen = BTreeMap::new();
        for cell in &self.cells {
            if seen.insert(&cell.name, ()).is_some() {
                return Err(WriteError::DuplicateCell(cell.name.clone()));
            }
        }
        let mut exported = BTreeMap::new();
        for symbol in &self.symbols {
            symbol.cell.map_or(Ok(()), known)?;
            if symbol.exported {
                if !(self.image.0..self.image.1).contains(&symbol.address) {
                    return Err(WriteError::OutsideImage(symbol.name.clone(), symbol.address));
                }
                if exported.insert(&symbol.name, ()).is_some() {
                    return Err(WriteError::DuplicateExport(symbol.name.clone()));
                }
            }
        }
        self.dependencies.iter().try_for_each(|&(from, to)| known(from).and_then(|()| known(to)))
    }
}
