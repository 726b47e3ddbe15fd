//! [`MappedPages`]: the only way to use memory.
//!
//! A `MappedPages` owns a run of virtual pages *and* the frames behind them; no other owner maps these
//! frames. It lends typed views whose lifetimes end before it does, so that a use after unmapping does not compile:
//!
//! ```text
//!   MappedPages ──owns──▶ Pages<Mapped> ──its page-table entries name──▶ Frames
//!        │ lends
//!        ├─▶ &T, &[T]           T: FromBytes: any bytes are a valid T
//!        └─▶ &mut T, &mut [T]   and only while the pages are writable
//! ```
//!
//! **The frames are recorded in the page-table entries and nowhere else.** So they need not be contiguous
//! (memory never has to be found in one piece), there is no list that would need memory of its own, and mapping
//! and unmapping of any size allocate nothing but page tables.
//!
//! **Dropping it** takes the pages out of the tables, shoots the translations down on every other core,
//! and only then returns pages and frames. If a core does not answer, both are lost on purpose and logged:
//! that core could still use them. The drop waits for other cores, so it must not happen with a spin lock held.
//!
//! Fresh memory is full of zeros: nothing of an earlier owner shows through a view. Frames that the caller brings
//! ([`MappedPages::map`]) keep what they hold, so that memory can move from one mapping to another.
//!
//! ```
//! # paging::host::start();
//! use mapped_pages::MappedPages;
//! use memory_types::Permissions;
//!
//! let mut memory = MappedPages::allocate(10_000, Permissions::ReadWrite)?;
//! memory.as_slice_mut::<u32>(4096, 100)?.fill(7);
//! memory.protect(Permissions::ReadOnly)?;
//! assert_eq!(memory.as_type::<u32>(4096)?, &7);
//! assert!(memory.as_type_mut::<u32>(4096).is_err());
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//! A view cannot outlive the mapping:
//! ```compile_fail
//! # paging::host::start();
//! # use mapped_pages::MappedPages;
//! # use memory_types::Permissions;
//! let memory = MappedPages::allocate(4096, Permissions::ReadWrite).unwrap();
//! let view = memory.as_type::<u64>(0).unwrap();
//! drop(memory);
//! println!("{view}");
//! ```
//! Nor can a mapping be used after it was unmapped:
//! ```compile_fail
//! # paging::host::start();
//! # use mapped_pages::MappedPages;
//! # use memory_types::Permissions;
//! let memory = MappedPages::allocate(4096, Permissions::ReadWrite).unwrap();
//! let _gone = memory.unmap();
//! memory.start();
//! ```
//! Two writable views of the same mapping exclude each other:
//! ```compile_fail
//! # paging::host::start();
//! # use mapped_pages::MappedPages;
//! # use memory_types::Permissions;
//! let mut memory = MappedPages::allocate(4096, Permissions::ReadWrite).unwrap();
//! let one = memory.as_type_mut::<u64>(0).unwrap();
//! let two = memory.as_type_mut::<u64>(0).unwrap();
//! *one = *two;
//! ```
//! Permissions cannot be changed under a view, so code that was checked is the code that runs:
//! ```compile_fail
//! # paging::host::start();
//! # use mapped_pages::MappedPages;
//! # use memory_types::Permissions;
//! let mut memory = MappedPages::allocate(4096, Permissions::ReadWrite).unwrap();
//! let view = memory.as_slice_mut::<u8>(0, 4096).unwrap();
//! memory.protect(Permissions::ReadExecute).unwrap();
//! view[0] = 0xc3;
//! ```
//! A type for which some bytes are invalid cannot be viewed:
//! ```compile_fail
//! # paging::host::start();
//! # use mapped_pages::MappedPages;
//! # use memory_types::Permissions;
//! let memory = MappedPages::allocate(4096, Permissions::ReadWrite).unwrap();
//! let pointer: &&str = memory.as_type(0).unwrap();
//! ```
//! What comes out of `unmap` has been flushed on all cores; the frames are free to go:
//! ```
//! # paging::host::start();
//! # use mapped_pages::MappedPages;
//! # use memory_types::Permissions;
//! let memory = MappedPages::allocate(8192, Permissions::ReadWrite).unwrap();
//! let mut frames = Vec::new();
//! let pages = memory.unmap().unwrap().release(|frame| frames.push(frame));
//! assert_eq!((pages.count(), frames.len()), (2, 2));
//! ```
#![no_std]

mod device;
mod errors;
mod views;

use core::fmt;
use core::mem::ManuallyDrop;

use frame_allocator::Frames;
use memory_types::state::Mapped;
use memory_types::{Caching, PAGE_SIZE, Permissions, PhysAddr, Region, VirtAddr, pages_for};
use page_allocator::{Area, Pages};
use paging::{Backing, Flushed};

pub use device::Register;
pub use errors::{MapError, ViewError};
pub use paging::{ProtectError, UnmapError};

/// An owned mapping. See the crate's documentation.
#[must_use = "dropping it unmaps the memory"]
pub struct MappedPages {
    pages: ManuallyDrop<Pages<Mapped>>,
    /// Where the usable bytes begin in the first page: not 0 only for device registers.
    offset: usize,
    len: usize,
    permissions: Permissions,
    /// Whether all cores agree on the permissions: false after a change that one of them did not hear of.
    agreed: bool,
    caching: Caching,
}

impl MappedPages {
    /// Maps `bytes` bytes of zeros, anywhere.
    ///
    /// # Errors
    /// If there are no pages or frames left, or if `bytes` is 0.
    pub fn allocate(bytes: usize, permissions: Permissions) -> Result<Self, MapError> {
        Self::allocate_in(Area::Dynamic, bytes, permissions)
    }

    /// Maps `bytes` bytes of zeros within 2 GiB of the kernel image, for the sections of a cell.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate).
    pub fn allocate_at_cell_area(bytes: usize, permissions: Permissions) -> Result<Self, MapError> {
        Self::allocate_in(Area::Cells, bytes, permissions)
    }

    fn allocate_in(area: Area, bytes: usize, permissions: Permissions) -> Result<Self, MapError> {
        let mut mapping = Self::of_nothing(area, 0, bytes, permissions, Caching::WriteBack)?;
        // On failure `mapping` is dropped, and takes back what was mapped so far.
        let count = mapping.pages.count();
        paging::attach(&mut mapping.pages, 0..count, Backing::Zeroed(permissions)).map_err(MapError::Map)?;
        Ok(mapping)
    }

    /// Maps `frames`, which keep what they hold, anywhere. They belong to the mapping from now on, and come back out of
    /// it by [`unmap`](Self::unmap).
    ///
    /// ```
    /// # paging::host::start();
    /// # use mapped_pages::MappedPages;
    /// # use memory_types::Permissions;
    /// let mut memory = MappedPages::allocate(4096, Permissions::ReadWrite)?;
    /// memory.as_slice_mut::<u8>(0, 4096)?.fill(7);
    /// let mut frames = None;
    /// memory.unmap()?.release(|frame| frames = Some(frame));
    /// let moved = MappedPages::map(frames.unwrap(), Permissions::ReadOnly)?;
    /// assert_eq!(moved.as_slice::<u8>(0, 4096)?, [7; 4096]);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there are no pages or page tables left; the frames are freed.
    pub fn map(frames: Frames, permissions: Permissions) -> Result<Self, MapError> {
        let bytes = frames.count().saturating_mul(PAGE_SIZE);
        let mut mapping = Self::of_nothing(Area::Dynamic, 0, bytes, permissions, Caching::WriteBack)?;
        // As above.
        paging::attach_frames(&mut mapping.pages, frames, permissions).map_err(MapError::Map)?;
        Ok(mapping)
    }

    /// Maps `bytes` bytes of device registers from physical address `start` on, read-write and uncached. They
    /// are used through [`read_register`](Self::read_register) and [`write_register`](Self::write_register), or
    /// at [`start`](Self::start) by a driver that does its own volatile accesses.
    ///
    /// # Errors
    /// As [`allocate`](Self::allocate), or if the range is memory that the frame allocator could hand out.
    ///
    /// # Safety
    /// The range is registers of a device (not memory that anyone uses otherwise), and the caller may use it.
    pub unsafe fn map_device(start: PhysAddr, bytes: usize) -> Result<Self, MapError> {
        let end = start.as_u64().checked_add(bytes as u64).filter(|&end| PhysAddr::try_new(end).is_ok());
        let region = Region { start: start.as_u64(), end: end.ok_or(MapError::NotADevice(start))? };
        if frame_allocator::has_free_in(region) {
            return Err(MapError::NotADevice(start));
        }
        let offset = (start.as_u64() % PAGE_SIZE as u64) as usize;
        let mut mapping =
            Self::of_nothing(Area::Dynamic, offset, bytes, Permissions::ReadWrite, Caching::Uncached)?;
        // SAFETY: the caller says that these are registers, and that it may use them.
        unsafe { paging::attach_device(&mut mapping.pages, start) }.map_err(MapError::Map)?;
        Ok(mapping)
    }

    /// Pages for `bytes` bytes, none of them mapped yet.
    fn of_nothing(
        area: Area,
        offset: usize,
        len: usize,
        permissions: Permissions,
        caching: Caching,
    ) -> Result<Self, MapError> {
        if len == 0 {
            return Err(MapError::Empty);
        }
        let count = pages_for(len.saturating_add(offset));
        let pages = page_allocator::allocate(area, count, 1).map_err(MapError::OutOfPages)?;
        Ok(Self {
            pages: ManuallyDrop::new(pages.into_mapped()),
            offset,
            len,
            permissions,
            agreed: true,
            caching,
        })
    }

    /// Changes what may be done with the memory, on every core before this returns. The exclusive borrow ends
    /// all views first.
    ///
    /// # Errors
    /// If a core does not answer. The memory is read-only then; trying again is possible.
    pub fn protect(&mut self, permissions: Permissions) -> Result<(), ProtectError> {
        let from = self.agreed.then_some(self.permissions);
        let result = paging::protect(&mut self.pages, from, permissions);
        self.agreed = result.is_ok();
        // On failure, views go by what every core that answers allows.
        self.permissions = if self.agreed { permissions } else { Permissions::ReadOnly };
        result
    }

    /// The first usable address.
    #[must_use]
    pub fn start(&self) -> VirtAddr {
        self.pages.start() + self.offset as u64
    }

    /// How many bytes were asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Never: a mapping has at least a byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// What may be done with the memory.
    #[must_use]
    pub fn permissions(&self) -> Permissions {
        self.permissions
    }

    /// How the memory is cached: `Uncached` for device registers.
    #[must_use]
    pub fn caching(&self) -> Caching {
        self.caching
    }

    /// Unmaps, shoots down, and returns what pages and frames were owned: to be taken out, or dropped, which frees them.
    ///
    /// # Errors
    /// If a core does not answer; pages and frames are then lost on purpose.
    pub fn unmap(self) -> Result<Flushed, UnmapError> {
        let mut mapping = ManuallyDrop::new(self);
        // SAFETY: `mapping` is not used again, and its destructor does not run.
        let pages = unsafe { ManuallyDrop::take(&mut mapping.pages) };
        paging::detach(pages).map_err(UnmapError::Walk)?.flush().map_err(UnmapError::Unanswered)
    }
}

impl Drop for MappedPages {
    fn drop(&mut self) {
        // SAFETY: a destructor runs once, and nothing uses the field after it.
        let pages = unsafe { ManuallyDrop::take(&mut self.pages) };
        // A failure is logged there, and what is lost by it is lost on purpose.
        let _ = paging::retire(pages);
    }
}

impl fmt::Debug for MappedPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MappedPages({:#x}, {} bytes, {})", self.start(), self.len, self.permissions)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
