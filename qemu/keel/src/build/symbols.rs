//! What the kernel has to know about its own image: `base.map`.
//!
//! Which crate owns a symbol is read from the linker's map, which says for each piece of the image from which object it
//! came: exact even for local names that many crates share. What a cell may import is what is global in the
//! objects; compiler_builtins' symbols are hidden there, so the linker makes them local, and they count all the same.

use super::rlib::Rlib;
use object::{Object, ObjectSymbol, SymbolKind as ElfKind};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use symbol_map::{MapBuilder, NewCell, NewSymbol, SymbolKind, UnsafeCode};

/// A crate of the base image.
pub struct Member {
    /// Its name, unique within the image.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The archive that it was linked from.
    pub path: PathBuf,
    /// The archive's content.
    pub rlib: Rlib,
    /// Whether it forbids unsafe code.
    pub unsafe_code: UnsafeCode,
}

/// Why there is no map.
#[derive(Debug, thiserror::Error)]
pub enum SymbolError {
    /// The image or an object is malformed.
    #[error("cannot read the symbols of the image: {0}")]
    Object(#[from] object::read::Error),
    /// A symbol of the linker script is missing.
    #[error("the image has no symbol {0}; link/kernel.ld must define it")]
    NoBound(&'static str),
    /// The writer refuses.
    #[error("cannot write the symbol map: {0}")]
    Write(#[from] symbol_map::WriteError),
}

/// A piece of the image: where it is, where it came from.
struct Piece {
    address: u64,
    size: u64,
    section: String,
    member: usize,
}

/// What the objects of one crate define and use.
#[derive(Default)]
struct Names<'a> {
    defined: BTreeSet<&'a str>,
    used: BTreeSet<&'a str>,
}

/// Writes the map of `image`, linked from `members`; `link_map` is the linker's own map of it.
pub fn map(image: &[u8], link_map: &str, members: &[Member], compiler: &str) -> Result<Vec<u8>, SymbolError> {
    let image = object::File::parse(image)?;
    let bound = |name: &'static str| {
        image.symbol_by_name(name).map(|s| s.address()).ok_or(SymbolError::NoBound(name))
    };
    let (start, end) = (bound("__kernel_start")?, bound("__kernel_end")?);
    let pieces = pieces(link_map, members);
    let names = members.iter().map(names).collect::<Result<Vec<_>, _>>()?;
    let definers: BTreeMap<&str, usize> = names
        .iter()
        .enumerate()
        .flat_map(|(index, names)| names.defined.iter().map(move |name| (*name, index)))
        .collect();

    let mut builder = MapBuilder::new(compiler, start, end);
    let cells: Vec<u32> = members
        .iter()
        .zip(&names)
        .enumerate()
        .map(|(index, (member, names))| builder.cell(new_cell(member, index, names, &pieces)))
        .collect();
    for (index, names) in names.iter().enumerate() {
        for provider in names.used.iter().filter_map(|name| definers.get(name)) {
            if let (Some(&from), Some(&to)) = (cells.get(index), cells.get(*provider))
                && from != to
            {
                builder.dependency(from, to);
            }
        }
    }
    for symbol in image.symbols() {
        let address = symbol.address();
        let kind = match symbol.kind() {
            ElfKind::Text => SymbolKind::Function,
            ElfKind::Data => SymbolKind::Data,
            ElfKind::Unknown | ElfKind::Label => SymbolKind::Other,
            _ => continue,
        };
        let name = symbol.name()?;
        if name.is_empty() || symbol.section_index().is_none() || !(start..end).contains(&address) {
            continue;
        }
        let member = owner(&pieces, address);
        let hidden_export =
            member.and_then(|index| names.get(index)).is_some_and(|names| names.defined.contains(name));
        let cell = member.and_then(|index| cells.get(index)).copied();
        // Labels such as `.Lanon.…` and section names only add noise to backtraces.
        if kind == SymbolKind::Other && !symbol.is_global() {
            continue;
        }
        builder.symbol(NewSymbol {
            name: name.to_owned(),
            address,
            size: symbol.size(),
            kind,
            exported: symbol.is_global() || hidden_export,
            cell,
        });
    }
    Ok(builder.finish()?)
}

/// The symbols that the objects of `member` define for others, hidden ones included, and those that they use.
fn names(member: &Member) -> Result<Names<'_>, object::read::Error> {
    let mut names = Names::default();
    for bytes in &member.rlib.objects {
        let object = object::File::parse(&**bytes)?;
        for symbol in object.symbols() {
            if symbol.is_global() {
                let set = if symbol.is_undefined() { &mut names.used } else { &mut names.defined };
                set.insert(symbol.name()?);
            }
        }
    }
    let Names { defined, used } = &mut names;
    used.retain(|name| !defined.contains(name));
    Ok(names)
}

fn new_cell(member: &Member, index: usize, names: &Names<'_>, pieces: &[Piece]) -> NewCell {
    let (mut text, mut rodata, mut data) = (0, 0, 0);
    for piece in pieces.iter().filter(|piece| piece.member == index) {
        let is = |prefix: &str| {
            piece.section.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if is(".text") {
            text += piece.size;
        } else if is(".data") || is(".bss") {
            data += piece.size;
        } else {
            rodata += piece.size;
        }
    }
    let count = |set: &BTreeSet<&str>| u32::try_from(set.len()).unwrap_or(u32::MAX);
    NewCell {
        name: member.name.clone(),
        version: member.version.clone(),
        hash: member.rlib.code,
        interface: member.rlib.interface,
        text,
        rodata,
        data,
        unsafe_code: member.unsafe_code,
        exports: count(&names.defined),
        imports: count(&names.used),
    }
}

/// The pieces of the image that came from `members`, sorted by address.
///
/// A line of lld's map is `VMA LMA SIZE ALIGN IN`, numbers in hexadecimal, where IN is `path.rlib(object):(section)`.
fn pieces(link_map: &str, members: &[Member]) -> Vec<Piece> {
    let by_path: BTreeMap<&Path, usize> =
        members.iter().enumerate().map(|(index, member)| (member.path.as_path(), index)).collect();
    let mut pieces: Vec<Piece> = link_map
        .lines()
        .filter_map(|line| {
            let (address, size, rest) = columns(line)?;
            let (file, section) = rest.rsplit_once(":(")?;
            let (archive, _) = file.rsplit_once(".rlib(")?;
            let path = PathBuf::from(format!("{archive}.rlib"));
            let member = *by_path.get(path.as_path())?;
            Some(Piece { address, size, section: section.strip_suffix(')')?.to_owned(), member })
        })
        .filter(|piece| piece.size > 0)
        .collect();
    pieces.sort_by_key(|piece| piece.address);
    pieces
}

/// Address, size and what follows the four numbers of a line of the linker's map.
fn columns(line: &str) -> Option<(u64, u64, &str)> {
    let mut rest = line;
    let mut number = || {
        rest = rest.trim_start();
        let (word, tail) = rest.split_once(' ')?;
        rest = tail;
        u64::from_str_radix(word, 16).ok()
    };
    let (address, _load, size, _align) = (number()?, number()?, number()?, number()?);
    Some((address, size, rest.trim()))
}

fn owner(pieces: &[Piece], address: u64) -> Option<usize> {
    let after = pieces.partition_point(|piece| piece.address <= address);
    let piece = pieces.get(after.checked_sub(1)?)?;
    (address < piece.address + piece.size).then_some(piece.member)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, path: &str) -> Member {
        let rlib = Rlib { objects: Vec::new(), code: 0, interface: 0 };
        Member {
            name: name.into(),
            version: "1".into(),
            path: path.into(),
            rlib,
            unsafe_code: UnsafeCode::Allowed,
        }
    }

    const MAP: &str = "\
             VMA              LMA     Size Align Out     In      Symbol
ffffffff80200000           200000      1f0    16 .text
ffffffff80200000           200000       10    16         /t/liba-1.rlib(a.o):(.text.one)
ffffffff80200000           200000       10     1                 one
ffffffff80200010           200010       20    16         /t/libb-2.rlib(b.o):(.text)
ffffffff80200040           200040        8     8         <internal>:(.got)
ffffffff80200050           200050        0     8         /t/liba-1.rlib(a.o):(.data)
";

    #[test]
    fn the_linkers_map_says_who_owns_an_address() {
        let members = [member("a", "/t/liba-1.rlib"), member("b", "/t/libb-2.rlib")];
        let pieces = pieces(MAP, &members);
        assert_eq!(pieces.len(), 2);
        assert_eq!(owner(&pieces, 0xffff_ffff_8020_0008), Some(0));
        assert_eq!(owner(&pieces, 0xffff_ffff_8020_0010), Some(1));
        assert_eq!(owner(&pieces, 0xffff_ffff_8020_0030), None);
        assert_eq!(owner(&pieces, 0), None);
    }
}
