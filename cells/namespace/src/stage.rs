//! From a file to a cell that could run: checked, resolved, mapped, linked, protected, its unwind tables known. Nobody can reach it
//! yet; [`Namespace::dispose`] undoes all of it.

use crate::archive::File;
use crate::cell::{Binding, Export, Kind, LoadedCell, Provider, State};
use crate::error::LoadError;
use crate::live::Index;
use crate::names::{home, is_entry, readable};
use crate::pin::Pins;
use crate::platform::Platform;
use crate::space::Namespace;
use alloc::{boxed::Box, format, string::String, vec::Vec};
use cell_api::{CELL_MAGIC, Cell};
use core::mem::ManuallyDrop;
use object_linker::{Defined, LinkPlan, Part, plan, verify_seal};
use symbol_map::{CELL_SUFFIX, Manifest, SymbolMap};

impl<P: Platform> Namespace<P> {
    /// Makes a cell of `file`. Cells in `leaving` are about to be replaced: nothing is resolved to them, and what they offer may be
    /// offered again.
    pub(crate) fn stage(&self, file: &File<'_>, leaving: &[u64]) -> Result<LoadedCell<P>, LoadError> {
        let name = file.name.strip_suffix(CELL_SUFFIX).ok_or(LoadError::UnknownFile)?;
        let base = self.base.get().ok_or(LoadError::NoBaseMap)?;
        let hash = verify_seal(file.bytes).map_err(LoadError::Seal)?;
        let plan = plan(file.bytes).map_err(LoadError::Link)?;
        let manifest =
            Manifest::parse(plan.manifest()).map_err(|error| LoadError::Manifest(format!("{error}")))?;
        if manifest.name != name {
            return Err(LoadError::WrongName(manifest.name.into()));
        }
        self.check_manifest(&manifest, base, leaving)?;
        let entry = find_entry(&plan, name)?;
        let bindings = self.resolve(&plan, base, leaving)?;
        self.build(&plan, &manifest, hash, entry, bindings, leaving)
    }

    fn check_manifest(
        &self,
        manifest: &Manifest<'_>,
        base: &SymbolMap<'_>,
        leaving: &[u64],
    ) -> Result<(), LoadError> {
        if manifest.compiler != base.compiler() {
            return Err(LoadError::Compiler(manifest.compiler.into(), base.compiler().into()));
        }
        if base.find_cell(manifest.name).is_some() {
            return Err(LoadError::InBase);
        }
        // What lies at its entry is taken for a `Cell` on this line's word.
        if manifest.needs().all(|need| need.name != INTERFACE) {
            return Err(LoadError::Manifest(format!("its manifest has no needs={INTERFACE} line")));
        }
        for need in manifest.needs() {
            let loaded = {
                let cells = self.cells.lock();
                let mut usable = cells.list.iter().filter(|c| c.live() && !leaving.contains(&c.id));
                usable.find(|c| c.name() == need.name).map(|c| c.interface)
            };
            let running = loaded.or_else(|| base.find_cell(need.name).map(|(_, cell)| cell.interface));
            match running {
                None => return Err(LoadError::NeedMissing(need.name.into())),
                Some(running) if running != need.hash => {
                    return Err(LoadError::NeedDiffers(need.name.into(), need.hash, running));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Where each import leads: to the base if it exports it, so that no cell comes between others and the base, else to a live cell.
    fn resolve(
        &self,
        plan: &LinkPlan<'_>,
        base: &SymbolMap<'_>,
        leaving: &[u64],
    ) -> Result<Vec<Binding>, LoadError> {
        let mut bindings = Vec::with_capacity(plan.imports().len());
        for import in plan.imports() {
            let found = base.find(import.name).map(|s| (s.address, Provider::Base(s.cell))).or_else(|| {
                let cells = self.cells.lock();
                let mut usable = cells.list.iter().filter(|c| c.live() && !leaving.contains(&c.id));
                usable.find_map(|c| c.export(import.name).map(|e| (e.address, Provider::Cell(c.id))))
            });
            let Some((address, provider)) = found else {
                let readable = String::from(readable::<192>(import.name).as_str());
                return Err(LoadError::Unresolved(
                    readable,
                    home(import.name).map(|h| String::from(h.as_str())),
                ));
            };
            bindings.push(Binding { name: import.name.into(), provider, address });
        }
        Ok(bindings)
    }

    fn build(
        &self,
        plan: &LinkPlan<'_>,
        manifest: &Manifest<'_>,
        hash: u64,
        entry: (Part, u64),
        bindings: Vec<Binding>,
        leaving: &[u64],
    ) -> Result<LoadedCell<P>, LoadError> {
        let layout = plan.layout();
        let mut memory = P::map(layout).map_err(LoadError::Machine)?;
        let bases = P::bases(&memory);
        let addresses: Vec<u64> = bindings.iter().map(|b| b.address).collect();
        let images = P::images(&mut memory).map_err(LoadError::Machine)?;
        plan.link(bases, &addresses, images).map_err(LoadError::Link)?;
        check_magic::<P>(&mut memory, entry)?;
        P::protect(&mut memory).map_err(LoadError::Machine)?;

        let cell = P::entry(&memory, entry.0, entry.1);
        if cell.name() != manifest.name {
            return Err(LoadError::BadEntry("gives itself another name than its manifest"));
        }
        self.check_commands(cell, leaving)?;

        let mut exports: Vec<Export> = plan
            .exports()
            .map(|s| Export {
                name: s.name.into(),
                address: bases.address(s.part, s.offset),
                size: s.size,
                kind: s.kind,
            })
            .collect();
        exports.sort_unstable_by(|a, b| a.name.cmp(&b.name));

        let base = self.base.get();
        let confined = base.is_some_and(|base| bindings.iter().all(|b| keeps_nothing(b, base)));
        let mut loaded = LoadedCell {
            id: self.fresh_id(),
            version: manifest.version.into(),
            hash,
            interface: manifest.interface,
            unsafe_code: manifest.unsafe_code,
            sizes: [layout.text, layout.rodata, layout.data],
            bases,
            memory: ManuallyDrop::new(memory),
            frames: None,
            published: None,
            exports,
            bindings,
            sites: plan.sites().to_vec(),
            needs: manifest.needs().map(|n| (n.name.into(), n.hash)).collect(),
            confined,
            entry: cell,
            kind: Kind::of(cell),
            pins: Pins::new(manifest.name),
            state: State::Live,
        };
        // From here on an error must dispose of the cell: others can find it.
        match self.announce(&mut loaded, plan) {
            Ok(()) => Ok(loaded),
            Err(error) => {
                self.dispose(loaded);
                Err(error)
            }
        }
    }

    /// Makes the unwinder and backtraces know the cell.
    fn announce(&self, cell: &mut LoadedCell<P>, plan: &LinkPlan<'_>) -> Result<(), LoadError> {
        cell.frames = P::register(&cell.memory, plan.layout()).map_err(LoadError::Machine)?;
        let index = Box::new(Index::new(cell.name(), cell.bases.text, plan));
        cell.published = Some(self.live.publish(index).map_err(|_| LoadError::TooMany)?);
        Ok(())
    }

    fn check_commands(&self, cell: &Cell, leaving: &[u64]) -> Result<(), LoadError> {
        let cells = self.cells.lock();
        for other in cells.list.iter().filter(|c| c.live() && !leaving.contains(&c.id)) {
            let taken = |name: &str| other.entry.command_list().iter().any(|theirs| theirs.name == name);
            if let Some(ours) = cell.command_list().iter().find(|ours| taken(ours.name)) {
                return Err(LoadError::CommandTaken(ours.name.into(), other.name().into()));
            }
        }
        Ok(())
    }

    /// Takes a cell that nobody uses apart: first what leads to it, then, after a grace period, its memory. If a core never passes
    /// the grace period, the memory is leaked on purpose, and said so.
    ///
    /// Says whether the memory was freed.
    pub(crate) fn dispose(&self, cell: LoadedCell<P>) -> bool {
        let name = cell.pins.clone();
        let index = cell.published.and_then(|published| self.live.withdraw(published));
        // Not dropped by an unwind either: only after the grace period does nobody read it.
        let frames = ManuallyDrop::new(cell.frames.map(P::withdraw));
        let passed = match index {
            Some(index) => index.free_after_grace::<P>(),
            None => P::grace(),
        };
        if let Err(why) = passed {
            log::error!("cell {}: its memory is not freed: {why}", name.name);
            return false;
        }
        drop((ManuallyDrop::into_inner(frames), ManuallyDrop::into_inner(cell.memory)));
        true
    }
}

/// The crate that defines [`Cell`].
const INTERFACE: &str = "cell_api";

/// Whether what `binding` leads to keeps no address that it is given: the runtime's own symbols, which have no mangled names or belong
/// to `__rustc`, and crates that have nowhere to keep one (`log` has one place, which is taken at boot).
fn keeps_nothing(binding: &Binding, base: &SymbolMap<'_>) -> bool {
    const CRATES: [&str; 5] = ["core", "alloc", "core_local", "sched_policy", "log"];
    let Provider::Base(cell) = binding.provider else { return false };
    let runtime = !binding.name.starts_with("_R") || binding.name.contains("___rustc");
    runtime || cell.and_then(|i| base.cell(i)).is_some_and(|cell| CRATES.contains(&cell.name))
}

/// Finds `<name>::CELL` and checks all that the symbol tells.
fn find_entry(plan: &LinkPlan<'_>, name: &str) -> Result<(Part, u64), LoadError> {
    let entry: &Defined<'_> = plan.exports().find(|s| is_entry(s.name, name)).ok_or(LoadError::NoEntry)?;
    if entry.part == Part::Text {
        return Err(LoadError::BadEntry("is code"));
    }
    if entry.size != size_of::<Cell>() as u64 {
        return Err(LoadError::BadEntry("has another size than cell_api's Cell"));
    }
    if !entry.offset.is_multiple_of(align_of::<Cell>() as u64) {
        return Err(LoadError::BadEntry("is not aligned"));
    }
    Ok((entry.part, entry.offset))
}

/// The first eight bytes, read as bytes before anybody believes that a `Cell` is there.
fn check_magic<P: Platform>(memory: &mut P::Memory, (part, offset): (Part, u64)) -> Result<(), LoadError> {
    let images = P::images(memory).map_err(LoadError::Machine)?;
    let image: &[u8] = match part {
        Part::Text => images.text,
        Part::Rodata => images.rodata,
        Part::Data => images.data,
    };
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let magic = image.get(start..).and_then(|rest| rest.first_chunk::<8>());
    if magic.map(|bytes| u64::from_le_bytes(*bytes)) != Some(CELL_MAGIC) {
        return Err(LoadError::BadEntry("does not begin as cell_api's Cell does"));
    }
    Ok(())
}
