//! Why an object cannot be linked. Every message names the place, so that whoever built the object can find it.

use alloc::string::String;
use core::fmt;

/// Why an object is no cell.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LinkError {
    /// Not an ELF64 little-endian file, or cut short.
    NotElf,
    /// ELF, but not a relocatable for x86-64: (e_type, e_machine).
    WrongKind(u16, u16),
    /// The table of sections, or its names, cannot be read.
    BadSectionTable,
    /// This section lies outside the file.
    SectionOutside(usize),
    /// The sections together claim more bytes than the file has.
    SectionsOverlap,
    /// The names of sections or of symbols together claim more bytes than the file has.
    NamesOverlap,
    /// This section has a property that a cell may not have.
    BadSection(String, &'static str),
    /// There is no symbol table, or more than one, or it cannot be read.
    BadSymbolTable,
    /// This symbol (by index, and name if it has one) is malformed.
    BadSymbol(usize, String, &'static str),
    /// Two exported symbols have this name.
    DuplicateSymbol(String),
    /// The object has no section of this name.
    NoSection(&'static str),
    /// The unwind table is malformed at this offset.
    BadEhFrame(usize, &'static str),
    /// The cell would need this many bytes of memory, more than [`crate::MOST_BYTES`].
    TooLarge(u64),
    /// A relocation cannot be done: section, offset in it, type, why.
    BadRelocation(String, u64, u32, &'static str),
    /// A relocation's value does not fit its field: section, offset, type, symbol.
    OutOfRange(String, u64, u32, String),
    /// The memory given does not fit the plan.
    WrongImage(&'static str),
}

impl fmt::Display for LinkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => write!(f, "it is no ELF64 file, or it is cut short"),
            Self::WrongKind(kind, machine) => {
                write!(f, "it is no relocatable x86-64 object (type {kind}, machine {machine})")
            }
            Self::BadSectionTable => write!(f, "its section table cannot be read; the file is damaged"),
            Self::SectionOutside(index) => write!(f, "its section {index} lies outside the file"),
            Self::SectionsOverlap => write!(f, "its sections claim more bytes than the file has"),
            Self::NamesOverlap => write!(f, "its names claim more bytes than the file has"),
            Self::BadSection(name, why) => write!(f, "its section {name} {why}"),
            Self::BadSymbolTable => write!(f, "its symbol table is missing or cannot be read"),
            Self::BadSymbol(index, name, why) => write!(f, "its symbol {index} ({name}) {why}"),
            Self::DuplicateSymbol(name) => write!(f, "it defines {name} twice"),
            Self::NoSection(name) => write!(f, "it has no section {name}; build it with `cargo keel build`"),
            Self::BadEhFrame(at, why) => write!(f, "its unwind table at offset {at:#x} {why}"),
            Self::TooLarge(bytes) => {
                write!(f, "it would need {bytes} bytes of memory; a cell may have {}", crate::MOST_BYTES)
            }
            Self::BadRelocation(section, at, kind, why) => {
                write!(f, "its relocation of type {kind} at {section}+{at:#x} {why}")
            }
            Self::OutOfRange(section, at, kind, symbol) => {
                write!(f, "its relocation of type {kind} at {section}+{at:#x} cannot reach {symbol}")
            }
            Self::WrongImage(part) => {
                write!(f, "the memory given for its {part} does not have the planned size")
            }
        }
    }
}
impl core::error::Error for LinkError {}

/// Why an object's seal could not be set or does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SealError {
    /// No manifest could be found.
    Object(LinkError),
    /// The manifest has no `hash=` line with sixteen digits.
    NoHash,
    /// The file's hash is not what its manifest says: (says, is).
    Broken(u64, u64),
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(error) => error.fmt(f),
            Self::NoHash => write!(f, "its manifest has no hash= line of sixteen digits"),
            Self::Broken(says, is) => {
                write!(
                    f,
                    "it is damaged: its hash is {is:016x}, its manifest says {says:016x}; build it again"
                )
            }
        }
    }
}
impl core::error::Error for SealError {}

impl From<LinkError> for SealError {
    fn from(error: LinkError) -> Self {
        Self::Object(error)
    }
}
