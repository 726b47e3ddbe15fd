//! Where each section goes.
//!
//! Sections are placed in the order of the object, per part; `.eh_frame` goes behind all other read-only data, its pieces
//! back to back, so that the unwinder finds one table with one terminator.

use crate::error::LinkError;
use crate::object::{Object, Section};
use alloc::vec::Vec;
use core::ops::Range;
use elf::abi;

/// A cell's three parts together are at most this many bytes: 16 MiB.
pub const MOST_BYTES: u64 = 16 << 20;
/// Bytes of an import slot.
pub(crate) const SLOT: u64 = 8;
/// Bytes of a stub: `jmp *slot(%rip)` is six, `int3` fills.
pub(crate) const STUB: u64 = 8;
/// The zero length word that ends an `.eh_frame`.
const TERMINATOR: u64 = 4;

/// One of the three mappings that a cell consists of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Part {
    /// Executable, never writable.
    Text,
    /// Read-only.
    Rodata,
    /// Writable, never executable.
    Data,
}

/// Sizes of the parts, and what lies where in them. Offsets are from the part's start, which must be aligned to a page.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Layout {
    /// Bytes of the text part.
    pub text: u64,
    /// Bytes of the rodata part.
    pub rodata: u64,
    /// Bytes of the data part, zero-initialised data included.
    pub data: u64,
    /// Bytes of `data` that are zero-initialised.
    pub bss: u64,
    /// Where the stubs are, in text.
    pub stubs: Range<u64>,
    /// Where the import slots are, in data.
    pub slots: Range<u64>,
    /// Where the unwind table is, in rodata, its terminator included; empty if the cell has none.
    pub eh_frame: Range<u64>,
}

/// Where a section went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub part: Part,
    pub offset: u64,
}

/// A part that grows.
struct Cursor(u64);

impl Cursor {
    fn align(&mut self, align: u64) -> u64 {
        self.0 = self.0.next_multiple_of(align.max(1));
        self.0
    }
    /// Sizes come from headers: an absurd one is caught by the caller's check against [`MOST_BYTES`].
    fn take(&mut self, size: u64, align: u64) -> Result<u64, LinkError> {
        let start = self.align(align);
        self.0 = start.checked_add(size).filter(|&end| end <= MOST_BYTES).ok_or(LinkError::TooLarge(size))?;
        Ok(start)
    }
}

fn is_eh_frame(section: &Section<'_>) -> bool {
    section.name == ".eh_frame"
}
fn is_bss(section: &Section<'_>) -> bool {
    section.header.sh_type == abi::SHT_NOBITS
}
fn part_of(section: &Section<'_>) -> Part {
    if section.is(abi::SHF_EXECINSTR) {
        Part::Text
    } else if section.is(abi::SHF_WRITE) {
        Part::Data
    } else {
        Part::Rodata
    }
}

impl Layout {
    /// Makes room for `slots` slots and `stubs` stubs, behind all that is there.
    pub(crate) fn append(&mut self, slots: usize, stubs: usize) -> Result<(), LinkError> {
        let mut text = Cursor(self.text);
        self.stubs.start = text.take(stubs as u64 * STUB, STUB)?;
        let mut data = Cursor(self.data);
        self.slots.start = data.take(slots as u64 * SLOT, SLOT)?;
        (self.text, self.data) = (text.0, data.0);
        (self.stubs.end, self.slots.end) = (text.0, data.0);
        self.check()
    }

    fn check(&self) -> Result<(), LinkError> {
        let total = self.text + self.rodata + self.data;
        if total > MOST_BYTES { Err(LinkError::TooLarge(total)) } else { Ok(()) }
    }
}

/// Places the sections that are loaded and not dropped. The places are indexed like the sections.
pub(crate) fn place(
    object: &Object<'_>,
    dropped: &[bool],
) -> Result<(Layout, Vec<Option<Place>>), LinkError> {
    let mut places = alloc::vec![None; object.sections.len()];
    let (mut text, mut rodata, mut data) = (Cursor(0), Cursor(0), Cursor(0));
    let mut layout = Layout::default();
    let kept = || {
        let all = object.sections.iter().enumerate();
        all.filter(|(i, s)| s.loaded() && !dropped.get(*i).copied().unwrap_or(false))
    };
    let mut put = |index: usize, part: Part, cursor: &mut Cursor, section: &Section<'_>| {
        let offset = cursor.take(section.header.sh_size, section.header.sh_addralign)?;
        if let Some(place) = places.get_mut(index) {
            *place = Some(Place { part, offset });
        }
        Ok::<_, LinkError>(())
    };

    for (index, section) in kept().filter(|(_, s)| !is_bss(s) && !is_eh_frame(s)) {
        match part_of(section) {
            Part::Text => put(index, Part::Text, &mut text, section)?,
            Part::Rodata => put(index, Part::Rodata, &mut rodata, section)?,
            Part::Data => put(index, Part::Data, &mut data, section)?,
        }
    }

    layout.eh_frame.start = rodata.align(8);
    for (index, section) in kept().filter(|(_, s)| is_eh_frame(s)) {
        if is_bss(section) || part_of(section) != Part::Rodata {
            return Err(section.bad("must be read-only data"));
        }
        if rodata.0.next_multiple_of(section.header.sh_addralign.max(1)) != rodata.0 {
            return Err(section.bad("cannot follow the one before without a gap"));
        }
        put(index, Part::Rodata, &mut rodata, section)?;
    }
    if rodata.0 > layout.eh_frame.start {
        rodata.take(TERMINATOR, 1)?;
    }
    layout.eh_frame.end = rodata.0;

    let bss_start = data.0;
    for (index, section) in kept().filter(|(_, s)| is_bss(s)) {
        if part_of(section) != Part::Data {
            return Err(section.bad("has no bytes in the file and is not writable"));
        }
        put(index, Part::Data, &mut data, section)?;
    }

    (layout.text, layout.rodata, layout.data) = (text.0, rodata.0, data.0);
    layout.bss = data.0 - bss_start;
    layout.check()?;
    Ok((layout, places))
}
