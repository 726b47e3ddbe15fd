//! Changing the entries of a range of 4 KiB pages. The caller owns the range, so its entries need no lock and
//! no atomic exchange; only the tables above are shared.

use core::fmt;

use memory_types::{Caching, PageRange, Permissions, PhysAddr, VirtAddr};

use crate::entry::{Entry, EntryState};
use crate::table::{Level, Table, TableMemory};
use crate::walk::{Mapper, WalkError};

/// How a frame is put into an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attributes {
    /// What may be done with the page.
    pub permissions: Permissions,
    /// How it is cached.
    pub caching: Caching,
    /// Whether its frame is freed with the mapping.
    pub owned: bool,
    /// Whether it is inaccessible until it is opened.
    pub reserve: bool,
}

/// Why pages could not be mapped. Those before `page` were, and stay so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AttachError<E> {
    /// The page has an entry already.
    InUse(VirtAddr),
    /// Its entry cannot be reached.
    Walk(WalkError),
    /// There was no frame for it.
    Frame(E),
}

impl<E: fmt::Display> fmt::Display for AttachError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(page) => write!(f, "page {page:#x} is mapped already; two owners claim it"),
            Self::Walk(error) => error.fmt(f),
            Self::Frame(error) => error.fmt(f),
        }
    }
}

impl<M: TableMemory> Mapper<M> {
    /// Maps each page of `range` to a frame that `next_frame` gives; it is asked after the entry was found free,
    /// so a frame that it gives is always used. No flush is needed: the processor does not cache absent
    /// translations (SDM volume 3, section 5.10.2.3).
    ///
    /// # Errors
    /// At the first page that cannot be mapped. Those before it stay mapped.
    pub fn attach<E>(
        &self,
        range: PageRange,
        attributes: Attributes,
        mut next_frame: impl FnMut() -> Result<PhysAddr, E>,
    ) -> Result<(), AttachError<E>> {
        let mut cached: Option<&Table> = None;
        for page in range.iter() {
            let index = Level::One.index(page);
            let table = match cached {
                Some(table) if index != 0 => table,
                _ => *cached.insert(self.find_or_make(page, Level::One).map_err(AttachError::Walk)?),
            };
            if table.get(index) != Entry::EMPTY {
                return Err(AttachError::InUse(page));
            }
            let frame = next_frame().map_err(AttachError::Frame)?;
            let entry = Entry::page(frame, attributes.permissions, attributes.caching, attributes.owned);
            table.set(index, if attributes.reserve { entry.into_reserve() } else { entry });
        }
        Ok(())
    }

    /// Makes all pages of `range` inaccessible; their entries keep naming their frames. Returns whether any was
    /// accessible, so that TLBs must be flushed before [`collect`](Self::collect).
    ///
    /// # Errors
    /// If a large page is in the way.
    pub fn detach(&self, range: PageRange) -> Result<bool, WalkError> {
        let mut was_present = false;
        self.update(range, |entry| {
            was_present |= entry.is_present();
            entry.into_stale()
        })?;
        Ok(was_present)
    }

    /// Gives the pages of `range` other permissions; holes stay holes.
    ///
    /// # Errors
    /// If a large page is in the way.
    pub fn set_permissions(&self, range: PageRange, permissions: Permissions) -> Result<(), WalkError> {
        self.update(range, |entry| match entry.state() {
            EntryState::Present | EntryState::Reserve => entry.with_permissions(permissions),
            EntryState::Empty | EntryState::Stale => entry,
        })
    }

    /// Makes the reserve pages of `range` accessible. Allocates nothing and needs no flush.
    ///
    /// # Errors
    /// If a large page is in the way.
    pub fn open(&self, range: PageRange) -> Result<(), WalkError> {
        self.update(range, Entry::opened)
    }

    /// Empties the stale entries of `range`, and hands their frames to `frame` with whether they were owned.
    ///
    /// # Errors
    /// If a large page is in the way.
    pub fn collect(&self, range: PageRange, mut frame: impl FnMut(PhysAddr, bool)) -> Result<(), WalkError> {
        self.update(range, |entry| {
            if entry.state() != EntryState::Stale {
                return entry;
            }
            frame(entry.address(), entry.is_owned());
            Entry::EMPTY
        })
    }

    /// Replaces each entry of `range` that is not empty.
    fn update(&self, range: PageRange, mut change: impl FnMut(Entry) -> Entry) -> Result<(), WalkError> {
        let mut cached: Option<&Table> = None;
        for (number, page) in range.iter().enumerate() {
            let index = Level::One.index(page);
            if number == 0 || index == 0 {
                cached = self.find(page, Level::One)?;
            }
            let Some(table) = cached else { continue };
            let entry = table.get(index);
            if entry != Entry::EMPTY {
                table.set(index, change(entry));
            }
        }
        Ok(())
    }
}
