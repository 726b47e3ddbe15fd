//! The formats against themselves, and against damage.

use crate::*;
use alloc::{format, string::ToString, vec::Vec};
use proptest::prelude::*;

const START: u64 = 0xffff_ffff_8020_0000;
const END: u64 = START + 0x10_0000;

fn cell(name: &str) -> NewCell {
    NewCell {
        name: name.into(),
        version: "0.1.0".into(),
        hash: crate::hash(name.as_bytes()),
        interface: 7,
        text: 1,
        rodata: 2,
        data: 3,
        unsafe_code: UnsafeCode::Forbidden,
        exports: 4,
        imports: 5,
    }
}

fn symbol(name: &str, offset: u64, size: u64, cell: u32) -> NewSymbol {
    NewSymbol {
        name: name.into(),
        address: START + offset,
        size,
        kind: SymbolKind::Function,
        exported: true,
        cell: Some(cell),
    }
}

fn sample(count: u64) -> Vec<u8> {
    let mut map = MapBuilder::new("rustc 1.95.0", START, END);
    let core = map.cell(cell("core"));
    let sched = map.cell(cell("scheduler"));
    for i in (0..count).rev() {
        map.symbol(symbol(&format!("_RNvC4core{i}"), i * 32, 16, if i % 2 == 0 { core } else { sched }));
    }
    map.dependency(sched, core);
    map.dependency(sched, core);
    map.finish().expect("valid")
}

#[test]
fn finds_every_symbol_by_name_and_address() {
    let bytes = sample(1000);
    let map = SymbolMap::parse(&bytes).expect("just written");
    assert_eq!((map.symbol_count(), map.export_count(), map.cell_count()), (1000, 1000, 2));
    for i in 0..1000 {
        let name = format!("_RNvC4core{i}");
        let found = map.find(&name).expect("present");
        assert_eq!((found.name, found.address), (name.as_str(), START + i * 32));
        assert_eq!(map.at(found.address + 15).map(|(s, o)| (s.name, o)), Some((name.as_str(), 15)));
        assert_eq!(map.at(found.address + 16), None, "the gap behind a sized symbol belongs to nobody");
    }
    assert_eq!(map.find("_RNvC4core1000"), None);
    assert_eq!(map.at(START - 1), None);
    assert_eq!(map.at(END), None);
    let (index, core) = map.find_cell("core").expect("present");
    assert_eq!((core.version, core.unsafe_code, core.exports), ("0.1.0", UnsafeCode::Forbidden, 4));
    assert_eq!(map.dependants(index).collect::<Vec<_>>(), [1]);
    assert_eq!(map.compiler(), "rustc 1.95.0");
}

#[test]
fn a_label_inside_a_function_does_not_hide_it() {
    let mut map = MapBuilder::new("r", START, END);
    let c = map.cell(cell("core"));
    map.symbol(symbol("function", 0, 100, c));
    map.symbol(symbol("inner", 10, 4, c));
    map.symbol(NewSymbol { exported: false, ..symbol("label", 200, 0, c) });
    let bytes = map.finish().expect("valid");
    let map = SymbolMap::parse(&bytes).expect("just written");
    assert_eq!(map.at(START + 50).map(|(s, _)| s.name), Some("function"));
    assert_eq!(map.at(START + 11).map(|(s, _)| s.name), Some("inner"));
    assert_eq!(map.at(START + 300).map(|(s, o)| (s.name, o)), Some(("label", 100)));
    assert_eq!(map.find("label"), None, "not exported");
}

#[test]
fn ambiguity_is_refused() {
    let mut map = MapBuilder::new("r", START, END);
    let c = map.cell(cell("core"));
    map.symbol(symbol("twice", 0, 1, c));
    map.symbol(symbol("twice", 8, 1, c));
    assert_eq!(map.finish(), Err(WriteError::DuplicateExport("twice".into())));
    let mut map = MapBuilder::new("r", START, END);
    map.symbol(symbol("orphan", 0, 1, 3));
    assert_eq!(map.finish(), Err(WriteError::NoSuchCell(3)));
    let mut map = MapBuilder::new("r", START, END);
    map.symbol(NewSymbol { cell: None, ..symbol("far", 0x1000_0000, 1, 0) });
    assert!(matches!(map.finish(), Err(WriteError::OutsideImage(..))));
}

#[test]
fn damage_is_named() {
    let bytes = sample(10);
    assert!(matches!(SymbolMap::parse(&[]), Err(MapError::Truncated(0, _))));
    assert!(matches!(SymbolMap::parse(&bytes[..bytes.len() - 1]), Err(MapError::Truncated(..))));
    assert!(matches!(SymbolMap::parse(&[b'x'; 500]), Err(MapError::NotAMap)));
    let mut flipped = bytes.clone();
    flipped[300] ^= 1;
    assert!(matches!(SymbolMap::parse(&flipped), Err(MapError::Corrupt(..))));
}

fn manifest() -> alloc::string::String {
    let needs = [Need { name: "cell_api", hash: 0xabc }, Need { name: "sched_policy", hash: u64::MAX }];
    ManifestText {
        name: "round_robin",
        version: "0.1.0",
        compiler: "rustc 1.95.0 (59807616e 2026-04-14) LLVM 22",
        interface: 5,
        unsafe_code: UnsafeCode::Forbidden,
        needs: &needs,
    }
    .to_string()
}

#[test]
fn manifest_round_trip() {
    let text = manifest();
    let m = Manifest::parse(text.as_bytes()).expect("just written");
    assert_eq!((m.name, m.version, m.hash, m.interface), ("round_robin", "0.1.0", 0, 5));
    assert_eq!(
        m.needs().map(|n| (n.name, n.hash)).collect::<Vec<_>>(),
        [("cell_api", 0xabc), ("sched_policy", u64::MAX)]
    );
    let at = Manifest::hash_offset(text.as_bytes()).expect("has a hash");
    assert_eq!(&text[at..at + 16], HASH_PLACEHOLDER);
}

#[test]
fn manifest_errors() {
    let text = manifest();
    let parse = |t: &str| Manifest::parse(t.as_bytes()).map(|_| ()).map_err(|e| e.to_string());
    assert!(parse(&text.replace("name=round_robin\n", "")).unwrap_err().contains("no name="));
    assert!(parse(&(text.clone() + "name=b\n")).unwrap_err().contains("twice"));
    assert!(parse(&(text.clone() + "color=b\n")).unwrap_err().contains("color"));
    assert!(parse(&(text.clone() + "needs=b\n")).unwrap_err().contains("needs=b"));
    assert!(parse(&text.replace("forbidden", "maybe")).unwrap_err().contains("unsafe=maybe"));
    assert!(parse(&text.replace("round_robin", "../x")).unwrap_err().contains("name=../x"));
    assert!(parse("no line").unwrap_err().contains("key=value"));
}

proptest! {
    /// Whatever the tables say, with a checksum that fits, no accessor panics.
    #[test]
    fn forged_maps_never_panic(damage in proptest::collection::vec((24usize..2000, any::<u8>()), 1..12), cut in 0usize..2000) {
        let mut bytes = sample(20);
        for (at, value) in damage {
            if let Some(byte) = bytes.get_mut(at) { *byte = value; }
        }
        bytes.truncate(bytes.len().saturating_sub(cut / 8));
        let total = (bytes.len() as u64).to_le_bytes();
        if bytes.len() > 24 {
            bytes[8..16].copy_from_slice(&total);
            let sum = crate::hash(&bytes[24..]).to_le_bytes();
            bytes[16..24].copy_from_slice(&sum);
        }
        if let Ok(map) = SymbolMap::parse(&bytes) {
            let _ = map.find("_RNvC4core3");
            for i in 0..64 { let _ = map.at(START + i * 11); let _ = map.cell(i as usize); let _ = map.dependants(i as usize).count(); }
            let _ = map.symbols().count();
            let _ = map.find_cell("scheduler");
        }
    }

    #[test]
    fn any_bytes_are_no_manifest_or_a_good_one(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(m) = Manifest::parse(&bytes) { prop_assert!(valid_name(m.name)); }
        let _ = Manifest::hash_offset(&bytes);
    }
}
