//! The namespace: the set of loaded cells, and what can be asked of it.
//!
//! Two locks. `cells` is an interrupt-safe spin lock, held for lookups and for moving a finished cell in or out, never while
//! anything is loaded, mapped or waited for. `turn` is a flag that one load or swap holds from begin to end; others sleep
//! until it is free. So what a transaction reads under `cells` stays true until it ends, though the lock is not held.

use crate::archive::Archive;
use crate::cell::{Kind, LoadedCell, Provider, State};
use crate::live::{LiveCells, Location, short};
use crate::names::readable;
use crate::pin::{CellPin, Pinned};
use crate::platform::Platform;
use alloc::{string::String, vec::Vec};
use cell_api::{Bench, Cell, Command};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use irq_lock::IrqLock;
use spin::Once;
use symbol_map::{SymbolMap, UnsafeCode};

pub(crate) struct Cells<P: Platform> {
    pub list: Vec<LoadedCell<P>>,
    /// The cell whose policy the scheduler uses; `None` while it is the built-in one.
    pub active: Option<u64>,
}

/// All cells of one kernel. There is one, in `kernel.rs`; tests make their own.
pub struct Namespace<P: Platform> {
    pub(crate) cells: IrqLock<Cells<P>>,
    pub(crate) live: LiveCells,
    pub(crate) base: Once<SymbolMap<'static>>,
    pub(crate) archive: Once<Archive<'static>>,
    turn: AtomicBool,
    next_id: AtomicU64,
}

/// One row of the `cells` command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CellInfo {
    /// The cell's name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Hash of its object.
    pub hash: u64,
    /// Whether it is part of the base image.
    pub base: bool,
    /// Live, or retiring and why.
    pub state: State,
    /// Whether its crate forbids unsafe code.
    pub unsafe_code: UnsafeCode,
    /// Bytes of code.
    pub text: u64,
    /// Bytes of read-only data.
    pub rodata: u64,
    /// Bytes of writable data.
    pub data: u64,
    /// How many symbols others may import.
    pub exports: usize,
    /// How many symbols it imports.
    pub imports: usize,
    /// The cells that import from it, by name, sorted.
    pub dependants: Vec<String>,
}

/// A policy that can be put to use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyInfo {
    /// The name of its cell.
    pub cell: String,
    /// The name that the policy gives itself.
    pub policy: String,
    /// Whether the scheduler uses it.
    pub active: bool,
}

/// Held by the one load or swap in progress.
struct TurnGuard<'a>(&'a AtomicBool);

impl Drop for TurnGuard<'_> {
    fn drop(&mut self) {
        // Release: the next one sees all that this one did.
        self.0.store(false, Ordering::Release);
    }
}

impl<P: Platform> Default for Namespace<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Platform> Namespace<P> {
    /// An empty namespace: no base, no cells.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            cells: IrqLock::new("cells", Cells { list: Vec::new(), active: None }),
            live: LiveCells::new(),
            base: Once::new(),
            archive: Once::new(),
            turn: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
        }
    }

    /// Runs `f` while no other load or swap is in progress.
    pub(crate) fn in_turn<R>(&self, f: impl FnOnce() -> R) -> R {
        // A turn that its task did not live to end would be the last one, and half a swap is worse than none.
        let mut shield = P::shield();
        while self.turn.swap(true, Ordering::Acquire) {
            // A task that only waits for its turn may be killed.
            drop(shield);
            P::wait();
            shield = P::shield();
        }
        // Dropped before the shield, as locals are: last made, first dropped.
        let _turn = TurnGuard(&self.turn);
        f()
    }

    pub(crate) fn fresh_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// What `address` belongs to: a function of a loaded cell or of the base. Takes no lock and allocates nothing.
    #[must_use]
    pub fn symbolize(&self, address: usize) -> Option<Location> {
        let address = address as u64;
        if let Some(location) = self.live.find(address) {
            return Some(location);
        }
        let base = self.base.get()?;
        let (symbol, offset) = base.at(address)?;
        let cell = symbol.cell.and_then(|index| base.cell(index)).map_or("base", |cell| cell.name);
        Some(Location { cell: short(cell), function: readable(symbol.name), offset })
    }

    /// Every live cell's `items`, each with a pin on its cell.
    fn collect<T>(&self, items: impl Fn(&'static Cell) -> &'static [T]) -> Vec<Pinned<T>> {
        let cells = self.cells.lock();
        let live = cells.list.iter().filter(|c| c.live());
        live.flat_map(|c| items(c.entry).iter().map(|item| Pinned::new(item, CellPin::new(&c.pins))))
            .collect()
    }

    /// All console commands.
    #[must_use]
    pub fn commands(&self) -> Vec<Pinned<Command>> {
        self.collect(Cell::command_list)
    }

    /// The console command named `name`.
    #[must_use]
    pub fn find_command(&self, name: &str) -> Option<Pinned<Command>> {
        let cells = self.cells.lock();
        cells.list.iter().filter(|c| c.live()).find_map(|c| {
            let command = c.entry.command_list().iter().find(|command| command.name == name)?;
            Some(Pinned::new(command, CellPin::new(&c.pins)))
        })
    }

    /// All benchmarks.
    #[must_use]
    pub fn benches(&self) -> Vec<Pinned<Bench>> {
        self.collect(Cell::bench_list)
    }

    /// The entries of the cells that want a task of their own: spawn one for each, with its [`Cell::entry`], that holds the pin.
    #[must_use]
    pub fn programs(&self) -> Vec<Pinned<Cell>> {
        let cells = self.cells.lock();
        let programs = cells.list.iter().filter(|c| c.live() && c.kind == Kind::Program);
        programs.map(|c| Pinned::new(c.entry, CellPin::new(&c.pins))).collect()
    }

    /// A pin on the live cell named `name`.
    #[must_use]
    pub fn pin(&self, name: &str) -> Option<CellPin> {
        let cells = self.cells.lock();
        cells.list.iter().find(|c| c.live() && c.name() == name).map(|c| CellPin::new(&c.pins))
    }

    /// The policies that are loaded.
    #[must_use]
    pub fn policies(&self) -> Vec<PolicyInfo> {
        let cells = self.cells.lock();
        let policies = cells.list.iter().filter(|c| c.live());
        policies
            .filter_map(|c| {
                let factory = c.entry.policy_factory()?;
                let active = cells.active == Some(c.id);
                Some(PolicyInfo { cell: c.name().into(), policy: factory.name.into(), active })
            })
            .collect()
    }

    /// The names of the cells that the archive has, loaded or not.
    #[must_use]
    pub fn archive_names(&self) -> Vec<String> {
        let files = self.archive.get().into_iter().flat_map(Archive::files);
        files.filter_map(|f| f.name.strip_suffix(symbol_map::CELL_SUFFIX).map(String::from)).collect()
    }

    /// Every cell, those of the base first.
    #[must_use]
    pub fn cells(&self) -> Vec<CellInfo> {
        let base = self.base.get();
        let mut rows = Vec::new();
        let cells = self.cells.lock();
        let importers = |provider: &dyn Fn(Provider) -> bool| {
            cells
                .list
                .iter()
                .filter(|c| c.bindings.iter().any(|b| provider(b.provider)))
                .map(|c| String::from(c.name()))
                .collect::<Vec<_>>()
        };
        for (index, cell) in base.into_iter().flat_map(SymbolMap::cells) {
            let mut dependants = importers(&|p| p == Provider::Base(Some(index)));
            let inside = base.into_iter().flat_map(|map| map.dependants(index).filter_map(|i| map.cell(i)));
            dependants.extend(inside.map(|c| String::from(c.name)));
            rows.push(CellInfo {
                name: cell.name.into(),
                version: cell.version.into(),
                hash: cell.hash,
                base: true,
                state: State::Live,
                unsafe_code: cell.unsafe_code,
                text: cell.text,
                rodata: cell.rodata,
                data: cell.data,
                exports: cell.exports as usize,
                imports: cell.imports as usize,
                dependants,
            });
        }
        for c in &cells.list {
            let [text, rodata, data] = c.sizes;
            rows.push(CellInfo {
                name: c.name().into(),
                version: c.version.clone(),
                hash: c.hash,
                base: false,
                state: c.state.clone(),
                unsafe_code: c.unsafe_code,
                text,
                rodata,
                data,
                exports: c.exports.len(),
                imports: c.bindings.len(),
                dependants: importers(&|p| p == Provider::Cell(c.id)),
            });
        }
        drop(cells);
        for row in &mut rows {
            row.dependants.sort_unstable();
            row.dependants.dedup();
        }
        rows
    }

    /// Bytes that the parts of all loaded cells take, whole pages.
    #[must_use]
    pub fn bytes_mapped(&self) -> u64 {
        let cells = self.cells.lock();
        cells.list.iter().flat_map(|c| c.sizes).map(|bytes| bytes.next_multiple_of(4096)).sum()
    }
}
