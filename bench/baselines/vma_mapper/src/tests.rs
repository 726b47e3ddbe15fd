//! The mapper on the simulated machine, against a model that has one entry per page.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use memory_types::{PAGE_SIZE, Permissions, VirtAddr};
use proptest::prelude::*;

use crate::{AddressSpace, MapError, Merging, ProtectError, UnmapError};

const SPACE: usize = 48;

/// One test at a time: they count free frames, and one of them makes a core deaf.
fn machine() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    paging::host::start();
    guard
}

fn free() -> usize {
    frame_allocator::stats().free
}

/// Page `number` after `start`.
fn page(start: VirtAddr, number: usize) -> VirtAddr {
    start + (number * PAGE_SIZE) as u64
}

/// Area by area: first page after `start`, count, permissions.
fn areas(space: &AddressSpace, start: VirtAddr) -> Vec<(usize, usize, Permissions)> {
    let number = |address: VirtAddr| (address - start) as usize / PAGE_SIZE;
    let areas = space.areas().into_iter();
    areas.map(|area| (number(area.range.start()), area.range.count(), area.permissions)).collect()
}

use Permissions::{ReadExecute, ReadOnly, ReadWrite};

#[test]
fn protect_splits_and_merges() {
    let _machine = machine();
    let space = AddressSpace::new(SPACE).unwrap();
    let start = space.map(10, ReadWrite).unwrap();
    space.protect(page(start, 3), 2, ReadOnly).unwrap();
    assert_eq!(areas(&space, start), [(0, 3, ReadWrite), (3, 2, ReadOnly), (5, 5, ReadWrite)]);
    space.protect(page(start, 4), 3, ReadOnly).unwrap();
    assert_eq!(areas(&space, start), [(0, 3, ReadWrite), (3, 4, ReadOnly), (7, 3, ReadWrite)]);
    space.protect(start, 10, ReadWrite).unwrap();
    assert_eq!(areas(&space, start), [(0, 10, ReadWrite)]);
    assert_eq!(space.find(page(start, 9)).unwrap().range.count(), 10);
    assert_eq!(space.find(page(start, 10)), None);
}

#[test]
fn neighbours_merge_unless_told_not_to() {
    let _machine = machine();
    let space = AddressSpace::new(SPACE).unwrap();
    // Each lies below the one before.
    for _ in 0..2 {
        space.map_with(1, ReadOnly, Merging::Never).unwrap();
    }
    space.map(1, ReadOnly).unwrap();
    space.map(1, ReadWrite).unwrap();
    let start = space.map(2, ReadWrite).unwrap();
    let apart = [(0, 3, ReadWrite), (3, 1, ReadOnly), (4, 1, ReadOnly), (5, 1, ReadOnly)];
    assert_eq!(areas(&space, start), apart);
    space.protect(start, 6, ReadExecute).unwrap();
    assert_eq!(areas(&space, start), [(0, 4, ReadExecute), (4, 1, ReadExecute), (5, 1, ReadExecute)]);
}

#[test]
fn unmapping_makes_holes_and_room() {
    let _machine = machine();
    let space = AddressSpace::new(SPACE).unwrap();
    let start = space.map(SPACE, ReadWrite).unwrap();
    assert_eq!(space.map(1, ReadWrite), Err(MapError::NoRoom { count: 1 }));
    space.unmap(page(start, 8), 4).unwrap();
    space.unmap(page(start, 20), 2).unwrap();
    assert!(paging::translate(page(start, 8)).is_none() && paging::translate(page(start, 12)).is_some());
    // The smallest gap that fits, not the first.
    assert_eq!(space.map(2, ReadOnly), Ok(page(start, 20)));
    assert_eq!(space.map(3, ReadOnly), Ok(page(start, 9)), "at the gap's end");
    assert_eq!(space.map(2, ReadOnly), Err(MapError::NoRoom { count: 2 }));
    // Holes are no error, and what is left over both ends stays.
    space.unmap(page(start, 7), 30).unwrap();
    assert_eq!(areas(&space, start), [(0, 7, ReadWrite), (37, 11, ReadWrite)]);
    assert_eq!(space.free_pages(), 30);
}

#[test]
fn a_hole_stops_protect_before_it_changes_anything() {
    let _machine = machine();
    let space = AddressSpace::new(SPACE).unwrap();
    let start = space.map(6, ReadWrite).unwrap();
    space.unmap(page(start, 4), 1).unwrap();
    let hole = Err(ProtectError::NotMapped { address: page(start, 4) });
    assert_eq!(space.protect(start, 6, ReadOnly), hole);
    assert_eq!(areas(&space, start), [(0, 4, ReadWrite), (5, 1, ReadWrite)]);
}

#[test]
fn what_is_no_range_is_refused() {
    let _machine = machine();
    let space = AddressSpace::new(SPACE).unwrap();
    let start = space.map(1, ReadWrite).unwrap();
    assert_eq!(space.map(0, ReadWrite), Err(MapError::Empty));
    for (start, count) in [(start, 0), (start + 1u64, 1), (start, usize::MAX)] {
        assert_eq!(space.unmap(start, count), Err(UnmapError::NotARange { start, count }));
        assert_eq!(space.protect(start, count, ReadOnly), Err(ProtectError::NotARange { start, count }));
    }
}

#[test]
fn dropping_it_frees_everything() {
    let _machine = machine();
    let fill = || {
        let space = AddressSpace::new(SPACE).unwrap();
        let start = space.map(SPACE, ReadWrite).unwrap();
        space.unmap(page(start, 5), 1).unwrap();
        start
    };
    let start = fill();
    let before = free();
    assert_eq!(fill(), start, "the pages were free again");
    assert_eq!(free(), before, "and the frames");
    assert!(paging::translate(start).is_none());
}

#[test]
fn without_memory_nothing_is_mapped_and_nothing_lost() {
    let _machine = machine();
    let before = free();
    let space = AddressSpace::new(before + 1).unwrap();
    assert!(matches!(space.map(before + 1, ReadWrite), Err(MapError::Map(_))));
    // Enough frames, but not for the page tables as well, which are made and stay.
    assert!(matches!(space.map(before, ReadWrite), Err(MapError::Map(_))));
    assert_eq!((space.areas().len(), space.free_pages()), (0, before + 1));
    assert!(free() >= before - before / 512 - 2);
}

#[test]
fn a_deaf_core_costs_the_memory_and_not_more() {
    let _machine = machine();
    let space = AddressSpace::new(SPACE).unwrap();
    let start = space.map(3, ReadWrite).unwrap();
    let before = free();
    paging::host::set_deaf(true);
    let protected = space.protect(start, 1, ReadExecute);
    let unmapped = space.unmap(page(start, 1), 1);
    paging::host::set_deaf(false);
    assert!(matches!(protected, Err(ProtectError::Protect(_))), "{protected:?}");
    assert!(matches!(unmapped, Err(UnmapError::Unmap(_))), "{unmapped:?}");
    assert_eq!(areas(&space, start), [(0, 1, ReadOnly), (2, 1, ReadWrite)]);
    assert_eq!((free(), space.free_pages()), (before, SPACE - 3), "the page is neither used nor free");
    space.protect(start, 1, ReadOnly).unwrap();
    assert!(paging::translate(start).is_some_and(|found| !found.writable && !found.executable));
}

/// A change, with page numbers.
#[derive(Clone, Debug)]
enum Step {
    Map(usize, Permissions, Merging),
    Protect(usize, usize, Permissions),
    Unmap(usize, usize),
}

fn permissions() -> impl Strategy<Value = Permissions> {
    prop_oneof![Just(ReadOnly), Just(ReadWrite), Just(ReadExecute)]
}

fn step() -> impl Strategy<Value = Step> {
    let merging = prop_oneof![3 => Just(Merging::WithNeighbours), 1 => Just(Merging::Never)];
    prop_oneof![
        (1..9usize, permissions(), merging).prop_map(|(count, to, merging)| Step::Map(count, to, merging)),
        (0..SPACE, 1..20usize, permissions()).prop_map(|(first, count, to)| Step::Protect(first, count, to)),
        (0..SPACE, 1..20usize).prop_map(|(first, count)| Step::Unmap(first, count)),
    ]
}

/// Lengths of the runs of pages that the model does not have.
fn gaps(model: &BTreeMap<usize, Permissions>) -> Vec<usize> {
    let free: Vec<bool> = (0..SPACE).map(|page| !model.contains_key(&page)).collect();
    free.split(|free| !free).map(<[bool]>::len).filter(|&len| len > 0).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]
    #[test]
    fn like_a_table_of_pages(steps in proptest::collection::vec(step(), 1..40)) {
        let _machine = machine();
        let space = AddressSpace::new(SPACE).unwrap();
        let start = space.map(SPACE, ReadWrite).unwrap();
        space.unmap(start, SPACE).unwrap();
        let mut model: BTreeMap<usize, Permissions> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Map(count, to, merging) => {
                    let fit = gaps(&model).into_iter().filter(|&gap| gap >= count).min();
                    match space.map_with(count, to, merging) {
                        Ok(at) => {
                            let first = (at - start) as usize / PAGE_SIZE;
                            let before = model.range(..first).next_back().map_or(0, |(last, _)| last + 1);
                            let after = model.range(first..).next().map_or(SPACE, |(&next, _)| next);
                            prop_assert_eq!(Some(after - before), fit, "not the best fit");
                            prop_assert_eq!(first + count, after, "not at its end");
                            model.extend((first..first + count).map(|page| (page, to)));
                        }
                        Err(error) => {
                            prop_assert_eq!((error, fit), (MapError::NoRoom { count }, None));
                        }
                    }
                }
                Step::Protect(first, count, to) => {
                    let hole = (first..first + count).find(|page| !model.contains_key(page));
                    let expected = match hole {
                        Some(hole) => Err(ProtectError::NotMapped { address: page(start, hole) }),
                        None => {
                            model.extend((first..first + count).map(|page| (page, to)));
                            Ok(())
                        }
                    };
                    prop_assert_eq!(space.protect(page(start, first), count, to), expected);
                }
                Step::Unmap(first, count) => {
                    model.retain(|page, _| !(first..first + count).contains(page));
                    prop_assert_eq!(space.unmap(page(start, first), count), Ok(()));
                }
            }
            let inner = space.inner.lock().unwrap();
            inner.areas.check();
            inner.gaps.check();
            drop(inner);
            prop_assert_eq!(space.free_pages(), SPACE - model.len());
            for number in 0..SPACE {
                let expected = model.get(&number).copied();
                let at = page(start, number);
                prop_assert_eq!(space.find(at).map(|area| area.permissions), expected);
                let found = paging::translate(at).map(|found| (found.writable, found.executable));
                prop_assert_eq!(found, expected.map(|to| (to.writable(), to.executable())), "the page tables");
            }
        }
    }
}
