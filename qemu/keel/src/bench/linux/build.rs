//! Builds what runs in the guest: a static init, three kernel modules, and the initramfs of them.
//!
//! The sources are copied first: the kernel's build leaves its files beside them. What was built is used again as long as the
//! sources, the kernel and the compiler are the same.

use super::initramfs::Initramfs;
use super::packages::Unpacked;
use super::step::{self, Remedy};
use super::{LinuxError, create, put_in_place, read, remove, write};
use crate::run::signals::Stop;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use xxhash_rust::xxh64::Xxh64;

const COMPILER: &str = "gcc";
const GCC: Remedy = Remedy {
    missing: "install it: apt-get install gcc libc6-dev",
    failed: "if a header or a library is not found: apt-get install libc6-dev",
};
const MAKE: Remedy = Remedy {
    missing: "remove target/keel/linux and try again",
    failed: "remove target/keel/linux and try again: that fetches the newest kernel and all that its modules need; \
             if the compiler's message is about bench/linux/modules, they do not fit that kernel",
};
/// `strip` makes the archive small, no more.
const STRIP: Remedy = Remedy { missing: "", failed: "" };
/// The folders of bench/linux that are compiled.
const SOURCES: [&str; 3] = ["init", "modules", "shared"];
/// Made from `modules/Kbuild`.
const MODULES: [&str; 3] = ["keel_bench.ko", "empty.ko", "patched.ko"];
const INITRAMFS: &str = "initramfs.cpio";
/// Says what the initramfs was built from; written last.
const STAMP: &str = "stamp";

/// Builds from `sources` below `folder` unless that was done before; where the initramfs is.
pub fn build(
    folder: &Path,
    sources: &Path,
    unpacked: &Unpacked,
    stop: &Stop,
    say: &mut dyn FnMut(&str),
) -> Result<PathBuf, LinuxError> {
    let done = folder.join("guest");
    let stamp = stamp(sources, unpacked, stop)?;
    if fs::read_to_string(done.join(STAMP)).is_ok_and(|text| text == stamp) {
        return Ok(done.join(INITRAMFS));
    }
    say("building init and the modules for Linux");
    let part = folder.join("guest.part");
    remove(&part)?;
    create(&part)?;
    for (path, name) in files(sources)? {
        let copy = part.join(name);
        create(copy.parent().unwrap_or(&part))?;
        fs::copy(&path, &copy).map_err(LinuxError::io(copy.display()))?;
    }
    build_init(&part, stop)?;
    build_modules(&part, unpacked, stop)?;
    let mut archive = Initramfs::default();
    for name in ["dev", "proc", "sys"] {
        archive.folder(name);
    }
    archive.device("dev/console", 5, 1);
    archive.file("init", &stripped(&part.join("init/init"), &["--strip-all"], stop)?);
    for module in MODULES {
        archive.file(module, &stripped(&part.join("modules").join(module), &["--strip-debug"], stop)?);
    }
    write(&part.join(INITRAMFS), archive.finish())?;
    write(&part.join(STAMP), stamp)?;
    put_in_place(&part, &done)?;
    Ok(done.join(INITRAMFS))
}

fn build_init(part: &Path, stop: &Stop) -> Result<(), LinuxError> {
    let mut command = Command::new(COMPILER);
    command.args([
        "-std=gnu11",
        "-O2",
        "-Wall",
        "-Wextra",
        "-static",
        "-pthread",
        "-I",
        "shared",
        "-o",
        "init/init",
    ]);
    command.args(files(&part.join("init"))?.iter().map(|(path, _)| path).filter(|path| is_c(path)));
    command.current_dir(part);
    step::run(command, "compiling init", GCC, &part.join("init.log"), stop)
}

fn build_modules(part: &Path, unpacked: &Unpacked, stop: &Stop) -> Result<(), LinuxError> {
    let mut modules = std::ffi::OsString::from("M=");
    modules.push(part.join("modules"));
    let mut command = Command::new(unpacked.root.join("usr/bin/make"));
    command.arg("-C").arg(unpacked.headers()).arg(modules);
    // The headers name the compiler that the kernel was built with, version and all; this machine's will do.
    command.arg(format!("CC={COMPILER}"));
    // No type information for tracers: that would take one more tool.
    command.args(["CONFIG_DEBUG_INFO_BTF_MODULES=", "modules"]);
    command.env("LC_ALL", "C").env("LD_LIBRARY_PATH", unpacked.root.join("usr/lib/x86_64-linux-gnu"));
    // Of a make that started us, and of kernels that somebody builds in the same shell.
    for name in
        ["MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ARCH", "CROSS_COMPILE", "KBUILD_OUTPUT", "KCFLAGS", "LLVM"]
    {
        command.env_remove(name);
    }
    step::run(command, "building the modules", MAKE, &part.join("modules.log"), stop)
}

/// A program or module without what only debuggers need; as it is if there is no `strip`.
fn stripped(path: &Path, options: &[&str], stop: &Stop) -> Result<Vec<u8>, LinuxError> {
    // Without it the program works as well: a failure does not matter.
    let stripped = step::output(Command::new("strip").args(options).arg(path), STRIP, stop);
    if let Err(interrupted @ LinuxError::Interrupted) = stripped {
        return Err(interrupted);
    }
    fs::read(path).map_err(LinuxError::io(path.display()))
}

/// What all that is built depends on, in one word.
fn stamp(sources: &Path, unpacked: &Unpacked, stop: &Stop) -> Result<String, LinuxError> {
    let compiler = step::output(Command::new(COMPILER).arg("--version"), GCC, stop)?.unwrap_or_default();
    let mut hash = Xxh64::new(0);
    let mut add = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    for text in
        [&unpacked.release, &unpacked.package_version, &compiler, &unpacked.root.display().to_string()]
    {
        add(text.as_bytes());
    }
    for (path, name) in files(sources)? {
        add(name.as_os_str().as_encoded_bytes());
        add(read(&path)?.as_bytes());
    }
    Ok(format!("{:016x}\n", hash.digest()))
}

fn is_c(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "c")
}

/// The files that are compiled, sorted, each with its path below `folder`; of a folder without subfolders its own.
fn files(folder: &Path) -> Result<Vec<(PathBuf, PathBuf)>, LinuxError> {
    let below: Vec<PathBuf> =
        SOURCES.iter().map(|name| folder.join(name)).filter(|path| path.is_dir()).collect();
    let folders = if below.is_empty() { vec![folder.to_owned()] } else { below };
    let mut list = Vec::new();
    for from in folders {
        for entry in fs::read_dir(&from).map_err(LinuxError::io(from.display()))? {
            let path = entry.map_err(LinuxError::io(from.display()))?.path();
            let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
            if path.is_file() {
                list.push((path, name));
            }
        }
    }
    list.sort();
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unpacked(release: &str) -> Unpacked {
        Unpacked { root: "/nowhere".into(), release: release.into(), package_version: "1".into() }
    }

    #[test]
    fn sources_are_found() -> Result<(), LinuxError> {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/linux");
        let names: Vec<_> = files(&sources)?.into_iter().map(|(_, name)| name).collect();
        for name in ["init/main.c", "modules/Kbuild", "shared/meter.h"] {
            assert!(names.contains(&PathBuf::from(name)), "{name}: {names:?}");
        }
        assert!(!names.contains(&PathBuf::from("README.md")));
        let init = files(&sources.join("init"))?;
        assert!(init.iter().any(|(path, name)| is_c(path) && name == Path::new("main.c")));
        Ok(())
    }

    #[test]
    fn another_source_or_kernel_is_another_stamp() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("init"))?;
        let file = folder.path().join("init/main.c");
        fs::write(&file, "int main;")?;
        let of = |release| stamp(folder.path(), &unpacked(release), &Stop::never());
        let first = of("6.1")?;
        assert_eq!(first, of("6.1")?);
        assert_ne!(first, of("6.2")?);
        fs::write(&file, "int main ;")?;
        assert_ne!(first, of("6.1")?);
        Ok(())
    }
}
