//! The std gate: no crate may drag std into the kernel.
//!
//! The linker would not notice: std's rlib is there, and a crate that names it compiles. So the kernel's crates are
//! checked against a sysroot that holds core, alloc and compiler_builtins only. A crate that wants more does
//! not compile, and cargo's messages say which one it is. Build scripts and procedural macros run on the host and keep std.

use crate::build;
use crate::toolchain::{PREBUILT, TARGET, Toolchain, ToolchainError};
use crate::workspace::Workspace;
use cargo_metadata::Message;
use std::collections::BTreeSet;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why the gate stays shut.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// See [`ToolchainError`].
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// The small sysroot cannot be made.
    #[error("cannot make the sysroot {path}: {source}")]
    Sysroot {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Cargo did not start, or its output broke off.
    #[error("cannot run cargo: {0}")]
    Run(#[from] io::Error),
    /// What the gate is there for.
    #[error("std is dragged into the kernel by: {}; add `#![no_std]`, or turn that crate's default features off", .0.join(", "))]
    NeedsStd(Vec<String>),
    /// Anything else that does not compile.
    #[error("the kernel does not compile without std:\n{0}")]
    Failed(String),
}

/// Checks all of the kernel's crates.
pub fn check(workspace: &Workspace) -> Result<(), GateError> {
    let sysroot = sysroot(&Toolchain::discover(&workspace.root)?, &workspace.target.join("gate/sysroot"))?;
    run(build::cargo(workspace, "check", "gate/target", &["--sysroot", &sysroot.to_string_lossy()]))
}

/// Makes a sysroot with the crates that a kernel may use, as links to the real ones.
fn sysroot(toolchain: &Toolchain, at: &Path) -> Result<PathBuf, GateError> {
    let make = || -> io::Result<()> {
        let libraries = at.join("lib/rustlib").join(TARGET).join("lib");
        if libraries.exists() {
            std::fs::remove_dir_all(&libraries)?;
        }
        std::fs::create_dir_all(&libraries)?;
        for entry in std::fs::read_dir(toolchain.libraries())? {
            let path = entry?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if PREBUILT.iter().any(|prebuilt| name.starts_with(&format!("lib{prebuilt}-"))) {
                std::os::unix::fs::symlink(&path, libraries.join(name))?;
            }
        }
        Ok(())
    };
    make().map(|()| at.to_owned()).map_err(|source| GateError::Sysroot { path: at.to_owned(), source })
}

/// Runs a `cargo check` and sorts its errors.
fn run(mut cargo: Command) -> Result<(), GateError> {
    let mut child = cargo
        .args(["--quiet", "--keep-going", "--message-format=json"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (mut guilty, mut other) = (BTreeSet::new(), String::new());
    if let Some(output) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(output)) {
            let Message::CompilerMessage(message) = message? else { continue };
            let diagnostic = &message.message;
            // E0463: can't find crate. std is what is missing by design; `proc_macro` and `test` come with it.
            if diagnostic.code.as_ref().is_some_and(|code| code.code == "E0463") {
                guilty.insert(message.target.name.replace('-', "_"));
            } else if diagnostic.level == cargo_metadata::diagnostic::DiagnosticLevel::Error {
                other += diagnostic.rendered.as_deref().unwrap_or(&diagnostic.message);
            }
        }
    }
    let succeeded = child.wait()?.success();
    if !guilty.is_empty() {
        Err(GateError::NeedsStd(guilty.into_iter().collect()))
    } else if !succeeded {
        Err(GateError::Failed(if other.is_empty() {
            "    (cargo itself failed; try `cargo keel build`)".into()
        } else {
            other
        }))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the gate on a crate of one file.
    fn verdict(source: &str) -> Result<(), GateError> {
        let folder = tempfile::tempdir()?;
        let root = folder.path();
        std::fs::create_dir(root.join("src"))?;
        std::fs::write(
            root.join("Cargo.toml"),
            "[package]\nname = \"suspect\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n",
        )?;
        std::fs::write(root.join("src/lib.rs"), source)?;
        let sysroot = sysroot(&Toolchain::discover(root)?, &root.join("sysroot"))?;
        let mut cargo = crate::cargo_command(root);
        cargo.args(["check", "--offline", "--target", TARGET, "--target-dir"]).arg(root.join("target"));
        cargo
            .env("CARGO_ENCODED_RUSTFLAGS", build::encoded_flags(&["--sysroot", &sysroot.to_string_lossy()]));
        run(cargo)
    }

    #[test]
    fn a_crate_that_uses_std_is_named() {
        for source in ["pub fn f() -> std::time::Duration { todo!() }", "#![no_std]\nextern crate std;"] {
            match verdict(source) {
                Err(GateError::NeedsStd(crates)) => assert_eq!(crates, ["suspect"]),
                other => panic!("the gate let std pass, or failed otherwise: {other:?}"),
            }
        }
    }

    #[test]
    fn a_crate_without_std_passes() {
        let source = "#![no_std]\nextern crate alloc;\npub fn f() -> alloc::string::String { alloc::format!(\"{}\", 1) }";
        verdict(source).expect("core and alloc are there");
    }

    #[test]
    fn other_errors_are_shown_as_they_are() {
        match verdict("#![no_std]\npub fn f() -> u32 { \"text\" }") {
            Err(GateError::Failed(text)) => assert!(text.contains("mismatched types"), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}
