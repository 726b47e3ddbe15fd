//! The archive of cells: a plain tar, read as hostile input.
//!
//! A damaged archive is used as far as it goes: up to the first header that makes no sense. What was lost is reported as
//! a [`Damage`], what is there is offered file by file.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::fmt;
use tar_no_std::{CorruptDataError, TarArchiveRef};

/// Tar's unit.
const BLOCK: usize = 512;
/// Two zero blocks end an archive.
const END: usize = 2 * BLOCK;

/// What is wrong with an archive as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Damage {
    /// It is empty, or no tar at all.
    NoArchive,
    /// It is readable up to this byte.
    CutAt(usize),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoArchive => {
                write!(f, "the archive of cells is empty or no tar file; build it with `cargo keel build`")
            }
            Self::CutAt(byte) => {
                write!(
                    f,
                    "the archive of cells is damaged at byte {byte}; what follows is lost, what precedes is used"
                )
            }
        }
    }
}

/// A file of the archive.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// Its name, without a leading `./`; readable even where it is no UTF-8.
    pub name: String,
    /// Its contents.
    pub bytes: &'a [u8],
}

/// The archive's files, in order, and what was lost.
#[derive(Debug)]
pub struct Archive<'a> {
    tar: Option<TarArchiveRef<'a>>,
    /// What is wrong with it, if anything.
    pub damage: Option<Damage>,
}

impl Archive<'static> {
    /// Reads `bytes`. A damaged archive is copied up to the damage and kept for good, because cells are reloaded from it.
    #[must_use]
    pub fn new(bytes: &'static [u8]) -> Self {
        match TarArchiveRef::new(bytes) {
            Ok(tar) => Self { tar: Some(tar), damage: None },
            Err(error) => Self::salvage(bytes, error),
        }
    }

    fn salvage(bytes: &'static [u8], error: CorruptDataError) -> Self {
        let whole = bytes.len() / BLOCK * BLOCK;
        let good = match error {
            CorruptDataError::EmptyArchive => 0,
            CorruptDataError::InvalidBlockSize if whole > 0 => match TarArchiveRef::new(&bytes[..whole]) {
                Ok(tar) => return Self { tar: Some(tar), damage: None },
                Err(error) => return Self::salvage(&bytes[..whole], error),
            },
            CorruptDataError::InvalidBlockSize => 0,
            CorruptDataError::InvalidChecksum { block_index }
            | CorruptDataError::InvalidTypeFlag { block_index }
            | CorruptDataError::InvalidPayloadSize { block_index }
            | CorruptDataError::PayloadExtendsBeyondArchive { block_index } => {
                block_index.saturating_mul(BLOCK).min(whole)
            }
            CorruptDataError::TooShort { .. } | CorruptDataError::MissingTerminator => whole,
        };
        if good == 0 {
            return Self { tar: None, damage: Some(Damage::NoArchive) };
        }
        let mut copy = Vec::with_capacity(good + END);
        copy.extend_from_slice(&bytes[..good]);
        copy.resize(good + END, 0);
        let tar = TarArchiveRef::new(Box::leak(copy.into_boxed_slice())).ok();
        let damage = if tar.is_some() { Damage::CutAt(good) } else { Damage::NoArchive };
        Self { tar, damage: Some(damage) }
    }

    /// The files, in order.
    pub fn files(&self) -> impl Iterator<Item = File<'static>> + '_ {
        self.tar.iter().flat_map(|tar| tar.entries()).map(|entry| {
            let name = entry.filename();
            let name = name.as_str().map_or_else(|_| String::from("(a name that is no UTF-8)"), String::from);
            let name = name.strip_prefix("./").map(String::from).unwrap_or(name);
            File { name, bytes: entry.data() }
        })
    }
}
