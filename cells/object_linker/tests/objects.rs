//! What the linker makes of real objects, and of damaged ones.

mod common;

use common::{ending, objects};
use object_linker::{Bases, Images, Kind, LinkError, MOST_BYTES, Part, SealError, plan, seal, verify_seal};
use proptest::prelude::*;

#[test]
fn real_cells_have_what_they_should() {
    let (up, down) = objects();
    let upstream = plan(up).expect("links");
    let downstream = plan(down).expect("links");
    assert!(upstream.manifest().starts_with(b"name=upstream\n"));
    let layout = downstream.layout();
    assert!(layout.eh_frame.end > layout.eh_frame.start + 4, "landing pads need an unwind table");
    assert!(layout.eh_frame.end <= layout.rodata && layout.slots.end <= layout.data);
    assert!(layout.bss >= 8, "SEEN is zero-initialised");
    assert!(layout.stubs.end > layout.stubs.start, "_Unwind_Resume is called through PLT32");

    let cell = downstream.exports().find(|s| s.name.ends_with("4CELL")).expect("pub static");
    assert_eq!((cell.part, cell.kind, cell.size), (Part::Data, Kind::Data, 32));
    assert!(!downstream.exports().any(|s| s.name.contains("DW.ref")), "hidden symbols stay inside");
    assert!(downstream.functions().count() >= 4);

    // Every name that the one imports from the other is there.
    let provided: Vec<&str> = upstream.exports().map(|s| s.name).collect();
    for end in ["6answer", "5other", "5CALLS"] {
        let name = ending(downstream.imports().iter().map(|i| i.name), end);
        assert!(provided.contains(&name), "{name}");
    }
    assert!(downstream.sites().iter().all(|s| s.offset % 8 == 0 && s.offset + 8 <= layout.data));
    let imports = downstream.imports().len();
    assert!((0..imports).all(|i| downstream.sites().iter().any(|s| s.import == i)), "each import has a site");
}

#[test]
fn seal_finds_every_flipped_bit_it_is_shown() {
    let mut object = objects().1.clone();
    let hash = seal(&mut object).expect("has a manifest");
    assert_eq!(seal(&mut object), Ok(hash), "sealing twice changes nothing");
    assert_eq!(verify_seal(&object), Ok(hash));
    for at in (64..object.len()).step_by(97) {
        let mut damaged = object.clone();
        damaged[at] ^= 0x10;
        assert!(verify_seal(&damaged).is_err(), "byte {at}");
    }
    assert!(matches!(verify_seal(&objects().1), Err(SealError::Broken(0, _))), "not sealed yet");
}

#[test]
fn names_that_share_bytes_are_refused() {
    let mut object = objects().1.clone();
    let word = |object: &[u8], at: usize| {
        usize::try_from(u64::from_le_bytes(object[at..at + 8].try_into().expect("eight bytes")))
            .expect("small")
    };
    let table = word(&object, 40);
    let kind = |object: &[u8], i: usize| object[table + 64 * i + 4];
    let symtab = table + 64 * (1..).find(|&i| kind(&object, i) == 2).expect("a symbol table");
    let (start, size) = (word(&object, symtab + 24), word(&object, symtab + 32));
    let strtab = table + 64 * usize::from(object[symtab + 40]);
    // A copy of the names behind everything, and in it one long name, which all symbols get.
    let (names, length) = (word(&object, strtab + 24), word(&object, strtab + 32));
    let copy = object[names..names + length].to_vec();
    let end = object.len();
    object.extend(copy);
    object.resize(object.len() + (1 << 16), b'a');
    object.push(0);
    let grown = (object.len() - end) as u64;
    object[strtab + 24..strtab + 32].copy_from_slice(&(end as u64).to_le_bytes());
    object[strtab + 32..strtab + 40].copy_from_slice(&grown.to_le_bytes());
    assert!(plan(&object).is_ok(), "nobody has the long name yet");
    for symbol in (start + 24..start + size).step_by(24) {
        object[symbol..symbol + 4].copy_from_slice(&(length as u32).to_le_bytes());
    }
    assert_eq!(plan(&object).map(|_| ()), Err(LinkError::NamesOverlap));
}

#[test]
fn memory_that_does_not_fit_is_refused() {
    let plan = plan(&objects().0).expect("links");
    let imports = vec![0; plan.imports().len()];
    let bases = Bases { text: 0x1000, rodata: 0x10_0000, data: 0x20_0000 };
    let empty = || Images { text: &mut [], rodata: &mut [], data: &mut [] };
    assert!(matches!(plan.link(bases, &imports, empty()), Err(LinkError::WrongImage(_))));
    assert!(matches!(plan.link(bases, &[1, 2, 3, 4], empty()), Err(LinkError::WrongImage("imports"))));
    let far = Bases { data: 0x7000_0000_0000, ..bases };
    let (mut t, mut r, mut d) = (vec![0; 1 << 16], vec![0; 1 << 16], vec![0; 1 << 16]);
    let images = Images { text: &mut t, rodata: &mut r, data: &mut d };
    assert!(matches!(plan.link(far, &imports, images), Err(LinkError::OutOfRange(..))));
}

#[test]
fn other_files_are_told_apart() {
    assert_eq!(plan(b"").map(|_| ()), Err(LinkError::NotElf));
    assert_eq!(plan(b"hello, world").map(|_| ()), Err(LinkError::NotElf));
    let program = std::fs::read(std::env::current_exe().expect("running")).expect("readable");
    assert!(matches!(plan(&program), Err(LinkError::WrongKind(..))));
}

/// Plans and, if that succeeds, links: neither may panic, whatever the bytes.
fn exercise(object: &[u8]) {
    let Ok(plan) = plan(object) else { return };
    let layout = plan.layout();
    let total = layout.text + layout.rodata + layout.data;
    assert!(total <= MOST_BYTES, "the bound holds for whatever was accepted");
    let size = |n: u64| usize::try_from(n).expect("bounded");
    let (mut text, mut rodata, mut data) =
        (vec![0; size(layout.text)], vec![0; size(layout.rodata)], vec![0; size(layout.data)]);
    let start = 0xffff_ffff_a000_0000;
    let bases = Bases { text: start, rodata: start + (32 << 20), data: start + (64 << 20) };
    let imports = vec![0xffff_ffff_8020_0000; plan.imports().len()];
    let _ = plan.link(bases, &imports, Images { text: &mut text, rodata: &mut rodata, data: &mut data });
    assert!(plan.sites().iter().all(|s| s.offset % 8 == 0 && s.offset + 8 <= layout.data));
    assert!(plan.defined().iter().all(|s| {
        let end = match s.part {
            Part::Text => layout.text,
            Part::Rodata => layout.rodata,
            Part::Data => layout.data,
        };
        s.offset + s.size <= end
    }));
}

/// Offsets where a change matters most: the header, the section table, symbols and relocations lie behind the code.
fn damage() -> impl Strategy<Value = (bool, prop::sample::Index, u8)> {
    (any::<bool>(), any::<prop::sample::Index>(), prop_oneof![Just(0), Just(0xff), Just(0x7f), any::<u8>()])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn mutated_objects_never_panic(which in any::<bool>(), changes in prop::collection::vec(damage(), 1..12)) {
        let mut object = if which { objects().0.clone() } else { objects().1.clone() };
        for (tables, at, value) in changes {
            let (from, length) = if tables { (object.len() / 2, object.len() - object.len() / 2) } else { (0, object.len()) };
            object[from + at.index(length)] = value;
        }
        exercise(&object);
    }

    #[test]
    fn truncated_objects_never_panic(which in any::<bool>(), cut in any::<prop::sample::Index>()) {
        let object = if which { &objects().0 } else { &objects().1 };
        prop_assert!(plan(&object[..cut.index(object.len())]).is_err(), "the section table is the last thing in the file");
    }

    /// Whole records of the tables replaced: sizes, offsets, indices and flags at their extremes.
    #[test]
    fn hostile_words_never_panic(which in any::<bool>(), words in prop::collection::vec((any::<prop::sample::Index>(), 0..9usize), 1..6)) {
        const WORDS: [u64; 9] = [0, 1, u64::MAX, u64::MAX / 2, 1 << 63, 0xffff_ffff, 0x1_0000_0000, 4096, 0xfff0];
        let mut object = if which { objects().0.clone() } else { objects().1.clone() };
        for (at, word) in words {
            let start = at.index(object.len() / 8 - 1) * 8;
            object[start..start + 8].copy_from_slice(&WORDS[word].to_le_bytes());
        }
        exercise(&object);
    }

    /// The section table alone, field by field.
    #[test]
    fn hostile_section_headers_never_panic(which in any::<bool>(), fields in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u64>(), 0..64u32), 1..6)) {
        let mut object = if which { objects().0.clone() } else { objects().1.clone() };
        let table = usize::try_from(u64::from_le_bytes(object[40..48].try_into().expect("eight bytes"))).expect("small");
        let count = usize::from(u16::from_le_bytes([object[60], object[61]]));
        for (section, field, value, shift) in fields {
            let start = table + section.index(count) * 64 + field.index(8) * 8;
            object[start..start + 8].copy_from_slice(&(value >> shift).to_le_bytes());
        }
        exercise(&object);
    }
}
