//! The object as sections whose bounds are proven.
//!
//! The `elf` crate reads the records; this file checks what they say, once, so that everything behind it can trust a
//! [`Section`]'s bytes and alignment. Relations between sections (groups, relocations) are checked where they are used.

use crate::error::LinkError;
use alloc::{string::String, vec::Vec};
use elf::{ElfBytes, abi, endian::LittleEndian, section::SectionHeader};
use symbol_map::MANIFEST_SECTION;

/// No section asks for more: parts are mapped by pages.
const MOST_ALIGN: u64 = 4096;
/// The flag in a group's first word that makes it a COMDAT group (gABI, "Section Groups").
const GRP_COMDAT: u32 = 1;

/// One section header and the bytes behind it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Section<'a> {
    pub name: &'a str,
    pub header: SectionHeader,
    /// Empty for `SHT_NOBITS`.
    pub bytes: &'a [u8],
}

impl Section<'_> {
    pub fn is(&self, flag: u32) -> bool {
        self.header.sh_flags & u64::from(flag) != 0
    }
    pub fn loaded(&self) -> bool {
        self.is(abi::SHF_ALLOC)
    }
    pub fn bad(&self, why: &'static str) -> LinkError {
        LinkError::BadSection(String::from(self.name), why)
    }
}

#[derive(Debug)]
pub(crate) struct Object<'a> {
    pub elf: ElfBytes<'a, LittleEndian>,
    pub sections: Vec<Section<'a>>,
    /// Bytes of the file.
    length: usize,
}

/// What names may take of the string table. They may share bytes there, so that a small file could otherwise ask for any amount of
/// work and, where they are copied, of memory.
pub(crate) struct NameBudget(usize);

impl NameBudget {
    pub fn take<'a>(&mut self, name: &'a str) -> Result<&'a str, LinkError> {
        self.0 = self.0.checked_sub(name.len()).ok_or(LinkError::NamesOverlap)?;
        Ok(name)
    }
}

impl<'a> Object<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LinkError> {
        let elf = ElfBytes::<LittleEndian>::minimal_parse(bytes).map_err(|_| LinkError::NotElf)?;
        if elf.ehdr.class != elf::file::Class::ELF64 {
            return Err(LinkError::NotElf);
        }
        if elf.ehdr.e_type != abi::ET_REL || elf.ehdr.e_machine != abi::EM_X86_64 {
            return Err(LinkError::WrongKind(elf.ehdr.e_type, elf.ehdr.e_machine));
        }
        let (headers, names) = elf.section_headers_with_strtab().map_err(|_| LinkError::BadSectionTable)?;
        let (headers, names) = headers.zip(names).ok_or(LinkError::BadSectionTable)?;

        let mut claimed = 0u64;
        let mut budget = NameBudget(bytes.len());
        // The table lies in the file (the `elf` crate checked), so this allocates no more than the file's own size.
        let mut sections = Vec::with_capacity(headers.len());
        for (index, header) in headers.iter().enumerate() {
            let name = names.get(header.sh_name as usize).map_err(|_| LinkError::BadSectionTable)?;
            let name = budget.take(name)?;
            let bytes = if matches!(header.sh_type, abi::SHT_NOBITS | abi::SHT_NULL) {
                &[]
            } else {
                claimed = claimed.saturating_add(header.sh_size);
                usize::try_from(header.sh_offset)
                    .ok()
                    .zip(usize::try_from(header.sh_size).ok())
                    .and_then(|(start, size)| bytes.get(start..start.checked_add(size)?))
                    .ok_or(LinkError::SectionOutside(index))?
            };
            let section = Section { name, header, bytes };
            check(&section)?;
            sections.push(section);
        }
        // One file byte is loaded once: else a small file could ask for any amount of work.
        if claimed > bytes.len() as u64 {
            return Err(LinkError::SectionsOverlap);
        }
        Ok(Self { elf, sections, length: bytes.len() })
    }

    pub fn name_budget(&self) -> NameBudget {
        NameBudget(self.length)
    }

    pub fn manifest(&self) -> Result<&'a [u8], LinkError> {
        let mut found = self.sections.iter().filter(|s| s.name == MANIFEST_SECTION);
        let section = found.next().ok_or(LinkError::NoSection(MANIFEST_SECTION))?;
        if section.loaded() {
            return Err(section.bad("must not be loaded into memory"));
        }
        if found.next().is_some() {
            return Err(section.bad("appears twice"));
        }
        Ok(section.bytes)
    }

    /// The sections that a COMDAT group drops: those of a second group of the same signature. Within one object the first
    /// of each signature stays. Indexed like `sections`.
    pub fn dropped(&self) -> Result<Vec<bool>, LinkError> {
        let mut dropped = alloc::vec![false; self.sections.len()];
        let mut signatures: alloc::collections::BTreeSet<&str> = alloc::collections::BTreeSet::new();
        if !self.sections.iter().any(|s| s.header.sh_type == abi::SHT_GROUP) {
            return Ok(dropped);
        }
        let (symbols, names) = self
            .elf
            .symbol_table()
            .map_err(|_| LinkError::BadSymbolTable)?
            .ok_or(LinkError::BadSymbolTable)?;
        let mut budget = self.name_budget();
        for group in self.sections.iter().filter(|s| s.header.sh_type == abi::SHT_GROUP) {
            let (words, rest) = group.bytes.as_chunks::<4>();
            let Some((flags, members)) = words.split_first().filter(|_| rest.is_empty()) else {
                return Err(group.bad("is no list of sections"));
            };
            if u32::from_le_bytes(*flags) & GRP_COMDAT == 0 {
                continue;
            }
            let signature = symbols
                .get(group.header.sh_info as usize)
                .and_then(|s| names.get(s.st_name as usize))
                .map_err(|_| group.bad("has no readable signature"))?;
            if signatures.insert(budget.take(signature)?) {
                continue;
            }
            for member in members {
                let slot = dropped.get_mut(u32::from_le_bytes(*member) as usize);
                *slot.ok_or_else(|| group.bad("names a section that does not exist"))? = true;
            }
        }
        Ok(dropped)
    }
}

/// What no cell may have, whatever refers to it.
fn check(section: &Section<'_>) -> Result<(), LinkError> {
    let h = &section.header;
    if h.sh_type == abi::SHT_REL {
        return Err(section.bad("holds relocations without addends, which x86-64 does not use"));
    }
    if !section.loaded() {
        return Ok(());
    }
    if section.is(abi::SHF_WRITE) && section.is(abi::SHF_EXECINSTR) {
        return Err(section.bad("is writable and executable"));
    }
    if section.is(abi::SHF_TLS) {
        return Err(section.bad("is thread-local storage, which the kernel does not have"));
    }
    if section.is(abi::SHF_COMPRESSED) {
        return Err(section.bad("is compressed"));
    }
    if matches!(h.sh_type, abi::SHT_INIT_ARRAY | abi::SHT_FINI_ARRAY | abi::SHT_PREINIT_ARRAY) {
        return Err(section.bad("holds constructors or destructors, which the kernel does not run"));
    }
    let known = [abi::SHT_PROGBITS, abi::SHT_NOBITS, abi::SHT_NOTE, abi::SHT_X86_64_UNWIND];
    if !known.contains(&h.sh_type) {
        return Err(section.bad("is of a type that cannot be loaded"));
    }
    if h.sh_addralign > MOST_ALIGN || (h.sh_addralign > 1 && !h.sh_addralign.is_power_of_two()) {
        return Err(section.bad("has an alignment that is no power of two up to 4096"));
    }
    Ok(())
}
