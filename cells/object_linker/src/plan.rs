//! The plan: everything that is known of a cell before it has memory.
//!
//! Planning goes over the relocations once, to see which symbols need a slot, which imports a stub, and where absolute words
//! to imports lie; and refuses what cannot be linked. Linking goes over them a second time and writes.

use crate::error::LinkError;
use crate::layout::{self, Layout, Part, Place, SLOT, STUB};
use crate::object::{Object, Section};
use crate::symbols::{self, Defined, Meaning, Symbols};
use crate::{Kind, eh_frame};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use elf::{abi, relocation::Rela};

/// A symbol that another cell must provide.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Import<'a> {
    /// Its mangled name.
    pub name: &'a str,
}

/// A word of the data part that holds the address of an import. All uses of the import go through its sites, so storing a
/// new address to each turns the cell to another provider. Sites are naturally aligned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Site {
    /// Index into [`LinkPlan::imports`].
    pub import: usize,
    /// Offset from the start of the data part, a multiple of eight.
    pub offset: u64,
    /// What is added to the import's address; zero for slots.
    pub addend: i64,
}

/// A cell's object, checked, with its layout.
#[derive(Debug)]
pub struct LinkPlan<'a> {
    pub(crate) object: Object<'a>,
    pub(crate) places: Vec<Option<Place>>,
    pub(crate) symbols: Symbols<'a>,
    pub(crate) layout: Layout,
    pub(crate) needs: Needs,
    manifest: &'a [u8],
    imports: Vec<Import<'a>>,
    sites: Vec<Site>,
}

/// What the relocations ask for, by symbol index of the object. Symbols that mean the same import share.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    slots: BTreeMap<Target, usize>,
    stubs: BTreeMap<Target, usize>,
    words: Vec<(usize, usize, u64, i64)>,
}

/// What a slot points to: an import, or a symbol of the cell itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Target {
    Import(usize),
    Own(usize),
}

impl Needs {
    fn slot(&mut self, target: Target) {
        let next = self.slots.len();
        self.slots.entry(target).or_insert(next);
    }
    pub fn slot_of(&self, target: Target) -> Option<u64> {
        self.slots.get(&target).map(|&i| i as u64 * SLOT)
    }
    pub fn stub_of(&self, target: Target) -> Option<u64> {
        self.stubs.get(&target).map(|&i| i as u64 * STUB)
    }
    pub fn slots(&self) -> impl Iterator<Item = (Target, u64)> + '_ {
        self.slots.iter().map(|(&target, &i)| (target, i as u64 * SLOT))
    }
    /// Stub offset and slot offset of every stub.
    pub fn stubs(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.stubs.iter().filter_map(|(&target, &i)| Some((i as u64 * STUB, self.slot_of(target)?)))
    }
}

/// The bytes that a relocation of `kind` writes; `None` for a type that is not known.
pub(crate) fn width(kind: u32) -> Option<u64> {
    match kind {
        abi::R_X86_64_NONE => Some(0),
        abi::R_X86_64_64 | abi::R_X86_64_PC64 => Some(8),
        abi::R_X86_64_PC32
        | abi::R_X86_64_PLT32
        | abi::R_X86_64_GOTPCREL
        | abi::R_X86_64_32
        | abi::R_X86_64_32S
        | abi::R_X86_64_GOTPCRELX
        | abi::R_X86_64_REX_GOTPCRELX => Some(4),
        _ => None,
    }
}

pub(crate) fn is_got(kind: u32) -> bool {
    matches!(kind, abi::R_X86_64_GOTPCREL | abi::R_X86_64_GOTPCRELX | abi::R_X86_64_REX_GOTPCRELX)
}

impl<'a> LinkPlan<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, LinkError> {
        let object = Object::parse(bytes)?;
        let manifest = object.manifest()?;
        let dropped = object.dropped()?;
        let (layout, places) = layout::place(&object, &dropped)?;
        let symbols = symbols::read(&object, &places)?;
        let mut plan = Self {
            imports: symbols.imports.iter().map(|&name| Import { name }).collect(),
            object,
            places,
            symbols,
            layout,
            needs: Needs::default(),
            manifest,
            sites: Vec::new(),
        };
        for section in plan.object.sections.iter().filter(|s| s.loaded() && s.name == ".eh_frame") {
            eh_frame::check(section.bytes)?;
        }
        plan.needs = plan.scan()?;
        plan.layout.append(plan.needs.slots.len(), plan.needs.stubs.len())?;
        plan.collect_sites();
        Ok(plan)
    }

    /// Every relocation of every loaded section: the section's index and place, and the record.
    pub(crate) fn for_each_relocation(
        &self,
        mut f: impl FnMut(usize, &Section<'a>, Place, Rela) -> Result<(), LinkError>,
    ) -> Result<(), LinkError> {
        for table in self.object.sections.iter().filter(|s| s.header.sh_type == abi::SHT_RELA) {
            let index = table.header.sh_info as usize;
            let section = self
                .object
                .sections
                .get(index)
                .ok_or_else(|| table.bad("relocates a section that does not exist"))?;
            let Some(place) = self.places.get(index).copied().flatten() else { continue };
            let records = self
                .object
                .elf
                .section_data_as_relas(&table.header)
                .map_err(|_| table.bad("cannot be read"))?;
            for rela in records {
                f(index, section, place, rela)?;
            }
        }
        Ok(())
    }

    pub(crate) fn meaning(&self, symbol: u32) -> Option<(&'a str, Meaning)> {
        self.symbols.meanings.get(symbol as usize).copied()
    }

    fn scan(&self) -> Result<Needs, LinkError> {
        let mut needs = Needs::default();
        self.for_each_relocation(|index, section, place, rela| {
            let bad =
                |why| LinkError::BadRelocation(String::from(section.name), rela.r_offset, rela.r_type, why);
            let width = width(rela.r_type).ok_or_else(|| bad("is of a type that cells do not use"))?;
            if section.header.sh_type == abi::SHT_NOBITS && width > 0 {
                return Err(bad("would write to zero-initialised data"));
            }
            let end = rela.r_offset.checked_add(width);
            if end.is_none_or(|end| end > section.header.sh_size) {
                return Err(bad("reaches out of its section"));
            }
            let (_, meaning) =
                self.meaning(rela.r_sym).ok_or_else(|| bad("names a symbol that does not exist"))?;
            match (rela.r_type, meaning) {
                (abi::R_X86_64_NONE, _) => {}
                (_, Meaning::Gone) => return Err(bad("refers to a section that is not loaded")),
                (kind, Meaning::Import(import)) if is_got(kind) => needs.slot(Target::Import(import)),
                (kind, _) if is_got(kind) => needs.slot(Target::Own(rela.r_sym as usize)),
                (abi::R_X86_64_PLT32, Meaning::Import(import)) => {
                    needs.slot(Target::Import(import));
                    let next = needs.stubs.len();
                    needs.stubs.entry(Target::Import(import)).or_insert(next);
                }
                (abi::R_X86_64_64, Meaning::Import(import)) => {
                    if place.part != Part::Data {
                        return Err(bad(
                            "bakes another cell's address into read-only memory, where no swap reaches it",
                        ));
                    }
                    if !(place.offset + rela.r_offset).is_multiple_of(8) {
                        return Err(bad("puts another cell's address on an unaligned word"));
                    }
                    needs.words.push((import, index, rela.r_offset, rela.r_addend));
                }
                (_, Meaning::Import(_)) => {
                    return Err(bad("refers to another cell directly; compile with relocation-model=pic"));
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(needs)
    }

    fn collect_sites(&mut self) {
        let slots = self.needs.slots.iter().filter_map(|(&target, &i)| match target {
            Target::Import(import) => {
                Some(Site { import, offset: self.layout.slots.start + i as u64 * SLOT, addend: 0 })
            }
            Target::Own(_) => None,
        });
        let words = self.needs.words.iter().filter_map(|&(import, section, offset, addend)| {
            let place = self.places.get(section).copied().flatten()?;
            Some(Site { import, offset: place.offset + offset, addend })
        });
        self.sites = slots.chain(words).collect();
        self.sites.sort_by_key(|site| (site.import, site.offset));
    }

    /// The contents of the manifest section.
    #[must_use]
    pub fn manifest(&self) -> &'a [u8] {
        self.manifest
    }

    /// Sizes of the parts and what lies where in them.
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What must be found elsewhere, each name once. [`LinkPlan::link`] takes the addresses in this order.
    #[must_use]
    pub fn imports(&self) -> &[Import<'a>] {
        &self.imports
    }

    /// Every word that holds an import's address, sorted by import, then offset.
    #[must_use]
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The named symbols that the cell defines, local ones included.
    #[must_use]
    pub fn defined(&self) -> &[Defined<'a>] {
        &self.symbols.defined
    }

    /// What other cells may import.
    pub fn exports(&self) -> impl Iterator<Item = &Defined<'a>> {
        self.symbols.defined.iter().filter(|s| s.exported)
    }

    /// The functions, for backtraces.
    pub fn functions(&self) -> impl Iterator<Item = &Defined<'a>> {
        self.symbols.defined.iter().filter(|s| s.part == Part::Text && s.kind == Kind::Function)
    }
}
