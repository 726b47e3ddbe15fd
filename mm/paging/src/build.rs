//! The first set of page tables that the kernel makes for itself.
//!
//! - The image: text RX, rodata R, data and bss RW, in 4 KiB pages at the addresses that it is linked at.
//! - All physical memory at `PHYS_OFFSET`: RW, never executable, in the largest pages that fit. Frames of
//!   the image's text and rodata are R there too, so constants and code of the base image have no writable
//!   alias; only the blocks around them are split for that.
//! - An empty table in every top-level slot that the layout has a region in. Later insertions happen below,
//!   so that top-level tables never change.
//!
//! The window covers holes and device registers below the end of memory too, as cacheable: the MTRRs that
//! firmware set make these ranges uncacheable whatever the page says (SDM volume 3, table 13-7), and
//! devices are used through uncached mappings of their own.

use core::fmt;
use core::ops::Range;

use memory_types::layout::{CELLS, DYNAMIC, HEAP, IMAGE, PHYS_OFFSET, PHYS_WINDOW};
use memory_types::{Caching, PAGE_SIZE, Permissions, PhysAddr, Region, VirtAddr};

use crate::entry::Entry;
use crate::table::{Level, TableMemory};
use crate::walk::{Mapper, WalkError};

/// Where the kernel is and how much memory there is. Sections are virtual addresses, multiples of 4 KiB, as
/// the linker script gives them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KernelLayout {
    /// The physical address that `IMAGE.start` would have: 0 if link addresses are `IMAGE.start` plus physical ones.
    pub image_base: u64,
    /// Code.
    pub text: Range<u64>,
    /// Constants.
    pub rodata: Range<u64>,
    /// Variables, bss and the boot stack.
    pub data: Range<u64>,
    /// End of the physical memory to be reachable, as an address: the end of the highest usable or ACPI region.
    pub physical_end: u64,
    /// Whether the processor has 1 GiB pages (CPUID 8000_0001h EDX bit 26).
    pub gibibyte_pages: bool,
}

/// Why the tables could not be built.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// A section does not begin and end at multiples of 4 KiB, in order.
    Misaligned(&'static str),
    /// A section lies outside of the image's region.
    OutsideImage(&'static str),
    /// A section shares addresses with another.
    Overlap(&'static str, &'static str),
    /// Physical memory ends beyond what the window can hold, or has no end.
    PhysicalEnd(u64),
    /// A section's frames are beyond the end of physical memory.
    ImageBeyondMemory(&'static str),
    /// A table could not be made.
    Walk(WalkError),
    /// The kernel's tables were built before.
    AlreadyBuilt,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Misaligned(name) => {
                write!(
                    f,
                    "section {name} is not made of whole pages; the linker script must align it to 4 KiB"
                )
            }
            Self::OutsideImage(name) => {
                write!(f, "section {name} is outside of the kernel image's region; see memory_types::layout")
            }
            Self::Overlap(one, two) => write!(f, "sections {one} and {two} overlap; check the linker script"),
            Self::PhysicalEnd(end) => {
                write!(f, "physical memory cannot end at {end:#x}; the memory map is wrong")
            }
            Self::ImageBeyondMemory(name) => {
                write!(f, "section {name} lies beyond the end of physical memory; the memory map is wrong")
            }
            Self::Walk(error) => error.fmt(f),
            Self::AlreadyBuilt => f.write_str("the kernel's page tables were built before"),
        }
    }
}

impl core::error::Error for BuildError {}

impl KernelLayout {
    fn sections(&self) -> [(&'static str, &Range<u64>, Permissions); 3] {
        [
            ("text", &self.text, Permissions::ReadExecute),
            ("rodata", &self.rodata, Permissions::ReadOnly),
            ("data", &self.data, Permissions::ReadWrite),
        ]
    }

    fn physical(&self, section: &Range<u64>) -> Region {
        let base = self.image_base.wrapping_sub(IMAGE.start);
        Region { start: section.start.wrapping_add(base), end: section.end.wrapping_add(base) }
    }

    /// The physical memory that must have no writable page.
    pub(crate) fn read_only(&self) -> [Region; 2] {
        [self.physical(&self.text), self.physical(&self.rodata)]
    }

    fn check(&self) -> Result<(), BuildError> {
        let page = PAGE_SIZE as u64;
        if self.physical_end == 0 || self.physical_end > PHYS_WINDOW || !self.image_base.is_multiple_of(page)
        {
            return Err(BuildError::PhysicalEnd(self.physical_end));
        }
        let sections = self.sections();
        for (number, (name, section, _)) in sections.iter().enumerate() {
            if section.start > section.end
                || !section.start.is_multiple_of(page)
                || !section.end.is_multiple_of(page)
            {
                return Err(BuildError::Misaligned(name));
            }
            if section.start < IMAGE.start || section.end > IMAGE.end {
                return Err(BuildError::OutsideImage(name));
            }
            let end = self.image_base.checked_add(section.end - IMAGE.start);
            if end.is_none_or(|end| end > self.physical_end) {
                return Err(BuildError::ImageBeyondMemory(name));
            }
            for (other, range, _) in &sections[..number] {
                if section.start < range.end && range.start < section.end {
                    return Err(BuildError::Overlap(other, name));
                }
            }
        }
        Ok(())
    }
}

/// Builds the tables and returns the top one. On failure the tables made so far are lost: the kernel cannot go on anyway.
///
/// # Errors
/// If the layout makes no sense or memory runs out.
pub fn build<M: TableMemory>(memory: M, layout: &KernelLayout) -> Result<Mapper<M>, BuildError> {
    layout.check()?;
    let mapper = empty(memory, layout.physical_end).map_err(BuildError::Walk)?;
    for (_, section, permissions) in layout.sections() {
        let physical = layout.physical(section);
        for offset in (0..section.end - section.start).step_by(PAGE_SIZE) {
            let address = VirtAddr::new(section.start + offset);
            mapper
                .put(address, PhysAddr::new(physical.start + offset), Level::One, permissions)
                .map_err(BuildError::Walk)?;
        }
    }
    let read_only = layout.read_only();
    let end = layout.physical_end.next_multiple_of(PAGE_SIZE as u64);
    let mut at = 0;
    while at < end {
        let (level, permissions) = largest_leaf(at, end, layout.gibibyte_pages, &read_only);
        mapper
            .put(VirtAddr::new(PHYS_OFFSET + at), PhysAddr::new(at), level, permissions)
            .map_err(BuildError::Walk)?;
        at += level.span();
    }
    Ok(mapper)
}

/// A top-level table with an empty table in each slot of the layout.
pub(crate) fn empty<M: TableMemory>(memory: M, physical_end: u64) -> Result<Mapper<M>, WalkError> {
    let root = memory.new_table().map_err(WalkError::OutOfFrames)?;
    // SAFETY: the table is new and empty, and nothing removes it.
    let mapper = unsafe { Mapper::new(memory, root) };
    let window = (PHYS_OFFSET, PHYS_OFFSET + physical_end);
    let regions = [DYNAMIC, HEAP, IMAGE, CELLS].map(|region| (region.start, region.end));
    for (start, end) in regions.into_iter().chain([window]) {
        // By the last address of each slot, since the end of the top slot is no address.
        let mut at = start;
        loop {
            let index = Level::Four.index(VirtAddr::new(at));
            if mapper.root().get(index) == Entry::EMPTY {
                mapper.make_table(mapper.root(), index)?;
            }
            match at.checked_add(Level::Four.span()) {
                Some(next) if next & !(Level::Four.span() - 1) < end => at = next & !(Level::Four.span() - 1),
                _ => break,
            }
        }
    }
    Ok(mapper)
}

/// The largest page that may begin at `at`: aligned, below `end`, and of one permission throughout.
fn largest_leaf(at: u64, end: u64, gibibyte_pages: bool, read_only: &[Region]) -> (Level, Permissions) {
    let levels = [Level::Three, Level::Two];
    for level in levels.into_iter().filter(|&level| level != Level::Three || gibibyte_pages) {
        let block = Region { start: at, end: at + level.span() };
        if at.is_multiple_of(level.span())
            && block.end <= end
            && !read_only.iter().any(|region| region.overlaps(&block))
        {
            return (level, Permissions::ReadWrite);
        }
    }
    let page = Region { start: at, end: at + PAGE_SIZE as u64 };
    let protected = read_only.iter().any(|region| region.overlaps(&page));
    (Level::One, if protected { Permissions::ReadOnly } else { Permissions::ReadWrite })
}

impl<M: TableMemory> Mapper<M> {
    /// Puts a leaf of any level into tables that nobody uses yet.
    fn put(
        &self,
        at: VirtAddr,
        frame: PhysAddr,
        level: Level,
        permissions: Permissions,
    ) -> Result<(), WalkError> {
        let table = self.find_or_make(at, level)?;
        let entry = match level {
            Level::One => Entry::page(frame, permissions, Caching::WriteBack, false),
            _ => Entry::huge(frame, permissions),
        };
        table.set(level.index(at), entry);
        Ok(())
    }
}
