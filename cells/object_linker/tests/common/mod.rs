//! Cells as rustc really makes them, with the flags of a kernel build.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The two objects, as (upstream, downstream), compiled once per test program.
pub fn objects() -> &'static (Vec<u8>, Vec<u8>) {
    static OBJECTS: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    OBJECTS.get_or_init(|| {
        let out = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("cells-{}", std::process::id()));
        std::fs::create_dir_all(&out).expect("the target directory is writable");
        let pair = (compile("upstream", &out), compile("downstream", &out));
        std::fs::remove_dir_all(&out).expect("just made");
        pair
    })
}

fn compile(name: &str, out: &Path) -> Vec<u8> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/crates/{name}.rs"));
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args([
        "--edition=2024",
        "--crate-type=rlib",
        "--target=x86_64-unknown-linux-gnu",
        "--emit=obj,link,metadata",
    ]);
    rustc.args(["-Copt-level=3", "-Ccodegen-units=1", "-Cpanic=unwind", "-Csymbol-mangling-version=v0"]);
    rustc.args(["-Cno-redzone=yes", "-Cdebuginfo=0", "-Cembed-bitcode=no", "--crate-name", name]);
    rustc.arg("-L").arg(out).arg("--out-dir").arg(out).arg(source);
    assert!(rustc.status().expect("rustc runs").success(), "{name} compiles");
    let object = out.join(format!("{name}.o"));
    let found = std::fs::read(&object).expect("rustc wrote the object");
    // The host tool merges a cell's sections like this; both forms must link.
    let merged = out.join(format!("{name}.merged.o"));
    let lld = Path::new(&sysroot()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    let status = Command::new(lld).args(["-flavor", "gnu", "-r", "-o"]).arg(&merged).arg(&object).status();
    if name == "downstream" && status.is_ok_and(|s| s.success()) {
        return std::fs::read(merged).expect("rust-lld wrote the object");
    }
    found
}

fn sysroot() -> String {
    let out = Command::new("rustc").args(["--print", "sysroot"]).output().expect("rustc runs").stdout;
    String::from_utf8(out).expect("a path").trim().to_owned()
}

/// The one name in `names` that ends so.
pub fn ending<'a>(names: impl Iterator<Item = &'a str>, end: &str) -> &'a str {
    let mut found = names.filter(|n| n.ends_with(end));
    found.next().unwrap_or_else(|| panic!("a symbol ends with {end}"))
}
