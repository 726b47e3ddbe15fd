//! An rlib is an archive: the crate's objects, and `lib.rmeta`, what the compiler knows about its interface.

use object::read::archive::ArchiveFile;
use std::fs;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh64::Xxh64;

/// What we need of an rlib.
pub struct Rlib {
    /// The ELF objects, in archive order.
    pub objects: Vec<Vec<u8>>,
    /// Over the objects: equal hashes are equal code.
    pub code: u64,
    /// Over `lib.rmeta`: what dependants are compiled against. A crate of types and generics has next to no
    /// code, yet whoever was compiled against its old layout must not be linked with the new one. The metadata names
    /// the hashes of the crates below it too, so the check holds through re-exports.
    pub interface: u64,
}

/// Why an rlib cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RlibError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The rlib.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not what rustc writes.
    #[error("{path} is not a valid rlib ({source}); remove it and build again")]
    Format {
        /// The rlib.
        path: PathBuf,
        /// What is wrong.
        source: object::read::Error,
    },
}

impl Rlib {
    /// Reads the rlib at `path`.
    pub fn read(path: &Path) -> Result<Self, RlibError> {
        let bytes = fs::read(path).map_err(|source| RlibError::Read { path: path.to_owned(), source })?;
        let format = |source| RlibError::Format { path: path.to_owned(), source };
        let archive = ArchiveFile::parse(&*bytes).map_err(format)?;
        let mut objects = Vec::new();
        let mut code = Xxh64::new(0);
        let mut interface = Xxh64::new(0);
        for member in archive.members() {
            let member = member.map_err(format)?;
            let data = member.data(&*bytes).map_err(format)?;
            if member.name() == b"lib.rmeta" {
                interface.update(data);
            } else if member.name().ends_with(b".o") {
                code.update(data);
                objects.push(data.to_vec());
            }
        }
        Ok(Self { objects, code: code.digest(), interface: interface.digest() })
    }
}
