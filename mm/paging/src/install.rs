//! Putting page tables into effect on a core, and the second top-level table by which other cores start.

use core::fmt;

use frame_allocator::{Frames, OutOfFrames};
use memory_types::state::Mapped;
use memory_types::{Caching, Permissions, PhysAddr, VirtAddr};

use crate::entry::Entry;
use crate::space;
use crate::table::{ENTRIES, Level, TableMemory, Window, zero};

/// Why there is no table for starting cores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApRootError {
    /// The kernel's tables are not built yet.
    NotInitialised,
    /// The page is not one of the first mebibyte.
    NotLow(PhysAddr),
    /// There is no memory for it below 4 GiB.
    OutOfFrames(OutOfFrames),
}

impl fmt::Display for ApRootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInitialised => f.write_str("the page tables are not built yet; call paging::init first"),
            Self::NotLow(page) => write!(f, "{page:#x} is not a page below 1 MiB, where a core can start"),
            Self::OutOfFrames(error) => {
                write!(f, "no memory below 4 GiB for the start-up page tables: {error}")
            }
        }
    }
}

impl core::error::Error for ApRootError {}

/// A top-level table for cores that start: the kernel's half, and the start-up page at its physical address.
///
/// It lies below 4 GiB because a core that enters long mode loads CR3 with 32 bits. Dropping it keeps its
/// memory: a core that starts late may still run on it.
#[derive(Debug)]
pub struct ApRoot {
    /// Top to bottom.
    tables: [Frames<Mapped>; 4],
}

/// A table for starting cores, with `page` (below 1 MiB) read-execute at its own address.
///
/// # Errors
/// If there is no memory, or the page is not one.
pub fn root_for_ap(page: PhysAddr) -> Result<ApRoot, ApRootError> {
    let root = space::root().ok_or(ApRootError::NotInitialised)?;
    if page.as_u64() >= 1 << 20 || !page.is_aligned(4096u64) {
        return Err(ApRootError::NotLow(page));
    }
    let top = frame_allocator::allocate_below(1, 1, 1 << 32).map_err(ApRootError::OutOfFrames)?;
    let lower = || frame_allocator::allocate(1, 1).map_err(ApRootError::OutOfFrames);
    let tables = [top, lower()?, lower()?, lower()?];
    for table in &tables {
        zero(table.start());
    }
    // SAFETY: the frames are used as tables by this value alone, for ever.
    let tables = tables.map(|table| unsafe { table.into_mapped() });

    // SAFETY: the root and these are tables: zeroed or built just now, and kept.
    let [kernel, top, three, two, one] =
        [root, tables[0].start(), tables[1].start(), tables[2].start(), tables[3].start()]
            .map(|at| unsafe { Window.table(at) });
    for index in ENTRIES / 2..ENTRIES {
        top.set(index, kernel.get(index));
    }
    let address = VirtAddr::new(page.as_u64());
    top.set(Level::Four.index(address), Entry::table(tables[1].start()));
    three.set(Level::Three.index(address), Entry::table(tables[2].start()));
    two.set(Level::Two.index(address), Entry::table(tables[3].start()));
    // Not global: it goes from the TLB when the core loads the kernel's own root.
    let entry = Entry::page(page, Permissions::ReadExecute, Caching::WriteBack, false).not_global();
    one.set(Level::One.index(address), entry);
    Ok(ApRoot { tables })
}

impl ApRoot {
    /// What a starting core loads into CR3.
    #[must_use]
    pub fn cr3(&self) -> u32 {
        // Allocated below 4 GiB, so nothing is cut off.
        self.tables[0].start().as_u64() as u32
    }
}

/// Puts the kernel's page tables into effect on the calling core, with no-execute, write protection in ring 0,
/// and global pages switched on. Returns whether there were any to install.
///
/// On the boot core this makes all physical memory usable. On another core it leaves [`ApRoot`] behind.
///
/// # Safety
/// The code, the stack and all memory in use are mapped in the kernel's tables at the addresses where they are used.
#[cfg(keel_kernel)]
pub unsafe fn install() -> bool {
    use x86_64::registers::control::{Cr0, Cr0Flags, Cr3, Cr3Flags, Cr4, Cr4Flags, Efer, EferFlags};
    use x86_64::structures::paging::PhysFrame;

    let Some(root) = space::root() else { return false };
    // SAFETY: the tables use bit 63 as no-execute; every processor with long mode that is still found has it.
    unsafe { Efer::update(|flags| *flags |= EferFlags::NO_EXECUTE_ENABLE) };
    // SAFETY: the caller says that this is what is mapped where it is used.
    unsafe { Cr3::write(PhysFrame::containing_address(root), Cr3Flags::empty()) };
    // SAFETY: write protection makes the tables' permissions hold in ring 0; that is what they were built for.
    unsafe { Cr0::update(|flags| *flags |= Cr0Flags::WRITE_PROTECT) };
    // SAFETY: all pages of the tables are the same in the one address space there is. Setting PGE flushes the TLB.
    unsafe { Cr4::update(|flags| *flags |= Cr4Flags::PAGE_GLOBAL) };
    frame_allocator::whole_window_mapped();
    true
}
