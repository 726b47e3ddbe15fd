//! Plain ranges: they describe, they do not own. The owners are `Frames` and `Pages`.

use crate::{PAGE_SIZE, PhysAddr, VirtAddr};

/// Addresses `start..end` of virtual memory, both multiples of [`PAGE_SIZE`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressRange {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
}

impl AddressRange {
    pub(crate) const fn new(start: u64, end: u64) -> Self {
        assert!(start < end && start.is_multiple_of(4096) && end.is_multiple_of(4096));
        Self { start, end }
    }

    /// Bytes in the range.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Never: a range of the layout has at least a page.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Pages in the range.
    #[must_use]
    pub const fn pages(&self) -> usize {
        (self.len() / PAGE_SIZE as u64) as usize
    }

    /// Whether `address` is one of it.
    #[must_use]
    pub const fn contains(&self, address: u64) -> bool {
        self.start <= address && address < self.end
    }
}

/// Bytes `start..end` of physical memory, as firmware describes it: not aligned, perhaps empty or reversed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// First byte.
    pub start: u64,
    /// First byte after it.
    pub end: u64,
}

impl Region {
    /// The frames that lie wholly inside, as numbers `first..end`. Empty for an empty or reversed region.
    #[must_use]
    pub const fn frames_inside(&self) -> (u64, u64) {
        let (first, end) = (self.start.div_ceil(PAGE_SIZE as u64), self.end / PAGE_SIZE as u64);
        (first, if end > first { end } else { first })
    }

    /// The frames that it touches, as numbers `first..end`. Empty for an empty or reversed region.
    #[must_use]
    pub const fn frames_touched(&self) -> (u64, u64) {
        let (first, end) = (self.start / PAGE_SIZE as u64, self.end.div_ceil(PAGE_SIZE as u64));
        (first, if self.end > self.start { end } else { first })
    }

    /// Whether the two share a byte.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end && self.start < self.end && other.start < other.end
    }

    /// Whether `address` is one of its bytes.
    #[must_use]
    pub fn contains(&self, address: PhysAddr) -> bool {
        self.start <= address.as_u64() && address.as_u64() < self.end
    }
}

/// `count` pages from `start` on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PageRange {
    start: VirtAddr,
    count: usize,
}

impl PageRange {
    /// The `count` pages from `start` on; `None` if `start` is not a page's, or if the range is not wholly
    /// in one half of the address space.
    #[must_use]
    pub fn new(start: VirtAddr, count: usize) -> Option<Self> {
        if !start.is_aligned(PAGE_SIZE as u64) {
            return None;
        }
        let bytes = (count as u64).checked_mul(PAGE_SIZE as u64)?;
        if let Some(last) = bytes.checked_sub(1) {
            let last = VirtAddr::try_new(start.as_u64().checked_add(last)?).ok()?;
            if (last.as_u64() ^ start.as_u64()) >> 63 != 0 {
                return None;
            }
        }
        Some(Self { start, count })
    }

    /// The first address.
    #[must_use]
    pub const fn start(&self) -> VirtAddr {
        self.start
    }

    /// How many pages.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// How many bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count * PAGE_SIZE
    }

    /// Whether it has no pages.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The address of page `index`, or `None` past the end.
    #[must_use]
    pub fn page(&self, index: usize) -> Option<VirtAddr> {
        (index < self.count).then(|| VirtAddr::new_truncate(self.start.as_u64() + (index * PAGE_SIZE) as u64))
    }

    /// Pages `first..end` of it, or `None` if it has not so many.
    #[must_use]
    pub fn slice(&self, first: usize, end: usize) -> Option<Self> {
        if first > end || end > self.count {
            return None;
        }
        // `wrapping`: an empty slice at the very top of the address space has no address.
        let start = self.start.as_u64().wrapping_add((first * PAGE_SIZE) as u64);
        Some(Self { start: VirtAddr::new_truncate(start), count: end - first })
    }

    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(&self, address: VirtAddr) -> bool {
        address.as_u64().checked_sub(self.start.as_u64()).is_some_and(|offset| offset < self.len() as u64)
    }

    /// The addresses of its pages, in order.
    pub fn iter(&self) -> impl Iterator<Item = VirtAddr> + use<> {
        let range = *self;
        (0..self.count).filter_map(move |index| range.page(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_round_inwards_and_outwards() {
        let region = Region { start: 1, end: 3 * 4096 + 1 };
        assert_eq!(region.frames_inside(), (1, 3));
        assert_eq!(region.frames_touched(), (0, 4));
        assert_eq!(Region { start: 5, end: 6 }.frames_inside(), (1, 1));
        assert_eq!(
            Region { start: 9000, end: 10 }.frames_touched().0,
            Region { start: 9000, end: 10 }.frames_touched().1
        );
        assert_eq!(Region { start: u64::MAX, end: u64::MAX }.frames_touched().1 - u64::MAX / 4096, 0);
    }

    #[test]
    fn page_ranges_do_not_cross_the_hole() {
        let low_top = VirtAddr::new(0x7fff_ffff_f000);
        assert!(PageRange::new(low_top, 1).is_some());
        assert!(PageRange::new(low_top, 2).is_none());
        assert!(PageRange::new(VirtAddr::new(0xffff_ffff_ffff_f000), 1).is_some());
        assert!(PageRange::new(VirtAddr::new(0xffff_ffff_ffff_f000), 2).is_none());
        assert!(PageRange::new(VirtAddr::new(8), 1).is_none());
        assert!(PageRange::new(VirtAddr::new(0), usize::MAX).is_none());
    }

    #[test]
    fn slices_stay_inside() {
        let range = PageRange::new(VirtAddr::new(0x10_0000), 4).unwrap();
        assert_eq!(range.slice(1, 3).unwrap().start(), VirtAddr::new(0x10_1000));
        assert!(range.slice(1, 5).is_none() && range.slice(3, 2).is_none());
        assert_eq!(range.page(4), None);
        assert!(range.contains(VirtAddr::new(0x10_3fff)) && !range.contains(VirtAddr::new(0x10_4000)));
    }
}
