//! One loaded cell: what the namespace knows of it.

use crate::live::Published;
use crate::pin::Pins;
use crate::platform::Platform;
use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use cell_api::Cell;
use core::fmt;
use core::mem::ManuallyDrop;
use object_linker::{Bases, Kind as SymbolKind, Site};
use symbol_map::UnsafeCode;

/// What a cell does, as far as a swap must know.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// It brings a scheduling policy.
    Policy,
    /// It brings commands or benchmarks.
    Commands,
    /// It runs a task of its own.
    Program,
    /// Others import from it.
    Library,
}

impl Kind {
    pub(crate) fn of(cell: &Cell) -> Self {
        if cell.entry().is_some() {
            Self::Program
        } else if cell.policy_factory().is_some() {
            Self::Policy
        } else if cell.command_list().is_empty() && cell.bench_list().is_empty() {
            Self::Library
        } else {
            Self::Commands
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "a scheduling policy",
            Self::Commands => "a set of commands",
            Self::Program => "a program with a task of its own",
            Self::Library => "a library",
        })
    }
}

/// Why a cell that was replaced is still there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Reason {
    /// These cells still import from it.
    Imported(Vec<String>),
    /// So many users hold a pin on it.
    Pinned(usize),
    /// Its addresses may be anywhere: in a task's stack, in another cell's data. Only policies that import nothing but what cannot
    /// keep an address, and whose instances the scheduler counts, are known to be out of use.
    Untracked,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imported(by) => {
                f.write_str("still imported by")?;
                by.iter().try_for_each(|name| write!(f, " {name}"))
            }
            Self::Pinned(1) => f.write_str("still in use once"),
            Self::Pinned(count) => write!(f, "still in use {count} times"),
            Self::Untracked => f.write_str("a task may still run in it"),
        }
    }
}

/// Where a cell is in its life.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// Found by lookups.
    Live,
    /// Replaced, and kept for this reason.
    Retiring(Reason),
}

/// A symbol that others may import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Export {
    pub name: Box<str>,
    pub address: u64,
    pub size: u64,
    pub kind: SymbolKind,
}

/// Who provides an import.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Provider {
    /// The base image; the index of the cell in its map.
    Base(Option<usize>),
    /// The loaded cell with this id.
    Cell(u64),
}

/// An import and where it leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Binding {
    pub name: Box<str>,
    pub provider: Provider,
    pub address: u64,
}

/// A cell. It goes by `Namespace::dispose`. One that is merely dropped, because a task was unwound in the middle of a load or swap,
/// stays mapped and registered for good: somebody may run in it already.
pub(crate) struct LoadedCell<P: Platform> {
    /// Never used twice, unlike names.
    pub id: u64,
    pub version: String,
    pub hash: u64,
    pub interface: u64,
    pub unsafe_code: UnsafeCode,
    /// Bytes of text, rodata and data.
    pub sizes: [u64; 3],
    pub bases: Bases,
    pub memory: ManuallyDrop<P::Memory>,
    pub frames: Option<P::Frames>,
    pub published: Option<Published>,
    /// Sorted by name.
    pub exports: Vec<Export>,
    /// In the order that `sites` refers to.
    pub bindings: Vec<Binding>,
    pub sites: Vec<Site>,
    pub needs: Vec<(String, u64)>,
    /// Whether nothing that it imports keeps addresses that it is given.
    pub confined: bool,
    pub entry: &'static Cell,
    pub kind: Kind,
    /// Carries the name too.
    pub pins: Arc<Pins>,
    pub state: State,
}

impl<P: Platform> LoadedCell<P> {
    pub fn name(&self) -> &str {
        &self.pins.name
    }

    pub fn live(&self) -> bool {
        self.state == State::Live
    }

    pub fn export(&self, name: &str) -> Option<&Export> {
        let at = self.exports.binary_search_by(|e| (*e.name).cmp(name)).ok()?;
        self.exports.get(at)
    }

    pub fn imports_from(&self, id: u64) -> bool {
        self.bindings.iter().any(|b| b.provider == Provider::Cell(id))
    }

    /// Whether all that anyone can hold of it is its policy's instances, which the scheduler gives back. A policy that could spawn a
    /// task, or register a handler, is none of these.
    pub fn only_policy(&self) -> bool {
        self.kind == Kind::Policy
            && self.confined
            && self.entry.command_list().is_empty()
            && self.entry.bench_list().is_empty()
    }
}
