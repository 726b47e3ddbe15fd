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

    /// Where each import leads: to a live cell if one exports it, else to the base.
    fn resolve(
        &self,
        plan: &LinkPlan<'_>,
        base: &SymbolMap<'_>,
        leaving: &[u64],
    ) -> Result<Vec<Binding>, LoadError> {
        let mut bindings = Vec::with_capacity(plan.imports().len());
        for import in plan.imports() {
            let loaded = {
                let cells = self.cells.lock();
                let mut usable = cells.list.iter().filter(|c| c.live() && !leaving.contains(&c.id));
                usable.find_map(|c| c.export(import.name).map(|e| (e.address, Provider::Cell(c.id))))
            };
            let found =
                loaded.or_else(|| base.find(import.name).map(|s| (s.address, Provider::Base(s.cell))));
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

        let frames = P::register(&memory, layout).map_err(LoadError::Machine)?;
        let mut loaded = LoadedCell {
            id: self.fresh_id(),
            version: manifest.version.into(),
            hash,
            interface: manifest.interface,
            unsafe_code: manifest.unsafe_code,
            sizes: [layout.text, layout.rodata, layout.data],
            bases,
            memory,
            frames,
            published: None,
            exports,
            bindings,
            sites: plan.sites().to_vec(),
            needs: manifest.needs().map(|n| (n.name.into(), n.hash)).collect(),
            entry: cell,
            kind: Kind::of(cell),
            pins: Pins::new(manifest.name),
            state: State::Live,
        };
        let index = Box::new(Index::new(manifest.name, bases.text, plan));
        match self.live.publish(index) {
            Ok(published) => loaded.published = Some(published),
            Err(_) => {
                self.dispose(loaded);
                return Err(LoadError::TooMany);
            }
        }
        Ok(loaded)
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
        let frames = cell.frames.map(P::withdraw);
        let passed = match index {
            Some(index) => index.free_after_grace::<P>(),
            None => P::grace(),
        };
        if let Err(why) = passed {
            log::error!("cell {}: its memory is not freed: {why}", name.name);
            core::mem::forget((cell.memory, frames));
            return false;
        }
        drop((frames, cell.memory));
        true
    }
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
