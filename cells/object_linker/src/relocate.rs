//! Linking: the second pass over the relocations, which writes.
//!
//! Formulas and names (S, A, P, G) are those of the System V x86-64 psABI, table 4.9.

use crate::error::LinkError;
use crate::layout::{Part, Place};
use crate::plan::{LinkPlan, Target, is_got};
use crate::symbols::Meaning;
use alloc::string::String;
use elf::{abi, relocation::Rela};

/// Where the parts will run. Each is page aligned, and all lie within 2 GiB of one another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bases {
    /// Virtual address of the text part.
    pub text: u64,
    /// Virtual address of the rodata part.
    pub rodata: u64,
    /// Virtual address of the data part.
    pub data: u64,
}

impl Bases {
    /// The virtual address of `offset` in `part`.
    #[must_use]
    pub fn address(&self, part: Part, offset: u64) -> u64 {
        let base = match part {
            Part::Text => self.text,
            Part::Rodata => self.rodata,
            Part::Data => self.data,
        };
        base.wrapping_add(offset)
    }
}

/// The memory of the parts, zeroed, at least as long as the layout says.
#[derive(Debug)]
pub struct Images<'m> {
    /// For the text part.
    pub text: &'m mut [u8],
    /// For the rodata part.
    pub rodata: &'m mut [u8],
    /// For the data part.
    pub data: &'m mut [u8],
}

impl Images<'_> {
    fn part(&mut self, part: Part) -> &mut [u8] {
        match part {
            Part::Text => self.text,
            Part::Rodata => self.rodata,
            Part::Data => self.data,
        }
    }

    fn write(&mut self, part: Part, offset: u64, bytes: &[u8]) -> Result<(), LinkError> {
        let range = usize::try_from(offset).ok().and_then(|at| Some(at..at.checked_add(bytes.len())?));
        let target = range.and_then(|range| self.part(part).get_mut(range));
        let name = match part {
            Part::Text => "text",
            Part::Rodata => "rodata",
            Part::Data => "data",
        };
        target.ok_or(LinkError::WrongImage(name))?.copy_from_slice(bytes);
        Ok(())
    }
}

impl LinkPlan<'_> {
    /// Copies the sections into `images` and relocates them for `bases`, `imports` being the address of each of
    /// [`LinkPlan::imports`]. On an error the images hold rubbish; nothing else was touched.
    ///
    /// # Errors
    /// [`LinkError::OutOfRange`] if a value does not fit, [`LinkError::WrongImage`] if the memory or the list of
    /// addresses is too short.
    pub fn link(&self, bases: Bases, imports: &[u64], mut images: Images<'_>) -> Result<(), LinkError> {
        if imports.len() != self.imports().len() {
            return Err(LinkError::WrongImage("imports"));
        }
        for (section, place) in self.object.sections.iter().zip(&self.places) {
            if let Some(place) = place {
                images.write(place.part, place.offset, section.bytes)?;
            }
        }
        for (target, offset) in self.needs.slots() {
            let address = match target {
                Target::Import(import) => imports.get(import).copied(),
                Target::Own(symbol) => u32::try_from(symbol)
                    .ok()
                    .and_then(|s| self.meaning(s))
                    .and_then(|(_, m)| value(m, bases, imports)),
            };
            let address = address.ok_or(LinkError::WrongImage("imports"))?;
            images.write(Part::Data, self.layout.slots.start + offset, &address.to_le_bytes())?;
        }
        for (stub, slot) in self.needs.stubs() {
            let offset = self.layout.stubs.start + stub;
            // The displacement counts from the end of the six-byte instruction.
            let from = bases.address(Part::Text, offset + 6);
            let to = bases.address(Part::Data, self.layout.slots.start + slot);
            let away = i32::try_from(to.wrapping_sub(from).cast_signed()).map_err(|_| {
                LinkError::OutOfRange("stub".into(), offset, abi::R_X86_64_PLT32, "its slot".into())
            })?;
            let [a, b, c, d] = away.to_le_bytes();
            images.write(Part::Text, offset, &[0xff, 0x25, a, b, c, d, 0xcc, 0xcc])?;
        }
        self.for_each_relocation(|_, section, place, rela| {
            self.apply(section.name, place, rela, bases, imports, &mut images)
        })
    }

    fn apply(
        &self,
        section: &str,
        place: Place,
        rela: Rela,
        bases: Bases,
        imports: &[u64],
        images: &mut Images<'_>,
    ) -> Result<(), LinkError> {
        let kind = rela.r_type;
        if kind == abi::R_X86_64_NONE {
            return Ok(());
        }
        let bad = |why| LinkError::BadRelocation(String::from(section), rela.r_offset, kind, why);
        let (name, meaning) =
            self.meaning(rela.r_sym).ok_or_else(|| bad("names a symbol that does not exist"))?;
        let offset = place.offset + rela.r_offset;
        let at = bases.address(place.part, offset);
        let target = match meaning {
            Meaning::Import(import) => Target::Import(import),
            _ => Target::Own(rela.r_sym as usize),
        };
        let address = if is_got(kind) {
            let slot = self.needs.slot_of(target).ok_or_else(|| bad("has no slot"))?;
            bases.address(Part::Data, self.layout.slots.start + slot)
        } else if let (abi::R_X86_64_PLT32, Target::Import(_)) = (kind, target) {
            let stub = self.needs.stub_of(target).ok_or_else(|| bad("has no stub"))?;
            bases.address(Part::Text, self.layout.stubs.start + stub)
        } else {
            value(meaning, bases, imports).ok_or_else(|| bad("refers to a section that is not loaded"))?
        };
        let absolute = address.wrapping_add(rela.r_addend.cast_unsigned());
        let relative = absolute.wrapping_sub(at);
        let out_of_range =
            || LinkError::OutOfRange(String::from(section), rela.r_offset, kind, String::from(name));
        match kind {
            abi::R_X86_64_64 => images.write(place.part, offset, &absolute.to_le_bytes()),
            abi::R_X86_64_PC64 => images.write(place.part, offset, &relative.to_le_bytes()),
            abi::R_X86_64_32 => {
                let word = u32::try_from(absolute).map_err(|_| out_of_range())?;
                images.write(place.part, offset, &word.to_le_bytes())
            }
            abi::R_X86_64_32S => {
                let word = i32::try_from(absolute.cast_signed()).map_err(|_| out_of_range())?;
                images.write(place.part, offset, &word.to_le_bytes())
            }
            _ => {
                let word = i32::try_from(relative.cast_signed()).map_err(|_| out_of_range())?;
                images.write(place.part, offset, &word.to_le_bytes())
            }
        }
    }
}

/// The address that a symbol stands for; `None` if its section is not loaded.
fn value(meaning: Meaning, bases: Bases, imports: &[u64]) -> Option<u64> {
    match meaning {
        Meaning::Here(part, offset) => Some(bases.address(part, offset)),
        Meaning::Absolute(value) => Some(value),
        Meaning::Import(import) => imports.get(import).copied(),
        Meaning::Gone => None,
    }
}
