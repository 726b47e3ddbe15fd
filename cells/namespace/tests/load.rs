//! Loading archives: good ones, and each way in which one can be bad.

#[allow(dead_code, reason = "each test uses a part of it")]
mod support;

use namespace::{BaseError, Damage, Kind, LoadError, Namespace};
use object_linker::seal;
use support::{FAILING, Host, MAPPED, archive, base_map, leak, objects, tar};

fn names(namespace: &Namespace<Host>) -> Vec<String> {
    namespace.cells().into_iter().filter(|c| !c.base).map(|c| c.name).collect()
}

#[test]
fn cells_load_in_the_order_of_their_imports() {
    let namespace = Namespace::<Host>::new();
    // `user` comes first in the archive and needs `lib_a`, which comes last.
    let report = namespace.load_archive(leak(archive(&["user", "first", "greeter", "program", "lib_a"])));
    assert_eq!(report.damage, None);
    assert!(report.base.is_ok());
    assert_eq!(report.refused().collect::<Vec<_>>(), []);
    assert_eq!(report.loaded().map(|c| c.name.as_str()).last(), Some("user"));
    let kinds: Vec<Kind> = report.loaded().map(|c| c.kind).collect();
    assert_eq!(kinds, [Kind::Policy, Kind::Commands, Kind::Program, Kind::Library, Kind::Library]);

    let cells = namespace.cells();
    let lib = cells.iter().find(|c| c.name == "lib_a").expect("loaded");
    assert_eq!(lib.dependants, ["user"]);
    let core = cells.iter().find(|c| c.name == "core").expect("in the base");
    assert!(core.base && core.dependants.contains(&"user".to_owned()), "{core:?}");

    let hello = namespace.find_command("hello").expect("greeter brings it");
    assert_eq!(hello.pin().cell(), "greeter");
    assert_eq!(namespace.programs().len(), 1);
    assert_eq!(namespace.policies()[0].policy, "first");
}

#[test]
fn addresses_have_names() {
    let namespace = Namespace::<Host>::new();
    namespace.load_archive(leak(archive(&["lib_a"])));
    let base = namespace.symbolize(0xffff_ffff_8020_0004).expect("in the image");
    assert_eq!((base.cell.as_str(), base.offset), ("core", 4));
    assert_eq!(namespace.symbolize(0x1000), None);
}

#[test]
fn what_is_good_is_loaded() {
    let namespace = Namespace::<Host>::new();
    let map = base_map();
    let good = &objects()["lib_a"];
    let mut flipped = objects()["first"].clone();
    flipped[700] ^= 1;
    let mut foreign = objects()["second"].clone();
    let at = foreign.windows(4).position(|w| w == b"test").expect("in the manifest");
    foreign[at..at + 4].copy_from_slice(b"then");
    seal(&mut foreign).expect("still a manifest");
    let files: [(&str, &[u8]); 11] = [
        ("readme.txt", b"hello"),
        ("./lib_a.cell", good),
        ("base.map", &map),
        ("lib_a.cell", good),
        ("first.cell", &flipped),
        ("second.cell", &foreign),
        ("renamed.cell", &objects()["lib_b"]),
        ("program.cell", &objects()["program"][..2000]),
        ("greeter.cell", &objects()["greeter"]),
        ("greeter_two.cell", &objects()["greeter_two"]),
        ("liar.cell", &objects()["liar"]),
    ];
    let report = namespace.load_archive(leak(tar(&files)));
    assert_eq!(names(&namespace), ["lib_a", "greeter"]);
    let text = report.to_string();
    assert!(text.starts_with("cells: 2 loaded (lib_a greeter), "), "{text}");
    assert!(
        text.contains("\ncells: cannot load readme.txt: it is neither base.map nor NAME.cell\n"),
        "{text}"
    );
    let error = |file: &str| report.refused().find(|(name, _)| *name == file).expect("refused").1.to_string();
    assert_eq!(error("readme.txt"), "it is neither base.map nor NAME.cell");
    assert_eq!(error("lib_a.cell"), "the archive has two files of this name; the first one counts");
    assert!(error("first.cell").contains("it is damaged: its hash is"), "{}", error("first.cell"));
    assert!(error("second.cell").contains("build both with one compiler"));
    assert_eq!(error("renamed.cell"), "its manifest says that it is lib_b; rename the file");
    assert!(
        error("program.cell").contains("it is no ELF64 file") || error("program.cell").contains("section")
    );
    assert_eq!(error("greeter_two.cell"), "it brings the command hello, which greeter has already");
    assert_eq!(error("liar.cell"), "its CELL gives itself another name than its manifest");
    assert_eq!(MAPPED.get(), 2, "what was refused left no memory behind");
}

#[test]
fn an_import_that_nobody_has_is_named() {
    let namespace = Namespace::<Host>::new();
    let mut user = objects()["user"].clone();
    // Without the `needs` line that would be missed first.
    let at = user.windows(11).position(|w| w == b"needs=lib_a").expect("in the manifest");
    user[at + 6..at + 11].copy_from_slice(b"core\n");
    let report = namespace.load_archive(leak(tar(&[("base.map", &base_map()), ("user.cell", &user)])));
    assert!(matches!(report.refused().next(), Some((_, LoadError::Seal(_) | LoadError::Manifest(_)))));

    let namespace = Namespace::<Host>::new();
    let report = namespace.load_archive(leak(archive(&["user"])));
    let (file, error) = report.refused().next().expect("refused");
    assert_eq!(
        (file, error.to_string().as_str()),
        ("user.cell", "it needs lib_a, which is neither in the base nor loaded")
    );

    // lib_b instead of lib_a, under lib_a's name in the manifest: the interface fits, the symbols do not.
    let mut lib = objects()["lib_b"].clone();
    let at = lib.windows(10).position(|w| w == b"name=lib_b").expect("in the manifest");
    lib[at + 9] = b'a';
    seal(&mut lib).expect("still a manifest");
    let namespace = Namespace::<Host>::new();
    let files: [(&str, &[u8]); 3] =
        [("base.map", &base_map()), ("lib_a.cell", &lib), ("user.cell", &objects()["user"])];
    let report = namespace.load_archive(leak(tar(&files)));
    let errors: Vec<String> = report.refused().map(|(_, e)| e.to_string()).collect();
    assert_eq!(errors[0], "it has no `pub static CELL: Cell` in its root");
    assert_eq!(MAPPED.get(), 0);
}

#[test]
fn a_cell_must_say_which_interface_it_was_built_against() {
    let mut cell = objects()["lib_a"].clone();
    let at = cell.windows(14).position(|w| w == b"needs=cell_api").expect("in the manifest");
    cell[at + 6..at + 14].copy_from_slice(b"core_api");
    seal(&mut cell).expect("still a manifest");
    let namespace = Namespace::<Host>::new();
    let report = namespace.load_archive(leak(tar(&[("base.map", &base_map()), ("lib_a.cell", &cell)])));
    let (_, error) = report.refused().next().expect("refused");
    assert_eq!(error.to_string(), "its manifest has no needs=cell_api line");
}

#[test]
fn an_unresolved_symbol_says_who_should_have_it() {
    let error = LoadError::Unresolved("lib_a::value".into(), Some("lib_a".into()));
    assert_eq!(error.to_string(), "it imports lib_a::value, which lib_a should export and no live cell does");
}

#[test]
fn archives_without_a_usable_map_load_nothing_and_say_why() {
    let load = |files: &[(&str, &[u8])]| Namespace::<Host>::new().load_archive(leak(tar(files)));
    let cell = objects()["lib_a"].as_slice();
    let report = load(&[("lib_a.cell", cell)]);
    assert_eq!(report.base, Err(BaseError::Missing));
    assert_eq!(report.refused().next().map(|r| r.1), Some(&LoadError::NoBaseMap));
    let mut map = base_map();
    map[200] ^= 4;
    assert!(matches!(load(&[("base.map", &map), ("lib_a.cell", cell)]).base, Err(BaseError::Map(_))));
    assert!(matches!(load(&[("base.map", b"")]).base, Err(BaseError::Map(_))));
    let other = symbol_map::MapBuilder::new("r", 0x1000, 0x2000).finish().expect("valid");
    assert_eq!(load(&[("base.map", &other)]).base, Err(BaseError::Foreign));
}

#[test]
fn truncated_archives_are_used_as_far_as_they_go() {
    let whole = archive(&["lib_a", "first"]);
    let map_end = 512 + base_map().len().next_multiple_of(512);
    let lib_end = map_end + 512 + objects()["lib_a"].len().next_multiple_of(512);
    for (cut, cells) in
        [(0, 0), (100, 0), (map_end, 0), (lib_end, 1), (lib_end + 700, 1), (whole.len() - 1024, 2)]
    {
        let namespace = Namespace::<Host>::new();
        let report = namespace.load_archive(leak(whole[..cut].to_vec()));
        assert!(report.damage.is_some(), "cut at {cut}");
        assert_eq!(names(&namespace).len(), cells, "cut at {cut}: {report:?}");
        assert_eq!(report.damage == Some(Damage::NoArchive), cut < 512, "cut at {cut}");
    }
}

#[test]
fn every_operation_may_fail_and_nothing_is_left() {
    for operation in ["map", "images", "protect", "register"] {
        let namespace = Namespace::<Host>::new();
        FAILING.set(Some(operation));
        let report = namespace.load_archive(leak(archive(&["lib_a"])));
        FAILING.set(None);
        let (_, error) = report.refused().next().expect("refused");
        assert_eq!(error.to_string(), format!("{operation} failed, as asked"));
        assert_eq!((MAPPED.get(), names(&namespace).len()), (0, 0));
    }
}

/// Bytes that are mostly an archive: headers and contents may be damaged anywhere, also behind a checksum that fits.
mod hostile {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn damaged_archives_never_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            headers in prop::collection::vec((0..3usize, 100..257usize, any::<u8>()), 0..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = archive(&["lib_a", "first"]);
            for (at, value) in changes {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let starts = [0, 512 + base_map().len().next_multiple_of(512), bytes.len() - 1024];
            for (header, at, value) in headers {
                let header = &mut bytes[starts[header]..][..512];
                header[at] = value;
                header[148..156].fill(b' ');
                let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
                header[148..156].copy_from_slice(format!("{sum:07o}\0").as_bytes());
            }
            bytes.truncate(cut.index(2 * bytes.len()).min(bytes.len()));
            let namespace = Namespace::<Host>::new();
            let report = namespace.load_archive(leak(bytes));
            prop_assert_eq!(names(&namespace).len(), report.loaded().count());
        }
    }
}
