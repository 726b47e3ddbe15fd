//! Why a cell was not loaded, or not swapped. Each `Display` is one line that ends what the console prints after
//! `cannot load X: ` or `cannot swap X: `; nothing was changed when one of these is returned.

use crate::cell::Kind;
use alloc::string::String;
use core::fmt;
use object_linker::{LinkError, SealError};

/// Why a file of the archive did not become a cell.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// The file's name is neither `base.map` nor `NAME.cell`.
    UnknownFile,
    /// The archive has a file of this name already; the first one counts.
    Twice,
    /// There is no usable symbol map, so nothing can be resolved.
    NoBaseMap,
    /// The seal does not hold.
    Seal(SealError),
    /// The object cannot be linked.
    Link(LinkError),
    /// The manifest is wrong: says how.
    Manifest(String),
    /// The manifest names another cell than the file's name.
    WrongName(String),
    /// A cell of this name is in the base image.
    InBase,
    /// A cell of this name is live.
    AlreadyLive,
    /// Built by another compiler: (the cell's, the base's).
    Compiler(String, String),
    /// It was built against a crate that is neither in the base nor live.
    NeedMissing(String),
    /// It was built against another state of this crate: name, (its hash, the running one's hash).
    NeedDiffers(String, u64, u64),
    /// Nobody exports this symbol: its demangled name, and the crate that should have it.
    Unresolved(String, Option<String>),
    /// It has no static `CELL` in its root.
    NoEntry,
    /// Its `CELL` is not what it should be: says what is wrong.
    BadEntry(&'static str),
    /// It brings a command that a live cell has: command, cell.
    CommandTaken(String, String),
    /// 256 cells are live.
    TooMany,
    /// The machine refused: no memory, no room for unwind tables.
    Machine(String),
}

impl LoadError {
    /// Whether loading another cell first may help.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::NeedMissing(_) | Self::Unresolved(..))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFile => write!(f, "it is neither base.map nor NAME.cell"),
            Self::Twice => write!(f, "the archive has two files of this name; the first one counts"),
            Self::NoBaseMap => write!(f, "there is no symbol map to resolve its imports with"),
            Self::Seal(error) => error.fmt(f),
            Self::Link(error) => error.fmt(f),
            Self::Manifest(error) => f.write_str(error),
            Self::WrongName(name) => write!(f, "its manifest says that it is {name}; rename the file"),
            Self::InBase => write!(f, "a cell of this name is part of the base image"),
            Self::AlreadyLive => write!(f, "a cell of this name is loaded; use swap to replace it"),
            Self::Compiler(cell, base) => {
                write!(f, "it was built by {cell:?}, the base by {base:?}; build both with one compiler")
            }
            Self::NeedMissing(name) => {
                write!(f, "it needs {name}, which is neither in the base nor loaded")
            }
            Self::NeedDiffers(name, cell, running) => write!(
                f,
                "it was built against {name} {cell:016x}, but {running:016x} is running; build it against this image"
            ),
            Self::Unresolved(symbol, Some(home)) => {
                write!(f, "it imports {symbol}, which {home} should export and no live cell does")
            }
            Self::Unresolved(symbol, None) => write!(f, "it imports {symbol}, which nobody exports"),
            Self::NoEntry => write!(f, "it has no `pub static CELL: Cell` in its root"),
            Self::BadEntry(why) => write!(f, "its CELL {why}"),
            Self::CommandTaken(command, cell) => {
                write!(f, "it brings the command {command}, which {cell} has already")
            }
            Self::TooMany => {
                write!(f, "{} cells are live, which is the most there can be", crate::live::MOST_CELLS)
            }
            Self::Machine(why) => f.write_str(why),
        }
    }
}
impl core::error::Error for LoadError {}

/// Why a swap did not happen.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SwapError {
    /// No live cell has this name.
    NoSuchCell(String),
    /// This cell is part of the base image.
    InBase(String),
    /// The archive has no cell of this name.
    NotInArchive(String),
    /// The new cell cannot be loaded: name, why.
    Load(String, LoadError),
    /// The cells do different jobs: (old, its kind, new, its kind).
    KindsDiffer(String, Kind, String, Kind),
    /// This cell has a task of its own running.
    Runs(String),
    /// This policy is not the one in use: (it, the one in use).
    NotActive(String, Option<String>),
    /// Both are live already, and they are no policies.
    BothLive(String),
    /// Others import from this policy, so that it cannot be handed over.
    PolicyImported(String, String),
    /// A dependant needs a symbol that the new cell does not have, or has otherwise: dependant, symbol, why.
    Incompatible(String, String, &'static str),
    /// A dependant was built against another interface than the new cell has.
    InterfaceDiffers(String),
    /// This cell brings no policy.
    NoPolicy(String),
    /// The machine refused to commit.
    Machine(String),
}

impl fmt::Display for SwapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchCell(name) => write!(f, "no live cell is named {name}; `cells` lists them"),
            Self::InBase(name) => write!(f, "{name} is part of the base image, which cannot be swapped yet"),
            Self::NotInArchive(name) => write!(f, "the archive has no cell named {name}"),
            Self::Load(name, error) => write!(f, "cannot load {name}: {error}"),
            Self::KindsDiffer(old, old_kind, new, new_kind) => {
                write!(f, "{old} is {old_kind} and {new} is {new_kind}; only like can take the place of like")
            }
            Self::Runs(name) => write!(f, "{name} runs a task of its own, which cannot be handed over yet"),
            Self::NotActive(name, Some(active)) => write!(f, "{name} is not the policy in use; {active} is"),
            Self::NotActive(name, None) => write!(f, "{name} is not the policy in use; the built-in one is"),
            Self::BothLive(name) => {
                write!(f, "{name} is live already, beside the cell that it should replace")
            }
            Self::PolicyImported(name, by) => {
                write!(f, "{by} imports from {name}; a policy is handed over alone")
            }
            Self::Incompatible(by, symbol, why) => {
                write!(f, "{by} imports {symbol}, which the new cell {why}")
            }
            Self::InterfaceDiffers(by) => {
                write!(
                    f,
                    "{by} was built against another interface than the new cell has; swap both together"
                )
            }
            Self::NoPolicy(name) => write!(f, "{name} brings no scheduling policy"),
            Self::Machine(why) => f.write_str(why),
        }
    }
}
impl core::error::Error for SwapError {}
