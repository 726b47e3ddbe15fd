//! What is mapped: areas by their start, split where a change cuts them, merged where a change makes them alike.

use alloc::collections::{BTreeMap, btree_map::Entry};
use alloc::vec::Vec;

use memory_types::state::Mapped;
use memory_types::{PAGE_SIZE, PageRange, Permissions, VirtAddr};
use page_allocator::Pages;

use crate::{Merging, ProtectError, VmaInfo};

/// Successive pages of one kind.
pub(crate) struct Vma {
    pub(crate) pages: Pages<Mapped>,
    pub(crate) permissions: Permissions,
    /// Whether all cores agree on the permissions: false after a change that one of them did not hear of.
    pub(crate) agreed: bool,
    pub(crate) merging: Merging,
}

impl Vma {
    fn end(&self) -> u64 {
        end(self.pages.range())
    }

    /// Whether the two may be one area, if they touch.
    fn like(&self, other: &Self) -> bool {
        let kind = |vma: &Self| (vma.permissions, vma.agreed, vma.merging);
        kind(self) == kind(other) && self.merging == Merging::WithNeighbours
    }

    fn protect(&mut self, permissions: Permissions) -> Result<(), ProtectError> {
        let from = self.agreed.then_some(self.permissions);
        let result = paging::protect(&mut self.pages, from, permissions);
        self.agreed = result.is_ok();
        self.permissions = if self.agreed { permissions } else { Permissions::ReadOnly };
        result.map_err(ProtectError::Protect)
    }
}

/// The areas of an address space. No two overlap, and none that touch could be one.
#[derive(Default)]
pub(crate) struct Areas {
    by_start: BTreeMap<u64, Vma>,
}

impl Areas {
    /// Adds an area, and merges it with those on either side if they are alike.
    pub(crate) fn insert(&mut self, vma: Vma) {
        let (start, end, merging) = (vma.pages.start().as_u64(), vma.end(), vma.merging);
        self.by_start.insert(start, vma);
        if merging == Merging::WithNeighbours {
            self.merge_at(end);
            self.merge_at(start);
        }
    }

    /// See [`AddressSpace::protect`](crate::AddressSpace::protect).
    pub(crate) fn protect(&mut self, range: PageRange, permissions: Permissions) -> Result<(), ProtectError> {
        // The usual case: the whole of one area, which is found at once.
        let whole = self.by_start.get_mut(&range.start().as_u64());
        if let Some(vma) = whole.filter(|vma| vma.pages.count() == range.count()) {
            let result = vma.protect(permissions);
            if vma.merging == Merging::WithNeighbours {
                self.merge_within(range);
            }
            return result;
        }
        self.check_all_mapped(range)?;
        self.split_around(range);
        let mut areas = self.by_start.range_mut(bounds(range));
        let result = areas.try_for_each(|(_, vma)| vma.protect(permissions));
        self.merge_within(range);
        result
    }

    /// Makes both ends of `range` ends of areas, where areas are.
    pub(crate) fn split_around(&mut self, range: PageRange) {
        self.split_at(range.start().as_u64());
        self.split_at(end(range));
    }

    /// Takes the area out that is just `range`, if there is such a one.
    pub(crate) fn take_whole(&mut self, range: PageRange) -> Option<Vma> {
        match self.by_start.entry(range.start().as_u64()) {
            Entry::Occupied(area) if area.get().pages.count() == range.count() => Some(area.remove()),
            _ => None,
        }
    }

    /// Takes the first area that begins in `range` out.
    pub(crate) fn take_first_in(&mut self, range: PageRange) -> Option<Vma> {
        let &start = self.by_start.range(bounds(range)).next()?.0;
        self.by_start.remove(&start)
    }

    /// Takes some area out.
    pub(crate) fn take_any(&mut self) -> Option<Vma> {
        self.by_start.pop_first().map(|(_, vma)| vma)
    }

    /// The area that `address` lies in.
    pub(crate) fn find(&self, address: VirtAddr) -> Option<VmaInfo> {
        let (_, vma) = self.by_start.range(..=address.as_u64()).next_back()?;
        vma.pages.range().contains(address).then(|| info(vma))
    }

    /// All areas, in order.
    pub(crate) fn infos(&self) -> Vec<VmaInfo> {
        self.by_start.values().map(info).collect()
    }

    fn check_all_mapped(&self, range: PageRange) -> Result<(), ProtectError> {
        let mut mapped_until = range.start();
        while mapped_until.as_u64() < end(range) {
            let vma = self.find(mapped_until).ok_or(ProtectError::NotMapped { address: mapped_until })?;
            mapped_until = vma.range.start() + vma.range.len() as u64;
        }
        Ok(())
    }

    /// Makes `address` a boundary, if it is inside of an area.
    fn split_at(&mut self, address: u64) {
        let Some((&start, vma)) = self.by_start.range_mut(..address).next_back() else { return };
        // Beyond the area's end there is nothing to split off.
        if let Some(pages) = vma.pages.split_off((address - start) as usize / PAGE_SIZE) {
            let rest = Vma { pages, ..*vma };
            self.by_start.insert(address, rest);
        }
    }

    /// Merges what can be one area in `range` and with its neighbours: from the last boundary to the first, because
    /// merging takes a boundary away.
    fn merge_within(&mut self, range: PageRange) {
        let mut boundary = Some(end(range));
        while let Some(at) = boundary {
            self.merge_at(at);
            boundary = self.by_start.range(range.start().as_u64()..at).next_back().map(|(&start, _)| start);
        }
    }

    /// Merges the area that ends at `address` with the one that begins there, if both exist and are alike.
    fn merge_at(&mut self, address: u64) {
        let before = self.by_start.range(..address).next_back().map(|(_, vma)| vma);
        let after = self.by_start.get(&address);
        let alike = matches!((before, after), (Some(before), Some(after))
            if before.end() == address && before.like(after));
        if !alike {
            return;
        }
        if let Some(after) = self.by_start.remove(&address)
            && let Some((_, before)) = self.by_start.range_mut(..address).next_back()
            // They touch; if they did not, none would be lost.
            && let Err(pages) = before.pages.append(after.pages)
        {
            self.by_start.insert(address, Vma { pages, ..after });
        }
    }

    #[cfg(test)]
    pub(crate) fn check(&self) {
        let mut before: Option<&Vma> = None;
        for (&start, vma) in &self.by_start {
            assert_eq!(start, vma.pages.start().as_u64());
            if let Some(before) = before {
                assert!(before.end() <= start, "two areas overlap");
                assert!(before.end() < start || !before.like(vma), "two areas should be one");
            }
            before = Some(vma);
        }
    }
}

fn info(vma: &Vma) -> VmaInfo {
    VmaInfo { range: vma.pages.range(), permissions: vma.permissions }
}

/// The address after the last of `range`: areas are never at the very top of the address space.
fn end(range: PageRange) -> u64 {
    range.start().as_u64() + range.len() as u64
}

fn bounds(range: PageRange) -> core::ops::Range<u64> {
    range.start().as_u64()..end(range)
}
