//! The kernel's first tables, and the audit.

use std::format;

use memory_types::layout::{CELLS, DYNAMIC, HEAP, IMAGE, PHYS_OFFSET};
use memory_types::{PageRange, Permissions, PhysAddr, VirtAddr};

use super::Simulated;
use crate::audit::Count;
use crate::build::{BuildError, KernelLayout, build};
use crate::edit::{AttachError, Attributes};
use crate::table::{Level, TableMemory};
use crate::walk::WalkError;

const GIB: u64 = 1 << 30;
const START: u64 = IMAGE.start + 0x20_0000;

fn layout() -> KernelLayout {
    KernelLayout {
        image_base: 0,
        text: START..START + 0x5_3000,
        rodata: START + 0x5_3000..START + 0x21_0000,
        data: START + 0x21_0000..START + 0x40_0000,
        physical_end: 3 * GIB + 0x7f_e123,
        gibibyte_pages: true,
    }
}

#[test]
fn every_page_has_the_permissions_of_its_section() {
    for gibibyte_pages in [true, false] {
        let memory = Simulated::new(64);
        let layout = KernelLayout { gibibyte_pages, ..layout() };
        let mapper = build(&memory, &layout).unwrap();
        let root = mapper.root_address().as_u64();
        for (section, write, execute) in
            [(&layout.text, false, true), (&layout.rodata, false, false), (&layout.data, true, false)]
        {
            for page in section.clone().step_by(4096) {
                assert_eq!(
                    memory.walk(root, page + 5),
                    Some((page + 5 - IMAGE.start, write, execute)),
                    "{page:#x}"
                );
            }
        }
        assert_eq!(memory.walk(root, START - 1), None);
        assert_eq!(memory.walk(root, layout.data.end), None);
        let constant = layout.text.start - IMAGE.start..layout.rodata.end - IMAGE.start;
        for physical in (0..layout.physical_end).step_by(4096 * 13).chain(constant.clone().step_by(4096)) {
            let expected = Some((physical, !constant.contains(&physical), false));
            assert_eq!(memory.walk(root, PHYS_OFFSET + physical), expected, "{physical:#x}");
        }
        let end = layout.physical_end.next_multiple_of(4096);
        assert!(memory.walk(root, PHYS_OFFSET + end - 1).is_some());
        assert_eq!(memory.walk(root, PHYS_OFFSET + end), None);
        assert_eq!(memory.walk(root, 0), None);

        let audit = mapper.audit(&layout.read_only());
        assert!(audit.is_sound(), "{audit}");
        let physical_map = end - (constant.end - constant.start);
        assert_eq!(audit.read_write.bytes(), physical_map + (layout.data.end - layout.data.start));
        assert_eq!(audit.read_execute, Count { small: 0x53, ..Count::default() });
        assert_eq!(audit.read_write.gibibyte, if gibibyte_pages { 2 } else { 0 });
    }
}

#[test]
fn regions_of_the_layout_can_be_mapped_later_and_nothing_else() {
    let memory = Simulated::new(64);
    let mapper = build(&memory, &layout()).unwrap();
    let attributes = Attributes {
        permissions: Permissions::ReadOnly,
        caching: memory_types::Caching::WriteBack,
        owned: true,
        reserve: false,
    };
    let attach = |at: u64| {
        let page = PageRange::new(VirtAddr::new(at), 1).unwrap();
        mapper.attach(page, attributes, || Ok::<_, ()>(PhysAddr::new(0x1234_5000)))
    };
    for region in [DYNAMIC, HEAP, CELLS] {
        assert_eq!(attach(region.start), Ok(()));
        assert_eq!(attach(region.end - 4096), Ok(()));
        assert_eq!(attach(region.start), Err(AttachError::InUse(VirtAddr::new(region.start))));
    }
    let stray = VirtAddr::new(0x7000_0000_0000);
    assert_eq!(attach(stray.as_u64()), Err(AttachError::Walk(WalkError::NoTopLevel(stray))));
    let huge = VirtAddr::new(PHYS_OFFSET + GIB);
    assert_eq!(attach(huge.as_u64()), Err(AttachError::Walk(WalkError::HugePage(huge))));
}

#[test]
fn the_audit_finds_what_is_planted() {
    let memory = Simulated::new(64);
    let layout = layout();
    let mapper = build(&memory, &layout).unwrap();
    let plant = |address: u64, level: Level, bits: u64, cleared: u64| {
        let address = VirtAddr::new(address);
        let table = mapper.find(address, level).unwrap().unwrap();
        let entry = table.get(level.index(address));
        table.set(level.index(address), crate::Entry(entry.0 & !cleared | bits));
    };
    // Code made writable: writable and executable, and an alias of itself.
    plant(layout.text.start, Level::One, 2, 0);
    // A data page made executable, and a whole GiB.
    plant(layout.data.start + 0x3000, Level::One, 0, 1 << 63);
    plant(PHYS_OFFSET + 2 * GIB, Level::Three, 0, 1 << 63);
    let audit = mapper.audit(&layout.read_only());
    assert!(!audit.is_sound());
    assert_eq!(audit.write_execute, Count { small: 2, mebibyte: 0, gibibyte: 1 });
    for page in [layout.text.start, layout.data.start + 0x3000, PHYS_OFFSET + 2 * GIB] {
        assert!(audit.write_execute_at.contains(&VirtAddr::new(page)), "{page:#x}");
        assert!(format!("{audit}").contains(&format!("{page:#x}")));
    }
    assert_eq!(audit.writable_aliases, 1);

    // Constants writable through the window onto physical memory, and a page for ring 3 at all four levels.
    let memory = Simulated::new(64);
    let mapper = build(&memory, &layout).unwrap();
    let alias = PHYS_OFFSET + (layout.rodata.start - IMAGE.start);
    for (level, bits) in [(Level::Four, 4), (Level::Three, 4), (Level::Two, 4), (Level::One, 6)] {
        let table = mapper.find(VirtAddr::new(alias), level).unwrap().unwrap();
        let index = level.index(VirtAddr::new(alias));
        table.set(index, crate::Entry(table.get(index).0 | bits));
    }
    let audit = mapper.audit(&layout.read_only());
    assert_eq!((audit.write_execute, audit.writable_aliases, audit.user), (Count::default(), 1, 1));
    assert_eq!(audit.writable_alias_at.as_slice(), &[VirtAddr::new(alias)]);
    assert!(!audit.is_sound());
}

#[test]
fn nonsense_is_refused_with_the_sections_name() {
    let good = layout();
    let check = |layout: KernelLayout| build(&Simulated::new(64), &layout).map(|_| ()).unwrap_err();
    assert_eq!(
        check(KernelLayout { text: START + 1..START + 0x5_3000, ..good.clone() }),
        BuildError::Misaligned("text")
    );
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = START + 0x1000..START;
    assert_eq!(check(KernelLayout { data: reversed, ..good.clone() }), BuildError::Misaligned("data"));
    assert_eq!(
        check(KernelLayout { data: 0x1000..0x2000, ..good.clone() }),
        BuildError::OutsideImage("data")
    );
    assert_eq!(
        check(KernelLayout { rodata: START + 0x5_2000..START + 0x6_0000, ..good.clone() }),
        BuildError::Overlap("text", "rodata")
    );
    for physical_end in [0, u64::MAX, (1 << 46) + 1] {
        assert_eq!(
            check(KernelLayout { physical_end, ..good.clone() }),
            BuildError::PhysicalEnd(physical_end)
        );
    }
    assert_eq!(
        check(KernelLayout { image_base: 8 * GIB, ..good.clone() }),
        BuildError::ImageBeyondMemory("text")
    );
    assert_eq!(
        check(KernelLayout { image_base: 1 << 63, ..good.clone() }),
        BuildError::ImageBeyondMemory("text")
    );
    assert!(matches!(
        build(&Simulated::new(7), &good).map(|_| ()),
        Err(BuildError::Walk(WalkError::OutOfFrames(_)))
    ));
}

#[test]
fn a_lost_race_for_a_table_gives_the_winners() {
    let memory = Simulated::new(8);
    let mapper = crate::build::empty(&memory, GIB).unwrap();
    let table = mapper.find(VirtAddr::new(DYNAMIC.start), Level::Three).unwrap().unwrap();
    let theirs = crate::Entry::table((&memory).new_table().unwrap());
    table.set(0, theirs);
    assert!(mapper.make_table(table, 0) == Ok(theirs));
    assert_eq!(memory.discarded.load(core::sync::atomic::Ordering::Relaxed), 1);
}
