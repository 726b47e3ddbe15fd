//! Sequences of operations on a range, against a model and the second walker; and threads that share tables.

use std::collections::BTreeMap;
use std::vec::Vec;

use memory_types::layout::DYNAMIC;
use memory_types::{Caching, PageRange, Permissions, PhysAddr, VirtAddr};
use proptest::prelude::*;

use super::Simulated;
use crate::edit::{AttachError, Attributes};
use crate::entry::EntryState;

/// The range under test reaches over a boundary of page tables and of directories.
const START: u64 = DYNAMIC.start + (1 << 30) - 700 * 4096;
const PAGES: usize = 1400;

fn range(first: usize, count: usize) -> PageRange {
    PageRange::new(VirtAddr::new(START), PAGES).unwrap().slice(first, (first + count).min(PAGES)).unwrap()
}

#[derive(Clone, Debug)]
enum Step {
    Attach { first: usize, count: usize, permissions: Permissions, reserve: bool, owned: bool, frames: u64 },
    Permissions { first: usize, count: usize, permissions: Permissions },
    Detach { first: usize, count: usize },
    Collect { first: usize, count: usize },
    Open { first: usize, count: usize },
}

fn permissions() -> impl Strategy<Value = Permissions> {
    prop_oneof![Just(Permissions::ReadOnly), Just(Permissions::ReadWrite), Just(Permissions::ReadExecute)]
}

fn step() -> impl Strategy<Value = Step> {
    let place = || {
        prop_oneof![
            (0..PAGES, 1..20usize),
            (180..190usize, 1..20usize),
            (690..705usize, 1..20usize),
            (0..PAGES, 0..PAGES)
        ]
    };
    prop_oneof![
        4 => (place(), permissions(), any::<bool>(), any::<bool>(), prop_oneof![Just(u64::MAX), 0..9u64]).prop_map(
            |((first, count), permissions, reserve, owned, frames)|
            Step::Attach { first, count, permissions, reserve, owned, frames }),
        2 => (place(), permissions()).prop_map(|((first, count), permissions)| Step::Permissions { first, count, permissions }),
        3 => place().prop_map(|(first, count)| Step::Detach { first, count }),
        2 => place().prop_map(|(first, count)| Step::Collect { first, count }),
        2 => place().prop_map(|(first, count)| Step::Open { first, count }),
    ]
}

struct Page {
    frame: u64,
    state: EntryState,
    permissions: Permissions,
    owned: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn operations_agree_with_the_model(steps in proptest::collection::vec(step(), 1..40)) {
        let memory = Simulated::new(16);
        let mapper = crate::build::empty(&memory, 1 << 30).unwrap();
        let mut model: BTreeMap<u64, Page> = BTreeMap::new();
        let mut next_frame = 0x10_0000u64;
        for step in steps {
            match step {
                Step::Attach { first, count, permissions, reserve, owned, frames } => {
                    let range = range(first, count);
                    let mut left = frames;
                    let mut handed_out = Vec::new();
                    let attributes = Attributes { permissions, caching: Caching::WriteBack, owned, reserve };
                    let result = mapper.attach(range, attributes, || {
                        left = left.checked_sub(1).ok_or("no frame left")?;
                        // Scattered, and up to the top of the physical address space.
                        next_frame = ((next_frame * 5 + 0x1000) % (1 << 52)) & !0xfff;
                        handed_out.push(next_frame);
                        Ok(PhysAddr::new(next_frame))
                    });
                    let mut expected = Ok(());
                    let mut handed_out = handed_out.into_iter();
                    for page in range.iter() {
                        if model.contains_key(&page.as_u64()) {
                            expected = Err(AttachError::InUse(page));
                            break;
                        }
                        let Some(frame) = handed_out.next() else {
                            expected = Err(AttachError::Frame("no frame left"));
                            break;
                        };
                        let state = if reserve { EntryState::Reserve } else { EntryState::Present };
                        model.insert(page.as_u64(), Page { frame, state, permissions, owned });
                    }
                    prop_assert_eq!(result, expected);
                    prop_assert_eq!(handed_out.next(), None, "a frame was asked for and not used");
                }
                Step::Permissions { first, count, permissions } => {
                    mapper.set_permissions(range(first, count), permissions).unwrap();
                    for page in range(first, count).iter() {
                        if let Some(page) = model.get_mut(&page.as_u64()) && page.state != EntryState::Stale {
                            page.permissions = permissions;
                        }
                    }
                }
                Step::Detach { first, count } => {
                    let was_present = mapper.detach(range(first, count)).unwrap();
                    let mut expected = false;
                    for page in range(first, count).iter() {
                        if let Some(page) = model.get_mut(&page.as_u64()) {
                            expected |= page.state == EntryState::Present;
                            page.state = EntryState::Stale;
                        }
                    }
                    prop_assert_eq!(was_present, expected);
                }
                Step::Collect { first, count } => {
                    let mut got = Vec::new();
                    mapper.collect(range(first, count), |frame, owned| got.push((frame.as_u64(), owned))).unwrap();
                    let mut expected = Vec::new();
                    for page in range(first, count).iter() {
                        if model.get(&page.as_u64()).is_some_and(|page| page.state == EntryState::Stale) {
                            let page = model.remove(&page.as_u64()).unwrap();
                            expected.push((page.frame, page.owned));
                        }
                    }
                    prop_assert_eq!(got, expected);
                }
                Step::Open { first, count } => {
                    mapper.open(range(first, count)).unwrap();
                    for page in range(first, count).iter() {
                        if let Some(page) = model.get_mut(&page.as_u64()) && page.state == EntryState::Reserve {
                            page.state = EntryState::Present;
                        }
                    }
                }
            }
        }
        for page in range(0, PAGES).iter() {
            let expected = model.get(&page.as_u64()).filter(|page| page.state == EntryState::Present)
                .map(|page| (page.frame + 7, page.permissions.writable(), page.permissions.executable()));
            prop_assert_eq!(memory.walk(mapper.root_address().as_u64(), page.as_u64() + 7), expected, "{:#x}", page);
            let ours = mapper.translate(page + 7).map(|found| (found.address.as_u64(), found.writable, found.executable));
            prop_assert_eq!(ours, expected);
        }
        let audit = mapper.audit(&[]);
        prop_assert!(audit.is_sound());
        let count = |state| model.values().filter(|page| page.state == state).count();
        prop_assert_eq!(audit.reserve, count(EntryState::Reserve));
        prop_assert_eq!(audit.stale, count(EntryState::Stale));
        prop_assert_eq!(
            audit.read_only.small + audit.read_write.small + audit.read_execute.small,
            count(EntryState::Present)
        );
    }
}

#[test]
fn threads_that_map_neighbouring_pages_share_the_tables() {
    for _ in 0..50 {
        let memory = Simulated::new(64);
        let mapper = crate::build::empty(&memory, 1 << 30).unwrap();
        let attributes = Attributes {
            permissions: Permissions::ReadWrite,
            caching: Caching::WriteBack,
            owned: true,
            reserve: false,
        };
        std::thread::scope(|scope| {
            for thread in 0..4usize {
                let mapper = &mapper;
                scope.spawn(move || {
                    for page in (thread..PAGES).step_by(4) {
                        let frame = PhysAddr::new(page as u64 * 4096);
                        mapper.attach(range(page, 1), attributes, || Ok::<_, ()>(frame)).unwrap();
                    }
                });
            }
        });
        for (number, page) in range(0, PAGES).iter().enumerate() {
            assert_eq!(mapper.translate(page).unwrap().address.as_u64(), number as u64 * 4096);
        }
        // The top table and one for each of the layout's regions; the range needs 2 directories and 4 page tables.
        assert_eq!(mapper.audit(&[]).tables, 1 + 5 + 2 + 4);
    }
}
