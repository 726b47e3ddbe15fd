//! The object's symbols, each checked against the section that it lies in.

use crate::error::LinkError;
use crate::layout::{Part, Place};
use crate::object::Object;
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use elf::{abi, symbol::Symbol};

/// What a symbol names.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// Code.
    Function,
    /// Data.
    Data,
    /// Anything else.
    Other,
}

/// A symbol that the cell defines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Defined<'a> {
    /// Its mangled name.
    pub name: &'a str,
    /// The part it lies in.
    pub part: Part,
    /// Its offset from the part's start.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// What it names.
    pub kind: Kind,
    /// Whether other cells may import it.
    pub exported: bool,
}

/// What a symbol index of the object means.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meaning {
    /// Offset in one of the parts.
    Here(Part, u64),
    /// A number.
    Absolute(u64),
    /// To be found elsewhere: index into the imports.
    Import(usize),
    /// Lies in a section that is not loaded.
    Gone,
}

#[derive(Debug, Default)]
pub(crate) struct Symbols<'a> {
    /// By the object's index: the name, and what it means.
    pub meanings: Vec<(&'a str, Meaning)>,
    /// Functions and named data in the parts.
    pub defined: Vec<Defined<'a>>,
    /// The names of what must be found elsewhere.
    pub imports: Vec<&'a str>,
}

fn kind(symbol: &Symbol) -> Kind {
    match symbol.st_symtype() {
        abi::STT_FUNC => Kind::Function,
        abi::STT_OBJECT => Kind::Data,
        _ => Kind::Other,
    }
}

pub(crate) fn read<'a>(object: &Object<'a>, places: &[Option<Place>]) -> Result<Symbols<'a>, LinkError> {
    if object.sections.iter().filter(|s| s.header.sh_type == abi::SHT_SYMTAB).count() > 1 {
        return Err(LinkError::BadSymbolTable);
    }
    let (table, names) =
        object.elf.symbol_table().map_err(|_| LinkError::BadSymbolTable)?.ok_or(LinkError::BadSymbolTable)?;
    let mut out = Symbols { meanings: Vec::with_capacity(table.len()), ..Symbols::default() };
    let mut exports: BTreeMap<&str, (Part, u64)> = BTreeMap::new();
    // Globals of dropped sections and undefined ones: settled once all exports are known.
    let mut open = Vec::new();
    let mut budget = object.name_budget();

    for (index, symbol) in table.iter().enumerate() {
        let name = names.get(symbol.st_name as usize).map_err(|_| LinkError::BadSymbolTable)?;
        let name = budget.take(name)?;
        let bad = |why| LinkError::BadSymbol(index, String::from(name), why);
        let global = symbol.st_bind() != abi::STB_LOCAL;
        let meaning = match symbol.st_shndx {
            abi::SHN_UNDEF if index == 0 || !global => Meaning::Absolute(0),
            abi::SHN_UNDEF if name.is_empty() => return Err(bad("is imported and has no name")),
            abi::SHN_UNDEF => {
                open.push(index);
                Meaning::Gone
            }
            abi::SHN_ABS => Meaning::Absolute(symbol.st_value),
            abi::SHN_COMMON => return Err(bad("is common data, which no Rust compiler emits")),
            reserved if reserved >= abi::SHN_LORESERVE => return Err(bad("has a reserved section index")),
            section => {
                let section = usize::from(section);
                let host = object
                    .sections
                    .get(section)
                    .ok_or_else(|| bad("lies in a section that does not exist"))?;
                let end = symbol.st_value.checked_add(symbol.st_size);
                if host.loaded() && end.is_none_or(|end| end > host.header.sh_size) {
                    return Err(bad("reaches out of its section"));
                }
                match places.get(section).copied().flatten() {
                    Some(place) => {
                        let offset = place.offset + symbol.st_value;
                        let visible = matches!(symbol.st_vis(), abi::STV_DEFAULT | abi::STV_PROTECTED);
                        if global && exports.insert(name, (place.part, offset)).is_some() {
                            return Err(LinkError::DuplicateSymbol(String::from(name)));
                        }
                        if !name.is_empty() && symbol.st_symtype() != abi::STT_SECTION {
                            out.defined.push(Defined {
                                name,
                                part: place.part,
                                offset,
                                size: symbol.st_size,
                                kind: kind(&symbol),
                                exported: global && visible,
                            });
                        }
                        Meaning::Here(place.part, offset)
                    }
                    // A global in a dropped COMDAT section means its twin in the group that stayed.
                    None if global && host.loaded() => {
                        open.push(index);
                        Meaning::Gone
                    }
                    None => Meaning::Gone,
                }
            }
        };
        out.meanings.push((name, meaning));
    }

    let mut imports: BTreeMap<&str, usize> = BTreeMap::new();
    for index in open {
        let Some((name, meaning)) = out.meanings.get_mut(index) else { continue };
        *meaning = match exports.get(name) {
            Some(&(part, offset)) => Meaning::Here(part, offset),
            None => Meaning::Import(*imports.entry(name).or_insert_with(|| {
                out.imports.push(name);
                out.imports.len() - 1
            })),
        };
    }
    Ok(out)
}
