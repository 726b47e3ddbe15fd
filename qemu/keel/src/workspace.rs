//! What the workspace holds: which package is the base, which are cells, where things are built.
//!
//! A package's role follows from the folder it is in, so that a new cell needs no registration: whatever
//! lies under `cells/policies`, `cells/apps` or `bench/kernel*` is a cell, `kernel/base` is the root of the base image.
//! Cargo's own metadata answers the rest.

use cargo_metadata::{DependencyKind, MetadataCommand};
use std::path::{Path, PathBuf};

/// The part that a package plays in the image.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// `kernel/base`: what the base image is linked from, together with all that it depends on.
    Base,
    /// Loaded at boot from the archive.
    Cell,
    /// A crate that the base or a cell uses.
    Kernel,
    /// Runs on the host alone: this tool, criterion benchmarks.
    Host,
}

/// One package of the workspace.
#[derive(Clone, Debug)]
pub struct Package {
    /// As in its `Cargo.toml`.
    pub name: String,
    /// As rustc knows it.
    pub crate_name: String,
    /// As in its `Cargo.toml`.
    pub version: String,
    /// The crate's first file, where its inner attributes are.
    pub root_file: PathBuf,
    /// Its part in the image.
    pub role: Role,
    /// Names of the workspace's packages that it depends on directly (not for tests).
    pub dependencies: Vec<String>,
    /// It has models for `loom`.
    pub has_loom_models: bool,
    /// It compiles and can be tested on the host. `[package.metadata.keel] host = false` says no.
    pub host: bool,
}

/// The workspace as cargo sees it.
#[derive(Debug)]
pub struct Workspace {
    /// Where the root `Cargo.toml` is.
    pub root: PathBuf,
    /// Cargo's target directory.
    pub target: PathBuf,
    /// All packages, sorted by name.
    pub packages: Vec<Package>,
}

/// Why the workspace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Cargo refuses the manifests.
    #[error("cargo cannot read the workspace: {0}")]
    Metadata(#[from] cargo_metadata::Error),
    /// There is nothing to link an image from.
    #[error("{0} has no package `kernel/base`; run this inside Keel's repository")]
    NoBase(PathBuf),
}

impl Workspace {
    /// Reads the workspace around the current directory.
    pub fn discover() -> Result<Self, WorkspaceError> {
        let metadata = MetadataCommand::new().no_deps().exec()?;
        let root = metadata.workspace_root.clone().into_std_path_buf();
        let mut packages: Vec<Package> = metadata
            .workspace_packages()
            .into_iter()
            .filter_map(|package| {
                let library = package.targets.iter().find(|t| t.is_lib() || t.is_rlib());
                let target = library.or(package.targets.first())?;
                let folder = package.manifest_path.parent()?.as_std_path();
                let role = role(folder.strip_prefix(&root).unwrap_or(folder), library.is_some());
                let marked = package.metadata.get("keel").and_then(|keel| keel.get("host")?.as_bool());
                Some(Package {
                    name: package.name.to_string(),
                    crate_name: target.name.replace('-', "_"),
                    version: package.version.to_string(),
                    root_file: target.src_path.clone().into_std_path_buf(),
                    role,
                    host: role != Role::Base && marked != Some(false),
                    dependencies: package
                        .dependencies
                        .iter()
                        .filter(|d| d.kind == DependencyKind::Normal && d.path.is_some())
                        .map(|d| d.name.clone())
                        .collect(),
                    // A crate may also need loom only so that others can model what they build on it.
                    has_loom_models: package.dependencies.iter().any(|d| d.name == "loom")
                        && mentions(folder, "loom::model"),
                })
            })
            .collect();
        packages.sort_by(|a, b| a.name.cmp(&b.name));
        if !packages.iter().any(|p| p.role == Role::Base) {
            return Err(WorkspaceError::NoBase(root));
        }
        Ok(Self { root, target: metadata.target_directory.into_std_path_buf(), packages })
    }

    /// The package called `name`.
    pub fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|p| p.name == name)
    }

    /// What `cargo -p` must name for all of the kernel: the base and every cell.
    pub fn kernel_roots(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().filter(|p| matches!(p.role, Role::Base | Role::Cell)).map(|p| p.name.as_str())
    }

    /// Where the finished image and its parts go.
    pub fn output(&self) -> PathBuf {
        self.target.join("keel")
    }
}

/// Whether a Rust file below `folder` has `words` in it. What cannot be read has not.
fn mentions(folder: &Path, words: &str) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return mentions(&path, words);
        }
        path.extension().is_some_and(|extension| extension == "rs")
            && std::fs::read_to_string(&path).is_ok_and(|text| text.contains(words))
    })
}

/// The role of the package in `folder`, relative to the workspace's root.
fn role(folder: &Path, is_library: bool) -> Role {
    let parts: Vec<_> = folder.iter().filter_map(|part| part.to_str()).collect();
    match parts.as_slice() {
        _ if !is_library => Role::Host,
        ["kernel", "base"] => Role::Base,
        ["cells", "policies" | "apps" | "drivers", _] => Role::Cell,
        ["bench", name] if name.starts_with("kernel") => Role::Cell,
        ["kernel" | "smp" | "mm" | "sched" | "cells", ..] => Role::Kernel,
        _ => Role::Host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_by_what_they_call() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert!(mentions(&root.join("sched/inbox"), "loom::model"));
        assert!(!mentions(&root.join("smp/core_local"), "loom::model"));
    }

    #[test]
    fn roles_follow_from_folders() {
        let role = |folder: &str| super::role(Path::new(folder), true);
        assert_eq!(role("kernel/base"), Role::Base);
        assert_eq!(role("kernel/cpu"), Role::Kernel);
        assert_eq!(role("cells/policies/round_robin"), Role::Cell);
        assert_eq!(role("cells/apps/console"), Role::Cell);
        assert_eq!(role("cells/namespace"), Role::Kernel);
        assert_eq!(role("bench/kernel"), Role::Cell);
        assert_eq!(role("bench/host"), Role::Host);
        assert_eq!(super::role(Path::new("qemu/keel"), false), Role::Host);
    }
}
