//! `cargo keel build`: from crates to an image.
//!
//! ```text
//!   cargo ──> rlibs ─┬─ all but cells ──> rust-lld ──> keel.elf ──> base.map ─┐
//!                    └─ each cell ──────> rust-lld -r ──> NAME.cell ──────────┴──> cells.tar
//! ```
//! Nothing is made twice: cargo skips unchanged crates, and each output carries a stamp of its inputs.

pub mod archive;
mod cell;
mod check;
mod compile;
mod fresh;
mod link;
mod rlib;
mod symbols;

pub use compile::cargo;
#[cfg(test)]
pub use compile::encoded_flags;

use crate::toolchain::{PREBUILT, Toolchain, ToolchainError};
use crate::workspace::{Package, Role, Workspace};
use compile::Artifact;
use rlib::Rlib;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use symbol_map::UnsafeCode;
use symbols::Member;

/// What QEMU needs to boot.
#[derive(Clone, Debug)]
pub struct Image {
    /// The linked base.
    pub kernel: PathBuf,
    /// The symbol map and the cells.
    pub archive: PathBuf,
}

impl Image {
    /// Where the image of `workspace` is, built or not.
    pub fn of(workspace: &Workspace) -> Self {
        let output = workspace.output();
        Self { kernel: output.join("keel.elf"), archive: output.join("cells.tar") }
    }
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// See [`ToolchainError`].
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// See [`compile::CompileError`].
    #[error(transparent)]
    Compile(#[from] compile::CompileError),
    /// See [`rlib::RlibError`].
    #[error(transparent)]
    Rlib(#[from] rlib::RlibError),
    /// See [`link::LinkError`].
    #[error(transparent)]
    Link(#[from] link::LinkError),
    /// See [`symbols::SymbolError`].
    #[error(transparent)]
    Symbols(#[from] symbols::SymbolError),
    /// See [`cell::CellError`].
    #[error(transparent)]
    Cell(#[from] cell::CellError),
    /// See [`check::CheckError`].
    #[error(transparent)]
    Check(#[from] check::CheckError),
    /// A file of the output cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> BuildError + use<> {
    let path = path.to_owned();
    move |source| BuildError::Io { path, source }
}

/// Builds what is not up to date, and says where the image is.
pub fn build(workspace: &Workspace) -> Result<Image, BuildError> {
    let toolchain = Toolchain::discover(&workspace.root)?;
    let linker = toolchain.linker()?;
    let artifacts = compile::compile(workspace)?;
    let output = workspace.output();
    let (cells_folder, scratch) = (output.join("cells"), output.join("objects"));
    for folder in [&cells_folder, &scratch] {
        std::fs::create_dir_all(folder).map_err(io_at(folder))?;
    }
    let role = |artifact: &Artifact| workspace.package(&artifact.package).map(|package| package.role);
    let (cells, base): (Vec<_>, Vec<_>) =
        artifacts.iter().partition(|artifact| role(artifact) == Some(Role::Cell));

    let image = Image::of(workspace);
    let map = output.join(symbol_map::MAP_FILE);
    link_base(workspace, &toolchain, &linker, &base, &image.kernel, &map)?;

    let mut files = vec![(symbol_map::MAP_FILE.to_owned(), map)];
    let by_crate: BTreeMap<&str, &Artifact> =
        artifacts.iter().map(|artifact| (artifact.package.as_str(), artifact)).collect();
    for artifact in cells {
        let Some(package) = workspace.package(&artifact.package) else { continue };
        let name = format!("{}{}", package.crate_name, symbol_map::CELL_SUFFIX);
        let path = cells_folder.join(&name);
        make_cell(workspace, &toolchain, &linker, package, artifact, &by_crate, &scratch, &path)?;
        files.push((name, path));
    }
    if let Some(cells) = files.get_mut(1..) {
        cells.sort();
    }

    let mut inputs = fresh::Inputs::new().map_err(io_at(&image.archive))?;
    for (_, path) in &files {
        inputs.file(path).map_err(io_at(path))?;
    }
    let stamp = inputs.stamp();
    if !fresh::is_fresh(&image.archive, &stamp) {
        let contents = files
            .into_iter()
            .map(|(name, path)| Ok((name, std::fs::read(&path).map_err(io_at(&path))?)))
            .collect::<Result<Vec<_>, BuildError>>()?;
        check::cells(&contents)?;
        archive::write(&image.archive, &contents).map_err(io_at(&image.archive))?;
        fresh::finished(&image.archive, &stamp).map_err(io_at(&image.archive))?;
    }
    Ok(image)
}

/// Links the base and maps its symbols, unless both are up to date.
fn link_base(
    workspace: &Workspace,
    toolchain: &Toolchain,
    linker: &Path,
    artifacts: &[&Artifact],
    kernel: &Path,
    map: &Path,
) -> Result<(), BuildError> {
    let mut sources: Vec<(String, String, PathBuf)> =
        artifacts.iter().map(|a| (a.crate_name.clone(), a.version.clone(), a.rlib.clone())).collect();
    for name in PREBUILT {
        sources.push((name.into(), toolchain.release.clone(), toolchain.prebuilt(name)?));
    }
    let mut inputs = fresh::Inputs::new().map_err(io_at(kernel))?;
    inputs.text(&toolchain.identity);
    for (_, _, path) in &sources {
        inputs.file(path).map_err(io_at(path))?;
    }
    let stamp = inputs.stamp();
    if kernel.is_file() && fresh::is_fresh(map, &stamp) {
        return Ok(());
    }
    fresh::begin(map).map_err(io_at(map))?;

    let mut members = Vec::new();
    for (name, version, path) in sources {
        let twice = artifacts.iter().filter(|a| a.crate_name == name).count() > 1;
        members.push(Member {
            unsafe_code: workspace
                .packages
                .iter()
                .find(|package| package.crate_name == name)
                .map_or(Ok(UnsafeCode::Allowed), unsafe_code)?,
            rlib: Rlib::read(&path)?,
            // Two versions of one crate: tell them apart.
            name: if twice { format!("{name}_{}", version.replace(['.', '-', '+'], "_")) } else { name },
            version,
            path,
        });
    }
    let shims = link::shims(members.iter().map(|member| &member.rlib))?;
    let paths: Vec<PathBuf> = members.iter().map(|member| member.path.clone()).collect();
    let link_map = kernel.with_extension("linkmap");
    link::link(linker, &paths, &shims, kernel, &link_map)?;
    let image = std::fs::read(kernel).map_err(io_at(kernel))?;
    let text = std::fs::read_to_string(&link_map).map_err(io_at(&link_map))?;
    let blob = symbols::map(&image, &text, &members, &toolchain.identity)?;
    std::fs::write(map, blob).map_err(io_at(map))?;
    fresh::finished(map, &stamp).map_err(io_at(map))
}

/// Makes the cell of `package`, unless it is up to date.
#[expect(clippy::too_many_arguments, reason = "each is a different input of one step")]
fn make_cell(
    workspace: &Workspace,
    toolchain: &Toolchain,
    linker: &Path,
    package: &Package,
    artifact: &Artifact,
    by_package: &BTreeMap<&str, &Artifact>,
    scratch: &Path,
    output: &Path,
) -> Result<(), BuildError> {
    let needs: Vec<&Artifact> =
        closure(workspace, package).iter().filter_map(|name| by_package.get(name)).copied().collect();
    let mut inputs = fresh::Inputs::new().map_err(io_at(output))?;
    inputs.text(&toolchain.identity);
    inputs.text(&package.version);
    for path in needs.iter().map(|need| &need.rlib).chain([&artifact.rlib, &package.root_file]) {
        inputs.file(path).map_err(io_at(path))?;
    }
    let stamp = inputs.stamp();
    if fresh::is_fresh(output, &stamp) {
        return Ok(());
    }
    fresh::begin(output).map_err(io_at(output))?;
    let rlib = Rlib::read(&artifact.rlib)?;
    let about = cell::Description {
        name: package.crate_name.clone(),
        version: package.version.clone(),
        compiler: toolchain.identity.clone(),
        interface: rlib.interface,
        unsafe_code: unsafe_code(package)?,
        needs: needs
            .iter()
            .map(|need| Ok((need.crate_name.clone(), Rlib::read(&need.rlib)?.interface)))
            .collect::<Result<_, rlib::RlibError>>()?,
    };
    cell::write(linker, &rlib, &about, scratch, output)?;
    fresh::finished(output, &stamp).map_err(io_at(output))
}

/// The workspace's packages that `package` is compiled against, directly or not, sorted.
fn closure<'a>(workspace: &'a Workspace, package: &'a Package) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&Package> = vec![package];
    while let Some(next) = open.pop() {
        for name in &next.dependencies {
            if let Some(dependency) = workspace.package(name)
                && found.insert(dependency.name.as_str())
            {
                open.push(dependency);
            }
        }
    }
    found
}

/// Whether the crate says `#![forbid(unsafe_code)]` in its first file; rustc then holds it to that.
fn unsafe_code(package: &Package) -> Result<UnsafeCode, BuildError> {
    let source = std::fs::read_to_string(&package.root_file).map_err(io_at(&package.root_file))?;
    Ok(if forbids_unsafe(&source) { UnsafeCode::Forbidden } else { UnsafeCode::Allowed })
}

fn forbids_unsafe(source: &str) -> bool {
    source.lines().map(str::trim).any(|line| {
        line.strip_prefix("#![forbid(")
            .and_then(|rest| rest.split_once(")]"))
            .is_some_and(|(lints, _)| lints.split(',').any(|lint| lint.trim() == "unsafe_code"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_attribute_itself_forbids_unsafe_code() {
        assert!(forbids_unsafe("//! Doc.\n#![no_std]\n#![forbid(unsafe_code)]\n"));
        assert!(forbids_unsafe("#![forbid(missing_docs, unsafe_code)]"));
        assert!(!forbids_unsafe("// #![forbid(unsafe_code)]"));
        assert!(!forbids_unsafe("#![deny(unsafe_code)]"));
        assert!(!forbids_unsafe("#![forbid(unsafe_op_in_unsafe_fn)]"));
    }
}
