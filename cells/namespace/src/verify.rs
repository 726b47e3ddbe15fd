//! Whether a new cell can take an old one's place, and what would have to be rewritten. Pure: it changes nothing.

use crate::cell::{Binding, Export, LoadedCell, Provider};
use crate::error::SwapError;
use crate::names::readable;
use crate::platform::{Platform, Write};
use alloc::{string::String, vec::Vec};
use object_linker::{Kind as SymbolKind, Site};

/// Where one dependant's import will lead.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Turn {
    /// The dependant's id.
    pub dependant: u64,
    /// Index of its binding.
    pub binding: usize,
    /// The new address.
    pub address: u64,
}

/// All that a commit would do to the dependants.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rewiring {
    pub turns: Vec<Turn>,
    pub writes: Vec<Write>,
}

/// Whether `new` can stand in for `old`, of the same name.
fn stands_in(old: &Export, new: Option<&Export>) -> Result<u64, &'static str> {
    let new = new.ok_or("does not export")?;
    if new.kind != old.kind {
        return Err("exports as something else");
    }
    if old.kind == SymbolKind::Data && new.size != old.size {
        return Err("exports in another size");
    }
    Ok(new.address)
}

/// The words to be written so that `binding` leads to `address`.
fn writes<'a>(
    sites: &'a [Site],
    index: usize,
    binding: &'a Binding,
    data: u64,
    address: u64,
) -> impl Iterator<Item = Write> + 'a {
    let first = sites.partition_point(|s| s.import < index);
    sites[first..].iter().take_while(move |s| s.import == index).map(move |site| Write {
        address: data.wrapping_add(site.offset),
        old: binding.address.wrapping_add(site.addend.cast_unsigned()),
        new: address.wrapping_add(site.addend.cast_unsigned()),
    })
}

/// What every other cell must be turned to when `new` replaces `old`.
pub(crate) fn rewiring<P: Platform>(
    cells: &[LoadedCell<P>],
    old: &LoadedCell<P>,
    new: &LoadedCell<P>,
) -> Result<Rewiring, SwapError> {
    let mut out = Rewiring::default();
    for dependant in cells.iter().filter(|c| c.id != old.id && c.imports_from(old.id)) {
        let name = || String::from(dependant.name());
        let need = dependant.needs.iter().find(|(need, _)| need == old.name());
        if need.is_some_and(|&(_, hash)| hash != new.interface) {
            return Err(SwapError::InterfaceDiffers(name()));
        }
        for (index, binding) in dependant.bindings.iter().enumerate() {
            if binding.provider != Provider::Cell(old.id) {
                continue;
            }
            let bad = |why| {
                SwapError::Incompatible(name(), String::from(readable::<192>(&binding.name).as_str()), why)
            };
            let was = old.export(&binding.name).ok_or_else(|| bad("does not export"))?;
            let address = stands_in(was, new.export(&binding.name)).map_err(bad)?;
            out.turns.push(Turn { dependant: dependant.id, binding: index, address });
            out.writes.extend(writes(&dependant.sites, index, binding, dependant.bases.data, address));
        }
    }
    Ok(out)
}
