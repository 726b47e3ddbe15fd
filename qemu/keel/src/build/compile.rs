//! One cargo invocation compiles the base, every cell and all that they use.
//!
//! The flags make of each crate one position-independent object whose references to other crates go through
//! slots (`GOTPCREL`): those slots are what a live swap rewrites. They are passed in the environment with an explicit
//! `--target`, so that build scripts and procedural macros, which run on the host, do not get them.

use crate::toolchain::TARGET;
use crate::workspace::Workspace;
use cargo_metadata::{CrateType, Message};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What rustc is told beside the profile `kernel`.
///
/// `-C no-redzone`: an interrupt may arrive between any two instructions (prebuilt core keeps a red zone in a few
/// functions, which is why trap entry steps over it). v0 names: they carry crate and instance, and std has them too.
pub const KERNEL_FLAGS: [&str; 8] = [
    "--cfg",
    "keel_kernel",
    "-C",
    "symbol-mangling-version=v0",
    "-C",
    "no-redzone=yes",
    "-C",
    "relocation-model=pic",
];

/// One compiled crate.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// As rustc knows it.
    pub crate_name: String,
    /// The package's name.
    pub package: String,
    /// The package's version.
    pub version: String,
    /// The archive with its object.
    pub rlib: PathBuf,
}

/// Why compiling failed.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// Cargo did not start, or its output broke off.
    #[error("cannot run cargo: {0}")]
    Run(#[from] io::Error),
    /// The compiler has said what is wrong.
    #[error("the kernel does not compile; the errors are above")]
    Failed,
}

/// The flags as `CARGO_ENCODED_RUSTFLAGS` wants them.
pub fn encoded_flags(extra: &[&str]) -> String {
    let flags: Vec<&str> = KERNEL_FLAGS.iter().chain(extra).copied().collect();
    flags.join("\x1f")
}

/// `cargo SUBCOMMAND` for all kernel packages, with the kernel's flags and a target directory of its own.
pub fn cargo(workspace: &Workspace, subcommand: &str, directory: &str, extra_flags: &[&str]) -> Command {
    let mut command = crate::cargo_command(&workspace.root);
    command.arg(subcommand);
    for package in workspace.kernel_roots() {
        command.args(["-p", package]);
    }
    // A file that a build script names by its full path: the object must not depend on where the repository lies.
    let remap = format!("--remap-path-prefix={}/=", workspace.root.display());
    let flags: Vec<&str> = extra_flags.iter().copied().chain([remap.as_str()]).collect();
    command
        .args(["--lib", "--profile", "kernel", "--target", TARGET, "--target-dir"])
        .arg(workspace.target.join(directory))
        .env("CARGO_ENCODED_RUSTFLAGS", encoded_flags(&flags));
    command
}

/// Compiles all kernel crates and says where their rlibs are, sorted by path.
pub fn compile(workspace: &Workspace) -> Result<Vec<Artifact>, CompileError> {
    let mut child = cargo(workspace, "build", "kernel", &[])
        .args(["--quiet", "--message-format=json-render-diagnostics"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut artifacts = Vec::new();
    if let Some(output) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(output)) {
            let Message::CompilerArtifact(artifact) = message? else { continue };
            let rlib = artifact.filenames.iter().find(|f| f.extension() == Some("rlib"));
            let is_library =
                artifact.target.crate_types.iter().any(|t| matches!(t, CrateType::Lib | CrateType::RLib));
            // Build dependencies come along too: they are in a folder without the triple.
            if let Some(rlib) = rlib.filter(|f| is_library && is_for_target(f.as_std_path())) {
                let (package, version) = name_and_version(&artifact.package_id.repr);
                artifacts.push(Artifact {
                    crate_name: artifact.target.name.replace('-', "_"),
                    package: package.unwrap_or_else(|| artifact.target.name.clone()),
                    version,
                    rlib: rlib.clone().into_std_path_buf(),
                });
            }
        }
    }
    if !child.wait()?.success() {
        return Err(CompileError::Failed);
    }
    artifacts.sort_by(|a, b| a.rlib.file_name().cmp(&b.rlib.file_name()));
    Ok(artifacts)
}

fn is_for_target(path: &Path) -> bool {
    path.iter().any(|part| part == TARGET)
}

/// Takes name and version from a package id: `registry+https://…#name@1.2.3`, `path+file:///…/name#1.2.3`.
fn name_and_version(id: &str) -> (Option<String>, String) {
    let (source, fragment) = id.rsplit_once('#').unwrap_or(("", id));
    match fragment.rsplit_once('@') {
        Some((name, version)) => (Some(name.to_owned()), version.to_owned()),
        None => (source.rsplit('/').next().map(str::to_owned), fragment.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_ids_give_name_and_version() {
        let owned = |name: &str, version: &str| (Some(name.to_owned()), version.to_owned());
        assert_eq!(
            name_and_version("registry+https://registry.example/index#log@0.4.28"),
            owned("log", "0.4.28")
        );
        assert_eq!(name_and_version("path+file:///keel/kernel/base#0.1.0"), owned("base", "0.1.0"));
        assert_eq!(
            name_and_version("path+file:///keel/bench/kernel#benchmarks@0.1.0"),
            owned("benchmarks", "0.1.0")
        );
    }

    #[test]
    fn only_artifacts_for_the_target_count() {
        assert!(is_for_target(Path::new("/t/kernel/x86_64-unknown-linux-gnu/kernel/libbase.rlib")));
        assert!(!is_for_target(Path::new("/t/kernel/release/deps/libsyn.rlib")));
    }
}
