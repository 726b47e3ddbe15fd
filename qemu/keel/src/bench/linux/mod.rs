//! Linux beside Keel: Debian's own kernel on the same machine model, running counterparts of the same benchmarks.
//!
//! ```text
//! packages.rs    the machine's own apt ──▶ target/keel/linux/kernel   unpacked, never installed
//! build.rs       bench/linux           ──▶ target/keel/linux/guest    init, modules, initramfs (initramfs.rs)
//! boot.rs        QEMU, one boot; what it prints ──▶ rows (lines.rs)
//! ```
//!
//! Both folders are made under another name and renamed when they are whole, so what is there is complete and is used again.
//! To fetch a newer kernel, remove `target/keel/linux`.

mod boot;
mod build;
mod initramfs;
mod lines;
mod packages;
mod step;

pub use boot::{Boot, Order};
pub use lines::Said;

use super::follow::FollowError;
use crate::run::qemu::QemuError;
use crate::run::signals::Stop;
use crate::workspace::Workspace;
use std::io;
use std::path::{Path, PathBuf};

/// Whose rows those are that were measured inside the kernel.
pub const KERNEL: &str = "linux_kernel";
/// Whose rows those are that were measured by a program.
pub const USER: &str = "linux_user";

/// A Linux that can be booted.
#[derive(Clone, Debug)]
pub struct Linux {
    version: String,
    kernel: PathBuf,
    initramfs: PathBuf,
}

impl Linux {
    /// The kernel's release and the package's version: `6.1.0-56-amd64 (Debian 6.1.192-2)`.
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// Fetches and builds what is not there yet; `say` is told what takes long.
///
/// # Errors
/// If this machine cannot have it; the error says why. Whatever is complete by then is kept.
pub fn prepare(workspace: &Workspace, stop: &Stop, say: &mut dyn FnMut(&str)) -> Result<Linux, LinuxError> {
    let folder = workspace.output().join("linux");
    create(&folder)?;
    let unpacked = packages::fetch(&folder, stop, say)?;
    let initramfs = build::build(&folder, &workspace.root.join("bench/linux"), &unpacked, stop, say)?;
    Ok(Linux {
        version: format!("{} (Debian {})", unpacked.release, unpacked.package_version),
        kernel: unpacked.kernel(),
        initramfs,
    })
}

/// Why there is no Linux, or no figures of it.
#[derive(Debug, thiserror::Error)]
pub enum LinuxError {
    /// A program that all of this needs.
    #[error("`{program}` is not there, and Linux beside Keel needs it: {remedy}")]
    NoProgram {
        /// Which.
        program: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Not Debian, or no network.
    #[error(
        "apt knows no package {package}: Linux beside Keel needs Debian's kernel package and a way to its mirror; \
         run this on Debian 12 or newer, or add Debian to apt's sources\n{tail}"
    )]
    NoPackage {
        /// Which.
        package: String,
        /// What apt said.
        tail: String,
    },
    /// A package that is not as all before it.
    #[error("package {package}: {what}; remove {folder} and try again, or look at what it holds now")]
    Package {
        /// Which.
        package: String,
        /// What is missing in it.
        what: String,
        /// Where it was unpacked.
        folder: PathBuf,
    },
    /// A program failed.
    #[error("{what} failed; its output is in {log}, and ends with\n{tail}\n{remedy}")]
    Step {
        /// What was done.
        what: String,
        /// Where all of its output is.
        log: PathBuf,
        /// The end of it.
        tail: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The disk, or a program that cannot be started.
    #[error(
        "{what}: {source}; see whether the disk is full or the folder is somebody else's; \
         removing target/keel/linux makes all of it anew"
    )]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// See [`QemuError`].
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// The guest did not do what it should.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// Ctrl-C.
    #[error("interrupted; nothing was left running")]
    Interrupted,
}

impl LinuxError {
    fn io(what: impl std::fmt::Display) -> impl FnOnce(io::Error) -> Self {
        let what = what.to_string();
        move |source| Self::Io { what, source }
    }
}

fn create(folder: &Path) -> Result<(), LinuxError> {
    std::fs::create_dir_all(folder).map_err(LinuxError::io(folder.display()))
}

fn read(path: &Path) -> Result<String, LinuxError> {
    std::fs::read_to_string(path).map_err(LinuxError::io(path.display()))
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), LinuxError> {
    std::fs::write(path, bytes).map_err(LinuxError::io(path.display()))
}

fn remove(folder: &Path) -> Result<(), LinuxError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(LinuxError::io(folder.display())(error)),
        _ => Ok(()),
    }
}

/// Gives what is whole now its name, in place of what had it before.
fn put_in_place(from: &Path, to: &Path) -> Result<(), LinuxError> {
    remove(to)?;
    std::fs::rename(from, to).map_err(LinuxError::io(to.display()))
}
