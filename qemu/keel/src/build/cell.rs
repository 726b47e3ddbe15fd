//! Makes a loadable cell of a crate's object: few sections, no debug data, and a manifest.
//!
//! `rust-lld -r` merges the sections and keeps relocations and names. The manifest comes as a second object with one
//! section that is not loaded; then the file is sealed: its hash, computed over the whole of it, goes into the manifest.

use super::link::{self, LinkError};
use super::rlib::Rlib;
use object::write::{Object, SectionId};
use object::{Architecture, BinaryFormat, Endianness, SectionFlags, SectionKind};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use symbol_map::{MANIFEST_SECTION, Manifest, ManifestText, Need, UnsafeCode};

/// The linker script.
pub const SCRIPT: &str = include_str!("../../link/cell.ld");

/// What a manifest says, seal apart.
pub struct Description {
    /// The crate's name.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// The exact compiler.
    pub compiler: String,
    /// The hash of the crate's own metadata.
    pub interface: u64,
    /// Whether the crate forbids unsafe code.
    pub unsafe_code: UnsafeCode,
    /// The kernel's crates it was compiled against, and the hashes of their metadata.
    pub needs: Vec<(String, u64)>,
}

/// Why there is no cell.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// A file cannot be read or written.
    #[error("cell {cell}: {path}: {source}")]
    Io {
        /// The cell.
        cell: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The linker refuses.
    #[error("cell {cell}: {source}")]
    Link {
        /// The cell.
        cell: String,
        /// What it says.
        source: LinkError,
    },
    /// The manifest cannot be made into an object.
    #[error("cell {cell}: cannot write its manifest: {source}")]
    Manifest {
        /// The cell.
        cell: String,
        /// Why not.
        source: object::write::Error,
    },
    /// It would be refused when it is loaded.
    #[error("cell {cell}: {message}")]
    Refused {
        /// The cell.
        cell: String,
        /// What the loader would say.
        message: String,
    },
}

impl Description {
    /// The manifest's text, not sealed.
    pub fn manifest(&self) -> String {
        let needs: Vec<Need<'_>> = self.needs.iter().map(|(name, hash)| Need { name, hash: *hash }).collect();
        ManifestText {
            name: &self.name,
            version: &self.version,
            compiler: &self.compiler,
            interface: self.interface,
            unsafe_code: self.unsafe_code,
            needs: &needs,
        }
        .to_string()
    }
}

/// Writes the cell of `rlib` to `output`; the parts it is linked from go to the folder `scratch`.
pub fn write(
    linker: &Path,
    rlib: &Rlib,
    about: &Description,
    scratch: &Path,
    output: &Path,
) -> Result<(), CellError> {
    let text = about.manifest();
    if let Err(error) = Manifest::parse(text.as_bytes()) {
        return Err(CellError::Refused { cell: about.name.clone(), message: error.to_string() });
    }
    let save = |name: String, bytes: &[u8]| {
        let path = scratch.join(name);
        std::fs::write(&path, bytes).map(|()| path.clone()).map_err(|source| CellError::Io {
            cell: about.name.clone(),
            path,
            source,
        })
    };
    let manifest =
        manifest_object(&text).map_err(|source| CellError::Manifest { cell: about.name.clone(), source })?;
    let mut inputs = vec![save(format!("{}.manifest.o", about.name), &manifest)?];
    for (index, object) in rlib.objects.iter().enumerate() {
        inputs.push(save(format!("{}.{index}.o", about.name), object)?);
    }
    let script = save("cell.ld".into(), SCRIPT.as_bytes())?;

    let merged = scratch.join(format!("{}.merged", about.name));
    let mut command = Command::new(linker);
    command.args(["-flavor", "gnu", "-r", "--strip-debug", "--no-demangle", "--fatal-warnings"]);
    command.arg("-T").arg(script).arg("-o").arg(&merged).args(inputs);
    link::run(command, output).map_err(|source| CellError::Link { cell: about.name.clone(), source })?;

    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| CellError::Io { cell: about.name.clone(), path, source }
    };
    let mut bytes = std::fs::read(&merged).map_err(io(&merged))?;
    object_linker::seal(&mut bytes)
        .map_err(|error| CellError::Refused { cell: about.name.clone(), message: error.to_string() })?;
    std::fs::write(output, bytes).map_err(io(output))
}

/// An object that holds nothing but the manifest.
fn manifest_object(text: &str) -> Result<Vec<u8>, object::write::Error> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let section: SectionId =
        object.add_section(Vec::new(), MANIFEST_SECTION.as_bytes().to_vec(), SectionKind::Other);
    object.section_mut(section).flags =
        SectionFlags::Elf { sh_type: object::elf::SHT_PROGBITS, sh_flags: object::elf::SectionFlags(0) };
    object.append_section_data(section, text.as_bytes(), 1);
    object.write()
}
