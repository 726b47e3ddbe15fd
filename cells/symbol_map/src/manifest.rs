//! What a cell says about itself: `key=value` lines, in a section of its object that is not loaded.
//!
//! ```text
//! name=round_robin
//! version=0.1.0
//! rustc=rustc 1.95.0 (59807616e 2026-04-14) LLVM 22.1.2
//! hash=5f1d0c0de0c0ffee
//! interface=0123456789abcdef
//! unsafe=forbidden
//! needs=sched_policy:89abcdef01234567
//! needs=cell_api:76543210fedcba98
//! ```
//! `name`, `version`, `rustc`, `hash`, `unsafe` appear once each; `interface` once or never; `needs` any number of times.
//!
//! * `hash` seals the whole object file: [`crate::hash`] of the file with these sixteen digits taken as
//!   [`HASH_PLACEHOLDER`]. The host tool writes the placeholder, and `object_linker::seal` puts the digits in.
//! * `interface` and the numbers behind `needs` are the hash of the crate's `lib.rmeta`: what rustc compiled dependants
//!   against. Layouts, inlined bodies and generics of a dependency are all in there, so an equal number means that the code
//!   in this cell fits the code that runs.
//!
//! A key that this kernel does not know is an error: it may be a condition that the kernel would have to check.

use crate::format::UnsafeCode;
use core::fmt;

/// The digits that stand in for `hash=` while the hash is computed.
pub const HASH_PLACEHOLDER: &str = "0000000000000000";
/// No name, version or value is longer, in bytes.
const LONGEST: usize = 128;

/// One interface crate that the cell was compiled against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Need<'a> {
    /// The crate's name, with underscores.
    pub name: &'a str,
    /// Its interface hash at the time.
    pub hash: u64,
}

/// A checked manifest; it borrows the section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manifest<'a> {
    /// The cell's name: its crate's, with underscores.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The compiler, on one line; must equal the base's.
    pub compiler: &'a str,
    /// The seal of the object file.
    pub hash: u64,
    /// The hash of its own interface; 0 if nobody is compiled against it.
    pub interface: u64,
    /// Whether its crate forbids unsafe code.
    pub unsafe_code: UnsafeCode,
    text: &'a str,
}

/// What is wrong with a manifest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ManifestError<'a> {
    /// It is not UTF-8.
    NotText,
    /// This line has no `=`, or an empty or too long value.
    BadLine(&'a str),
    /// This key is not known.
    UnknownKey(&'a str),
    /// This key appears twice.
    Twice(&'static str),
    /// This key is missing.
    Missing(&'static str),
    /// The value of this key does not fit it.
    BadValue(&'static str, &'a str),
}

impl fmt::Display for ManifestError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotText => write!(f, "its manifest is not UTF-8 text"),
            Self::BadLine(line) => {
                write!(f, "its manifest has the line {line:?}; a line is key=value, at most 128 bytes")
            }
            Self::UnknownKey(key) => {
                write!(f, "its manifest has the key {key:?}, which this kernel does not know")
            }
            Self::Twice(key) => write!(f, "its manifest says {key}= twice"),
            Self::Missing(key) => write!(f, "its manifest has no {key}= line"),
            Self::BadValue(key, value) => {
                write!(f, "its manifest says {key}={value}, which is no valid {key}")
            }
        }
    }
}
impl core::error::Error for ManifestError<'_> {}

/// Whether `name` can name a cell: a Rust crate name of at most 64 bytes, with underscores.
#[must_use]
pub fn valid_name(name: &str) -> bool {
    name.len() <= 64
        && name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Sixteen hexadecimal digits, no more, no fewer.
#[must_use]
pub fn parse_hash(text: &str) -> Option<u64> {
    if text.len() != HASH_PLACEHOLDER.len() || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u64::from_str_radix(text, 16).ok()
}

fn parse_need(value: &str) -> Option<Need<'_>> {
    let (name, hash) = value.split_once(':')?;
    Some(Need { name, hash: parse_hash(hash)? }).filter(|_| valid_name(name))
}

fn once<'a, T>(
    slot: &mut Option<T>,
    key: &'static str,
    value: &'a str,
    parsed: Option<T>,
) -> Result<(), ManifestError<'a>> {
    if slot.is_some() {
        return Err(ManifestError::Twice(key));
    }
    *slot = Some(parsed.ok_or(ManifestError::BadValue(key, value))?);
    Ok(())
}

impl<'a> Manifest<'a> {
    /// Reads and checks the contents of the section. Trailing zero bytes are padding.
    ///
    /// # Errors
    /// [`ManifestError`]: the first thing that is wrong.
    pub fn parse(section: &'a [u8]) -> Result<Self, ManifestError<'a>> {
        let text = core::str::from_utf8(section).map_err(|_| ManifestError::NotText)?.trim_end_matches('\0');
        let (mut name, mut version, mut compiler, mut hash, mut interface, mut unsafe_code) =
            (None, None, None, None, None, None);
        for line in text.lines() {
            let (key, value) = line
                .split_once('=')
                .filter(|(_, value)| !value.is_empty() && value.len() <= LONGEST)
                .ok_or(ManifestError::BadLine(line))?;
            let plain = Some(value).filter(|v| v.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
            match key {
                "name" => once(&mut name, "name", value, Some(value).filter(|v| valid_name(v)))?,
                "version" => once(&mut version, "version", value, plain)?,
                "rustc" => once(&mut compiler, "rustc", value, plain)?,
                "hash" => once(&mut hash, "hash", value, parse_hash(value))?,
                "interface" => once(&mut interface, "interface", value, parse_hash(value))?,
                "unsafe" => {
                    let word = [UnsafeCode::Forbidden, UnsafeCode::Allowed]
                        .into_iter()
                        .find(|u| u.as_str() == value);
                    once(&mut unsafe_code, "unsafe", value, word)?;
                }
                "needs" => {
                    parse_need(value).ok_or(ManifestError::BadValue("needs", value))?;
                }
                _ => return Err(ManifestError::UnknownKey(key)),
            }
        }
        Ok(Self {
            name: name.ok_or(ManifestError::Missing("name"))?,
            version: version.ok_or(ManifestError::Missing("version"))?,
            compiler: compiler.ok_or(ManifestError::Missing("rustc"))?,
            hash: hash.ok_or(ManifestError::Missing("hash"))?,
            interface: interface.unwrap_or(0),
            unsafe_code: unsafe_code.ok_or(ManifestError::Missing("unsafe"))?,
            text,
        })
    }

    /// The interface crates that the cell was compiled against.
    pub fn needs(&self) -> impl Iterator<Item = Need<'a>> + use<'a> {
        self.text.lines().filter_map(|line| parse_need(line.strip_prefix("needs=")?))
    }

    /// Where the sixteen digits of `hash=` begin in the section.
    #[must_use]
    pub fn hash_offset(section: &[u8]) -> Option<usize> {
        const KEY: &[u8] = b"hash=";
        let mut at = 0;
        for line in section.split(|&b| b == b'\n') {
            if line.starts_with(KEY) && line.len() >= KEY.len() + HASH_PLACEHOLDER.len() {
                return Some(at + KEY.len());
            }
            at += line.len() + 1;
        }
        None
    }
}

/// A manifest to be written: its `Display` is the section's contents, `hash=` being the placeholder.
#[derive(Clone, Copy, Debug)]
pub struct ManifestText<'a> {
    /// The crate's name, with underscores.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The compiler line.
    pub compiler: &'a str,
    /// The hash of its own `lib.rmeta`.
    pub interface: u64,
    /// Whether the crate forbids unsafe code.
    pub unsafe_code: UnsafeCode,
    /// The crates that it was compiled against (all of the kernel's own, transitively; not core and alloc: these the
    /// compiler line stands for).
    pub needs: &'a [Need<'a>],
}

impl fmt::Display for ManifestText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "name={}\nversion={}\nrustc={}", self.name, self.version, self.compiler)?;
        writeln!(
            f,
            "hash={HASH_PLACEHOLDER}\ninterface={:016x}\nunsafe={}",
            self.interface,
            self.unsafe_code.as_str()
        )?;
        self.needs.iter().try_for_each(|need| writeln!(f, "needs={}:{:016x}", need.name, need.hash))
    }
}
