//! Loading the archive at boot: every good cell, in whatever order makes the imports meet.

use crate::archive::{Archive, Damage, File};
use crate::cell::{Kind, LoadedCell};
use crate::error::LoadError;
use crate::platform::Platform;
use crate::space::Namespace;
use alloc::{collections::BTreeSet, string::String, vec::Vec};
use core::fmt;
use symbol_map::{MAP_FILE, MapError, SymbolMap};

/// Why there is no symbol map.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BaseError {
    /// The archive has no `base.map`.
    Missing,
    /// It is malformed.
    Map(MapError),
    /// It describes another image than the one that runs.
    Foreign,
    /// A map was given before.
    Twice,
}

impl fmt::Display for BaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => write!(
                f,
                "the archive has no {MAP_FILE}, so no cell can be linked; build it with `cargo keel build`"
            ),
            Self::Map(error) => error.fmt(f),
            Self::Foreign => {
                write!(f, "{MAP_FILE} describes another image than this; use image and archive of one build")
            }
            Self::Twice => write!(f, "an archive was loaded before; {MAP_FILE} of this one is not used"),
        }
    }
}
impl core::error::Error for BaseError {}

/// A cell that was loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it does.
    pub kind: Kind,
    /// Bytes of text, rodata and data together.
    pub bytes: u64,
}

/// What became of one file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileReport {
    /// Its name in the archive.
    pub file: String,
    /// The cell, or why there is none.
    pub result: Result<Loaded, LoadError>,
}

/// What became of an archive.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArchiveReport {
    /// What is wrong with the archive as a whole.
    pub damage: Option<Damage>,
    /// How many symbols the base exports.
    pub base: Result<usize, BaseError>,
    /// The other files: those that loaded in the order in which they did, then those that did not.
    pub files: Vec<FileReport>,
    /// What it took, in nanoseconds.
    pub ns: u64,
}

impl ArchiveReport {
    /// The cells that were loaded.
    pub fn loaded(&self) -> impl Iterator<Item = &Loaded> {
        self.files.iter().filter_map(|f| f.result.as_ref().ok())
    }
    /// The files that were not, and why.
    pub fn refused(&self) -> impl Iterator<Item = (&str, &LoadError)> {
        self.files.iter().filter_map(|f| Some((f.file.as_str(), f.result.as_ref().err()?)))
    }
}

/// A line on what was loaded, and one for each thing that is wrong.
impl fmt::Display for ArchiveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cells: {} loaded", self.loaded().count())?;
        for (i, cell) in self.loaded().enumerate() {
            write!(f, "{}{}", if i == 0 { " (" } else { " " }, cell.name)?;
        }
        if self.loaded().next().is_some() {
            f.write_str(")")?;
        }
        let bytes: u64 = self.loaded().map(|cell| cell.bytes).sum();
        let micros = self.ns / 1_000;
        write!(f, ", {} KiB, in {}.{:03} ms", bytes.div_ceil(1024), micros / 1_000, micros % 1_000)?;
        match &self.base {
            Ok(exports) => writeln!(f, "; the base exports {exports} symbols")?,
            Err(error) => writeln!(f, "\ncells: {error}")?,
        }
        if let Some(damage) = &self.damage {
            writeln!(f, "cells: {damage}")?;
        }
        self.refused().try_for_each(|(file, error)| writeln!(f, "cells: cannot load {file}: {error}"))
    }
}

impl<P: Platform> Namespace<P> {
    /// Loads every cell of the archive that can be loaded; the others are reported and change nothing. The archive stays in use:
    /// cells are reloaded from it.
    pub fn load_archive(&self, bytes: &'static [u8]) -> ArchiveReport {
        self.in_turn(|| self.load_in_turn(bytes))
    }

    fn load_in_turn(&self, bytes: &'static [u8]) -> ArchiveReport {
        let start = P::now_ns();
        let archive = Archive::new(bytes);
        let base = self.take_base(&archive);
        let mut files = Vec::new();

        let mut seen = BTreeSet::new();
        let mut pending: Vec<File<'static>> = Vec::new();
        for file in archive.files() {
            if !seen.insert(file.name.clone()) {
                files.push(FileReport { file: file.name, result: Err(LoadError::Twice) });
            } else if file.name != MAP_FILE {
                pending.push(file);
            }
        }

        // A cell whose imports are not there yet waits for another round; the rounds end when one loads nothing.
        let mut refused = Vec::new();
        loop {
            let before = pending.len();
            let mut waiting = Vec::new();
            let mut loaded_one = false;
            for file in pending {
                match self.load_one(&file) {
                    Ok(loaded) => {
                        loaded_one = true;
                        files.push(FileReport { file: file.name, result: Ok(loaded) });
                    }
                    Err(error) if error.may_pass() => waiting.push((file, error)),
                    Err(error) => refused.push(FileReport { file: file.name, result: Err(error) }),
                }
            }
            if !loaded_one || waiting.is_empty() || waiting.len() == before {
                refused.extend(waiting.into_iter().map(|(f, e)| FileReport { file: f.name, result: Err(e) }));
                break;
            }
            pending = waiting.into_iter().map(|(file, _)| file).collect();
        }
        files.append(&mut refused);
        // Those that loaded first: a stable sort keeps their order.
        files.sort_by_key(|f| f.result.is_err());

        let damage = archive.damage;
        self.archive.call_once(|| archive);
        ArchiveReport { damage, base, files, ns: P::now_ns().saturating_sub(start) }
    }

    fn take_base(&self, archive: &Archive<'static>) -> Result<usize, BaseError> {
        let file = archive.files().find(|f| f.name == MAP_FILE).ok_or(BaseError::Missing)?;
        let map = SymbolMap::parse(file.bytes).map_err(BaseError::Map)?;
        if !P::is_own(&map) {
            return Err(BaseError::Foreign);
        }
        if self.base.is_completed() {
            return Err(BaseError::Twice);
        }
        Ok(self.base.call_once(|| map).export_count())
    }

    fn load_one(&self, file: &File<'_>) -> Result<Loaded, LoadError> {
        let name = file.name.strip_suffix(symbol_map::CELL_SUFFIX).ok_or(LoadError::UnknownFile)?;
        if self.cells.lock().list.iter().any(|c| c.live() && c.name() == name) {
            return Err(LoadError::AlreadyLive);
        }
        let cell: LoadedCell<P> = self.stage(file, &[])?;
        let loaded = Loaded {
            name: cell.name().into(),
            version: cell.version.clone(),
            kind: cell.kind,
            bytes: cell.sizes.iter().sum(),
        };
        self.cells.lock().list.push(cell);
        Ok(loaded)
    }
}
