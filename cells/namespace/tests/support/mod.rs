//! A machine of the host: real objects from rustc, linked into the test's own memory, and operations that fail on demand.

use cell_api::{Cell, Command, CommandError, Invocation, PolicyFactory};
use namespace::{Committed, Platform, Write};
use object_linker::{Bases, Images, Layout, Part, plan, seal};
use std::cell::{Cell as Value, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use symbol_map::{MapBuilder, NewCell, NewSymbol, SymbolKind, SymbolMap, UnsafeCode};

pub const COMPILER: &str = "rustc of this test";
const START: u64 = 0xffff_ffff_8020_0000;

thread_local! {
    /// The operation that fails next.
    pub static FAILING: Value<Option<&'static str>> = const { Value::new(None) };
    /// Cells whose memory exists.
    pub static MAPPED: Value<usize> = const { Value::new(0) };
    /// The policy that the scheduler uses.
    pub static POLICY: Value<&'static str> = const { Value::new("built-in") };
    static CLOCK: Value<u64> = const { Value::new(0) };
    static LOG: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn attempt(operation: &'static str) -> Result<(), String> {
    LOG.with_borrow_mut(|log| log.push(operation));
    if FAILING.get() == Some(operation) { Err(format!("{operation} failed, as asked")) } else { Ok(()) }
}

pub struct Memory {
    bytes: Vec<u8>,
    /// Of text, rodata, data, within `bytes`.
    offsets: [usize; 3],
    writable: bool,
}

impl Memory {
    pub fn bases(&self) -> Bases {
        let [text, rodata, data] = self.offsets.map(|o| self.bytes.as_ptr() as u64 + o as u64);
        Bases { text, rodata, data }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        MAPPED.set(MAPPED.get() - 1);
    }
}

#[derive(Debug)]
pub struct Host;

// SAFETY: the tests have one thread each, so there is never a reader to wait for; `entry` returns a static of the test.
unsafe impl Platform for Host {
    type Memory = Memory;
    type Frames = ();
    type Withdrawn = ();
    type Shield = ();

    fn is_own(map: &SymbolMap<'_>) -> bool {
        map.image().0 == START
    }
    fn map(layout: &Layout) -> Result<Memory, String> {
        attempt("map")?;
        let page = |n: u64| usize::try_from(n).expect("bounded").next_multiple_of(4096);
        let [text, rodata, data] = [layout.text, layout.rodata, layout.data].map(page);
        let bytes = vec![0u8; text + rodata + data + 4096];
        let start = bytes.as_ptr().align_offset(4096);
        MAPPED.set(MAPPED.get() + 1);
        Ok(Memory { bytes, offsets: [start, start + text, start + text + rodata], writable: true })
    }
    fn bases(memory: &Memory) -> Bases {
        memory.bases()
    }
    fn images(memory: &mut Memory) -> Result<Images<'_>, String> {
        attempt("images")?;
        assert!(memory.writable, "written before it is protected");
        let [start, rodata, data] = memory.offsets;
        let (front, data_image) = memory.bytes.split_at_mut(data);
        let (front, rodata_image) = front.split_at_mut(rodata);
        Ok(Images { text: &mut front[start..], rodata: rodata_image, data: data_image })
    }
    fn protect(memory: &mut Memory) -> Result<(), String> {
        attempt("protect")?;
        memory.writable = false;
        Ok(())
    }
    fn entry(memory: &Memory, part: Part, offset: u64) -> &'static Cell {
        let [_, rodata, data] = memory.offsets;
        let start =
            if part == Part::Data { data } else { rodata } + usize::try_from(offset).expect("bounded");
        // The test's cells say behind the magic which of the test's entries is theirs.
        let number =
            usize::from_le_bytes(memory.bytes[start + 8..start + 16].try_into().expect("eight bytes"));
        &CELLS[number]
    }
    fn register(_: &Memory, layout: &Layout) -> Result<Option<()>, String> {
        attempt("register")?;
        Ok((!layout.eh_frame.is_empty()).then_some(()))
    }
    fn withdraw((): ()) {}
    fn swap_policy(factory: &'static PolicyFactory) -> Result<Committed, String> {
        attempt("swap_policy")?;
        POLICY.set(factory.name);
        Ok(Committed { pauses: vec![5, 6], moved: 300 })
    }
    fn rewrite(writes: &[Write]) -> Result<Committed, String> {
        attempt("rewrite")?;
        for write in writes {
            // SAFETY: the namespace lists aligned words in the data of live cells, which this process has mapped writable.
            unsafe {
                let word = write.address as *mut u64;
                assert_eq!(word.read(), write.old, "nobody changed it");
                word.write(write.new);
            }
        }
        Ok(Committed { pauses: vec![1], moved: writes.len() })
    }
    fn grace() -> Result<(), String> {
        attempt("grace")
    }
    fn now_ns() -> u64 {
        CLOCK.set(CLOCK.get() + 10);
        CLOCK.get()
    }
    fn shield() {}
    fn wait() {
        panic!("one thread never waits for another's turn");
    }
}

fn no_policy(_: core_local::CoreId) -> Box<dyn sched_policy::Policy> {
    unreachable!("the test's scheduler makes no instances")
}
fn hello(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    Ok(writeln!(invocation.out, "hello")?)
}
fn idle() {}

static FIRST: PolicyFactory = PolicyFactory { name: "first", create: no_policy };
static SECOND: PolicyFactory = PolicyFactory { name: "second", create: no_policy };
static HELLO: [Command; 1] =
    [Command { name: "hello", usage: "hello", summary: "greets", example: "hello", run: hello }];

/// What the test's cells offer; their objects carry the index.
static CELLS: [Cell; 12] = [
    Cell::new("lib_a", "0.1.0"),
    Cell::new("lib_b", "0.1.0"),
    Cell::new("user", "0.1.0"),
    Cell::new("first", "0.1.0").policy(&FIRST),
    Cell::new("second", "0.1.0").policy(&SECOND),
    Cell::new("greeter", "0.1.0").commands(&HELLO),
    Cell::new("program", "0.1.0").main(idle),
    Cell::new("greeter_two", "0.1.0").commands(&HELLO),
    Cell::new("someone_else", "0.1.0"),
    Cell::new("guest", "0.1.0"),
    Cell::new("busy", "0.1.0").policy(&SECOND),
    Cell::new("tenant", "0.1.0"),
];

/// Name, index into `CELLS`, and code.
const SOURCES: [(&str, usize, &str); 12] = [
    ("lib_a", 0, "#[inline(never)] pub fn value(x: u64) -> u64 { x + 1 }
        pub static DATA: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(7);"),
    ("lib_b", 1, "#[inline(never)] pub fn value(x: u64) -> u64 { x + 2 }"),
    ("user", 2, "extern crate lib_a; pub static POINTER: fn(u64) -> u64 = lib_a::value;
        pub fn go(list: &[u64], i: usize) -> u64 { lib_a::value(list[i]) + lib_a::DATA.load(core::sync::atomic::Ordering::Relaxed) }"),
    ("first", 3, "#[inline(never)] pub fn helper(x: u64) -> u64 { x * 5 }"),
    ("second", 4, ""),
    ("greeter", 5, "#[inline(never)] pub fn helper(x: u64) -> u64 { x * 3 }"),
    ("program", 6, ""),
    ("greeter_two", 7, ""),
    ("liar", 8, ""),
    ("guest", 9, "extern crate greeter; pub fn go(x: u64) -> u64 { greeter::helper(x) }"),
    ("busy", 10, "extern crate lib_a; pub fn go(x: u64) -> u64 { lib_a::value(x) }"),
    ("tenant", 11, "extern crate first; pub fn go(x: u64) -> u64 { first::helper(x) }"),
];

/// The test's cells by name, as sealed objects, compiled once.
pub fn objects() -> &'static BTreeMap<&'static str, Vec<u8>> {
    static OBJECTS: OnceLock<BTreeMap<&'static str, Vec<u8>>> = OnceLock::new();
    OBJECTS.get_or_init(|| {
        let out =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("namespace-{}", std::process::id()));
        std::fs::create_dir_all(&out).expect("the target directory is writable");
        let objects =
            SOURCES.iter().map(|&(name, number, body)| (name, compile(name, number, body, &out))).collect();
        std::fs::remove_dir_all(&out).expect("just made");
        objects
    })
}

fn compile(name: &str, number: usize, body: &str, out: &std::path::Path) -> Vec<u8> {
    let size = size_of::<Cell>() / 8 - 2;
    let magic = cell_api::CELL_MAGIC;
    let needs =
        if name == "user" { r"needs=lib_a:000000000000000a\\nneeds=core:0000000000000001\\n" } else { "" };
    let source = format!(
        r#"#![no_std]
        core::arch::global_asm!(".section .keel.manifest,\"\",@progbits",
            ".ascii \"name={name}\\nversion=0.1.0\\nrustc={COMPILER}\\nhash=0000000000000000\\n\"",
            ".ascii \"interface=000000000000000a\\nunsafe=allowed\\nneeds=cell_api:0000000000000003\\n{needs}\"", ".text");
        #[repr(C)] pub struct Entry(u64, usize, [usize; {size}]);
        pub static CELL: Entry = Entry({magic}, {number}, [0; {size}]);
        {body}"#
    );
    let file = out.join(format!("{name}.rs"));
    std::fs::write(&file, source).expect("writable");
    let mut rustc = std::process::Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args([
        "--edition=2024",
        "--crate-type=rlib",
        "--target=x86_64-unknown-linux-gnu",
        "--emit=obj,link",
    ]);
    rustc.args(["-Copt-level=3", "-Ccodegen-units=1", "-Csymbol-mangling-version=v0", "-Cdebuginfo=0"]);
    rustc.arg("-L").arg(out).arg("--out-dir").arg(out).args(["--crate-name", name]).arg(file);
    assert!(rustc.status().expect("rustc runs").success(), "{name} compiles");
    let mut object = std::fs::read(out.join(format!("{name}.o"))).expect("rustc wrote it");
    seal(&mut object).expect("it has a manifest");
    object
}

/// A map of an image that exports all that the test's cells import and do not have themselves.
pub fn base_map() -> Vec<u8> {
    let mut map = MapBuilder::new(COMPILER, START, START + 0x10_0000);
    let core = map.cell(NewCell {
        name: "core".into(),
        version: "1.0.0".into(),
        hash: 2,
        interface: 1,
        text: 10,
        rodata: 20,
        data: 30,
        unsafe_code: UnsafeCode::Allowed,
        exports: 3,
        imports: 0,
    });
    map.cell(NewCell {
        name: "cell_api".into(),
        version: "0.1.0".into(),
        hash: 4,
        interface: 3,
        text: 10,
        rodata: 20,
        data: 30,
        unsafe_code: UnsafeCode::Forbidden,
        exports: 0,
        imports: 0,
    });
    let plans: Vec<_> = objects().values().map(|o| plan(o).expect("links")).collect();
    let own: Vec<&str> = plans.iter().flat_map(|p| p.exports().map(|e| e.name)).collect();
    let mut wanted: Vec<&str> = plans.iter().flat_map(|p| p.imports().iter().map(|i| i.name)).collect();
    wanted.retain(|name| !own.contains(name));
    wanted.sort_unstable();
    wanted.dedup();
    for (i, name) in wanted.into_iter().enumerate() {
        let address = START + 64 * i as u64;
        let (name, kind) = (name.into(), SymbolKind::Function);
        map.symbol(NewSymbol { name, address, size: 64, kind, exported: true, cell: Some(core) });
    }
    map.finish().expect("valid")
}

/// A ustar of these files, terminated.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, bytes) in files {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        let octal = |field: &mut [u8], value: usize| {
            let text = format!("{value:0width$o}\0", width = field.len() - 1);
            field.copy_from_slice(text.as_bytes());
        };
        octal(&mut header[100..108], 0o644);
        octal(&mut header[108..116], 0);
        octal(&mut header[116..124], 0);
        octal(&mut header[124..136], bytes.len());
        octal(&mut header[136..148], 0);
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: usize = header.iter().map(|&b| usize::from(b)).sum();
        octal(&mut header[148..155], sum);
        out.extend_from_slice(&header);
        out.extend_from_slice(bytes);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.resize(out.len() + 1024, 0);
    out
}

/// An archive of the base map and these cells.
pub fn archive(cells: &[&str]) -> Vec<u8> {
    let map = base_map();
    let names: Vec<String> = cells.iter().map(|name| format!("{name}.cell")).collect();
    let mut files: Vec<(&str, &[u8])> = vec![("base.map", &map)];
    files.extend(names.iter().zip(cells).map(|(file, name)| (file.as_str(), objects()[name].as_slice())));
    tar(&files)
}

pub fn leak(bytes: Vec<u8>) -> &'static [u8] {
    Box::leak(bytes.into_boxed_slice())
}
