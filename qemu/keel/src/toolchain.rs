//! The installed Rust toolchain: where its libraries and its linker are, and what it calls itself.
//!
//! The final link uses nothing but what rustup installed: `rust-lld` and the prebuilt core, alloc and
//! compiler_builtins. The exact compiler goes into every cell's manifest, because Rust's ABI holds
//! between objects of one compiler only.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The target triple that kernel crates are compiled for.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The prebuilt crates that the base image holds.
pub const PREBUILT: [&str; 3] = ["core", "alloc", "compiler_builtins"];

/// A toolchain that can build the kernel.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// `rustc --print sysroot`.
    pub sysroot: PathBuf,
    /// The release, as `1.95.0`.
    pub release: String,
    /// Compiler and code generator on one line: what two objects must share to be linked together.
    pub identity: String,
}

/// Why the toolchain cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// rustc did not run.
    #[error("cannot run `{command}`: {source}; install Rust from https://rustup.rs")]
    Run {
        /// What was run.
        command: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// rustc failed or printed what we do not understand.
    #[error("`{0}` did not answer as expected; is this a rustup toolchain?")]
    Answer(String),
    /// A part is missing.
    #[error("{path} is missing: install the target with `rustup target add {TARGET}`")]
    Missing {
        /// What was looked for.
        path: PathBuf,
    },
}

impl Toolchain {
    /// Asks the `rustc` that cargo would use in `root`.
    pub fn discover(root: &Path) -> Result<Self, ToolchainError> {
        let sysroot = PathBuf::from(ask(root, &["--print", "sysroot"])?.trim());
        let version = ask(root, &["-vV"])?;
        let field = |name: &str| {
            version
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(|value| value.trim().to_owned())
                .ok_or_else(|| ToolchainError::Answer("rustc -vV".into()))
        };
        let identity =
            format!("{} LLVM {}", version.lines().next().unwrap_or_default().trim(), field("LLVM version:")?);
        Ok(Self { sysroot, identity, release: field("release:")? })
    }

    /// The toolchain's own linker.
    pub fn linker(&self) -> Result<PathBuf, ToolchainError> {
        let path = self.sysroot.join("lib/rustlib").join(TARGET).join("bin/rust-lld");
        if path.is_file() { Ok(path) } else { Err(ToolchainError::Missing { path }) }
    }

    /// The folder of the prebuilt crates.
    pub fn libraries(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(TARGET).join("lib")
    }

    /// The prebuilt crate `name`, as rlib.
    pub fn prebuilt(&self, name: &str) -> Result<PathBuf, ToolchainError> {
        let prefix = format!("lib{name}-");
        let missing = || ToolchainError::Missing { path: self.libraries().join(format!("{prefix}*.rlib")) };
        std::fs::read_dir(self.libraries())
            .map_err(|_| missing())?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| {
                let file = path.file_name().and_then(|f| f.to_str()).unwrap_or_default();
                file.starts_with(&prefix) && file.ends_with(".rlib")
            })
            .ok_or_else(missing)
    }
}

fn ask(root: &Path, arguments: &[&str]) -> Result<String, ToolchainError> {
    let command = format!("rustc {}", arguments.join(" "));
    let output = Command::new("rustc")
        .args(arguments)
        .current_dir(root)
        .output()
        .map_err(|source| ToolchainError::Run { command: command.clone(), source })?;
    match String::from_utf8(output.stdout) {
        Ok(text) if output.status.success() => Ok(text),
        _ => Err(ToolchainError::Answer(command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_installed_toolchain_is_complete() -> Result<(), ToolchainError> {
        let toolchain = Toolchain::discover(Path::new("."))?;
        assert!(toolchain.linker()?.is_file());
        assert!(toolchain.identity.contains(&toolchain.release));
        assert!(!toolchain.identity.contains('\n'));
        for name in PREBUILT {
            assert!(toolchain.prebuilt(name)?.is_file());
        }
        Ok(())
    }
}
