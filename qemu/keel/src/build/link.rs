//! The final link of the base image, by the toolchain's own `rust-lld`.
//!
//! rustc refuses to link an unwinding program without std, and it would drop and relax what a live system needs: so we
//! link. Everything is kept (`--whole-archive`), since a cell that comes later may call any function of core;
//! nothing is relaxed, so every reference between crates stays an indirection through a slot.

use super::rlib::Rlib;
use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The linker script.
pub const SCRIPT: &str = include_str!("../../link/kernel.ld");

/// What rustc generates for a program that it links itself, and what `base` defines in its place.
const SHIMS: [(&str, &str); 2] = [
    ("__rust_no_alloc_shim_is_unstable_v2", "keel_no_alloc_shim"),
    ("__rust_alloc_error_handler", "keel_alloc_error"),
];

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The linker did not start, or its files cannot be written.
    #[error("cannot link {output}: {source}")]
    Io {
        /// What was to be linked.
        output: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The linker refuses.
    #[error("linking {output} failed:\n{message}")]
    Failed {
        /// What was to be linked.
        output: PathBuf,
        /// What the linker says.
        message: String,
    },
    /// An object cannot be read.
    #[error("a compiled object is malformed: {0}")]
    Object(#[from] object::read::Error),
    /// A newer rustc wants something else.
    #[error("this rustc expects the runtime symbol {0}, which nobody defines; name its stand-in in SHIMS ({file})", file = file!())]
    UnknownShim(String),
}

/// Finds the mangled names of rustc's allocator shims and pairs them with the functions of `base`.
///
/// Their names carry a hash of the compiler, so they are looked for among the symbols that are used but not defined.
pub fn shims<'a>(rlibs: impl Iterator<Item = &'a Rlib>) -> Result<Vec<(String, &'static str)>, LinkError> {
    let (mut used, mut defined) = (BTreeSet::new(), BTreeSet::new());
    for bytes in rlibs.flat_map(|rlib| &rlib.objects) {
        let object = object::File::parse(&**bytes)?;
        for symbol in object.symbols().filter(|s| s.is_global()) {
            let name = symbol.name()?;
            if name.contains("___rustc") {
                let set = if symbol.is_undefined() { &mut used } else { &mut defined };
                set.insert(name.to_owned());
            }
        }
    }
    used.difference(&defined)
        .map(|name| {
            SHIMS
                .iter()
                .find(|(shim, _)| name.ends_with(shim))
                .map(|(_, ours)| (name.clone(), *ours))
                .ok_or_else(|| LinkError::UnknownShim(name.clone()))
        })
        .collect()
}

/// Links `rlibs` into `output`, and writes the linker's own map beside it.
pub fn link(
    linker: &Path,
    rlibs: &[PathBuf],
    shims: &[(String, &'static str)],
    output: &Path,
    link_map: &Path,
) -> Result<(), LinkError> {
    let script = output.with_extension("ld");
    std::fs::write(&script, SCRIPT).map_err(|source| LinkError::Io { output: output.to_owned(), source })?;
    let mut command = Command::new(linker);
    command.args(["-flavor", "gnu", "-static", "--no-relax", "--no-gc-sections", "--eh-frame-hdr"]);
    command.args(["--orphan-handling=error", "--build-id=none", "--no-demangle", "--fatal-warnings"]);
    command.args(["-z", "max-page-size=4096", "-z", "norelro", "-z", "separate-code"]);
    command.arg("-T").arg(&script).arg("-o").arg(output);
    command.arg(format!("-Map={}", link_map.display()));
    command.args(shims.iter().map(|(theirs, ours)| format!("--defsym={theirs}={ours}")));
    command.arg("--whole-archive").args(rlibs);
    run(command, output)
}

/// Runs a linker command, quietly if it succeeds.
pub fn run(mut command: Command, output: &Path) -> Result<(), LinkError> {
    let result = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| LinkError::Io { output: output.to_owned(), source })?;
    if result.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&result.stderr).trim_end().to_owned();
    Err(LinkError::Failed { output: output.to_owned(), message })
}
