//! Debian's kernel and what its modules are built with, as packages from the machine's own apt sources.
//!
//! apt works on folders of ours, so it needs no rights, changes nothing of the system, and does not care whether its lists were
//! ever fetched. Besides the kernel and its headers come `make` and the one library that the kernel's build tools need:
//! of the machine itself only its C compiler is used.

use super::step::{self, Remedy};
use super::{LinuxError, create, put_in_place, read, remove, write};
use crate::run::signals::Stop;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package that depends on the newest kernel.
const NEWEST: &str = "linux-image-amd64";
/// For apt and dpkg.
const APT: Remedy = Remedy {
    missing: "the kernel is fetched as a Debian package; run this on Debian 12 or newer",
    failed: "see whether `apt-get update` works on this machine and the disk has 2 GB to spare, then try again",
};
/// Names the release and the package's version, one a line; written last.
const STAMP: &str = "version";

/// Packages that were unpacked, and not installed.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// Stands for `/`.
    pub root: PathBuf,
    /// The kernel's release, as in the names of its files: `6.1.0-56-amd64`.
    pub release: String,
    /// The version of its package: `6.1.192-2`.
    pub package_version: String,
}

impl Unpacked {
    /// What to boot.
    pub fn kernel(&self) -> PathBuf {
        self.root.join("boot").join(format!("vmlinuz-{}", self.release))
    }

    /// The folder that modules are built against.
    pub fn headers(&self) -> PathBuf {
        self.root.join("usr/src").join(format!("linux-headers-{}", self.release))
    }

    /// What was unpacked before, if that was completed.
    fn complete(root: PathBuf) -> Option<Self> {
        let stamp = std::fs::read_to_string(root.join(STAMP)).ok()?;
        let (release, package_version) = stamp.trim_end().split_once('\n')?;
        Some(Self { root, release: release.to_owned(), package_version: package_version.to_owned() })
    }
}

/// Fetches and unpacks below `folder` what is not there yet.
pub fn fetch(folder: &Path, stop: &Stop, say: &mut dyn FnMut(&str)) -> Result<Unpacked, LinuxError> {
    let root = folder.join("kernel");
    if let Some(unpacked) = Unpacked::complete(root.clone()) {
        return Ok(unpacked);
    }
    let apt = Apt { folder: folder.join("apt") };
    let part = folder.join("kernel.part");
    apt.prepare()?;
    // Lists that were fetched earlier may name packages that their mirror has replaced since.
    if !apt.has_lists() || download(&apt, stop, say).is_err() {
        if stop.wanted() {
            return Err(LinuxError::Interrupted);
        }
        say("fetching apt's lists");
        // A single source that fails does not matter if the others have the packages.
        let updated = apt.update(stop);
        download(&apt, stop, say).map_err(|error| match updated {
            Err(update @ (LinuxError::NoProgram { .. } | LinuxError::Interrupted)) => update,
            _ => error,
        })?;
    }
    say("unpacking the kernel");
    remove(&part)?;
    create(&part)?;
    let (release, package_version) = unpack(&apt, &part, stop)?;
    let unpacked = Unpacked { root: part.clone(), release, package_version };
    relocate_headers(&unpacked)?;
    write(&part.join(STAMP), format!("{}\n{}\n", unpacked.release, unpacked.package_version))?;
    put_in_place(&part, &root)?;
    remove(&apt.debs())?;
    Ok(Unpacked { root, ..unpacked })
}

/// Downloads the packages into `apt.debs()`.
fn download(apt: &Apt, stop: &Stop, say: &mut dyn FnMut(&str)) -> Result<(), LinuxError> {
    let image = apt.dependency(NEWEST, "linux-image-", stop)?;
    let headers = image.replacen("linux-image-", "linux-headers-", 1);
    let common = apt.dependency(&headers, "linux-headers-", stop)?;
    let kbuild = apt.dependency(&headers, "linux-kbuild-", stop)?;
    let libelf = apt.dependency(&kbuild, "libelf", stop)?;
    say(&format!("downloading {image} and its headers"));
    remove(&apt.debs())?;
    create(&apt.debs())?;
    let mut command = apt.command("apt-get");
    command.args(["download", &image, &headers, &common, &kbuild, &libelf, "make"]).current_dir(apt.debs());
    step::run(command, "downloading Debian's kernel", APT, &apt.log("download"), stop)
}

/// Unpacks what was downloaded; the release and the version of the kernel's package.
fn unpack(apt: &Apt, root: &Path, stop: &Stop) -> Result<(String, String), LinuxError> {
    let entries = std::fs::read_dir(apt.debs()).map_err(LinuxError::io(apt.debs().display()))?;
    let mut version = None;
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let mut command = Command::new("dpkg-deb");
        command.arg("--extract").arg(&path).arg(root);
        step::run(command, &format!("unpacking {}", path.display()), APT, &apt.log("unpack"), stop)?;
        let field = |name: &str| {
            let mut command = Command::new("dpkg-deb");
            let text = step::output(command.arg("--field").arg(&path).arg(name), APT, stop)?;
            Ok::<_, LinuxError>(text.unwrap_or_default().trim().to_owned())
        };
        if let Some(release) = field("Package")?.strip_prefix("linux-image-") {
            version = Some((release.to_owned(), field("Version")?));
        }
    }
    // The kernel's own modules: most of what was unpacked, and none is needed.
    remove(&root.join("lib/modules"))?;
    remove(&root.join("usr/lib/modules"))?;
    let version = version.filter(|(release, _)| root.join(format!("boot/vmlinuz-{release}")).is_file());
    version.ok_or_else(|| LinuxError::Package {
        package: NEWEST.to_owned(),
        what: "what was downloaded for it has no kernel in /boot".to_owned(),
        folder: root.to_owned(),
    })
}

/// The machine's apt, with lists and caches of ours.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn debs(&self) -> PathBuf {
        self.folder.join("debs")
    }

    fn log(&self, what: &str) -> PathBuf {
        self.folder.join(what).with_extension("log")
    }

    /// Makes the folders that apt insists on.
    fn prepare(&self) -> Result<(), LinuxError> {
        for folder in ["state/lists/partial", "cache/archives/partial"] {
            create(&self.folder.join(folder))?;
        }
        // Nothing is installed, as far as this apt knows.
        write(&self.folder.join("state/status"), "")
    }

    fn has_lists(&self) -> bool {
        let entries = std::fs::read_dir(self.folder.join("state/lists")).into_iter().flatten();
        entries.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    }

    fn command(&self, program: &str) -> Command {
        let option = |name: &str, path: &str| {
            let mut option = OsString::from(format!("{name}="));
            option.push(self.folder.join(path));
            option
        };
        let mut command = Command::new(program);
        command.env("LC_ALL", "C").arg("--quiet");
        for (name, path) in [
            ("Dir::State", "state"),
            ("Dir::State::lists", "state/lists"),
            ("Dir::State::status", "state/status"),
            ("Dir::Cache", "cache"),
        ] {
            command.arg("-o").arg(option(name, path));
        }
        // Descriptions in other languages are half of the lists. And apt's own user cannot write here, nor need it.
        command.args(["-o", "Acquire::Languages=none", "-o", "APT::Sandbox::User="]);
        command
    }

    fn update(&self, stop: &Stop) -> Result<(), LinuxError> {
        let mut command = self.command("apt-get");
        command.arg("update");
        step::run(command, "fetching apt's lists", APT, &self.log("update"), stop)
    }

    /// The package whose name begins with `prefix` that `package` depends on.
    fn dependency(&self, package: &str, prefix: &str, stop: &Stop) -> Result<String, LinuxError> {
        let text = step::output(self.command("apt-cache").args(["depends", package]), APT, stop)?;
        let missing =
            || LinuxError::NoPackage { package: package.to_owned(), tail: step::tail(&self.log("update")) };
        let text = text.ok_or_else(missing)?;
        dependencies(&text).find(|name| name.starts_with(prefix)).map(str::to_owned).ok_or_else(missing)
    }
}

/// The names that `apt-cache depends` lists as dependencies.
fn dependencies(text: &str) -> impl Iterator<Item = &str> {
    let names = text.lines().filter_map(|line| line.trim_start_matches([' ', '|']).strip_prefix("Depends: "));
    // In brackets: a name that no package has, only what packages provide.
    names.map(str::trim).filter(|name| !name.starts_with('<'))
}

/// Makes the headers find each other wherever they are: their makefile names the folder that they would be installed in.
fn relocate_headers(unpacked: &Unpacked) -> Result<(), LinuxError> {
    let path = unpacked.headers().join("Makefile");
    write(&path, relocated(&read(&path)?))
}

/// `text` with each `include` of what is below `/usr/src` made relative to the folder beside it, in which make runs.
fn relocated(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix("include /usr/src/") {
        Some(rest) => format!("include ../{rest}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_read() {
        let text = "linux-headers-6.1.0-56-amd64\n  Depends: linux-headers-6.1.0-56-common\n |Depends: a\n  Depends: <b>\n    c\n  Suggests: d\n  Depends: linux-kbuild-6.1\n";
        let names: Vec<_> = dependencies(text).collect();
        assert_eq!(names, ["linux-headers-6.1.0-56-common", "a", "linux-kbuild-6.1"]);
        assert_eq!(dependencies("").count(), 0);
    }

    #[test]
    fn headers_find_each_other_anywhere() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().to_owned();
        let unpacked = Unpacked { root, release: "6.1".into(), package_version: "1".into() };
        create(&unpacked.headers())?;
        let makefile = unpacked.headers().join("Makefile");
        write(&makefile, "override ARCH = x86\ninclude /usr/src/linux-headers-6.1-common/Makefile\n")?;
        relocate_headers(&unpacked)?;
        let moved = "override ARCH = x86\ninclude ../linux-headers-6.1-common/Makefile\n";
        assert_eq!(read(&makefile)?, moved);
        assert_eq!(relocated(moved), moved);
        Ok(())
    }

    #[test]
    fn only_a_stamp_makes_it_complete() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().to_owned();
        assert!(Unpacked::complete(root.clone()).is_none());
        std::fs::write(root.join(STAMP), "6.1.0-56-amd64")?;
        assert!(Unpacked::complete(root.clone()).is_none(), "cut off");
        std::fs::write(root.join(STAMP), "6.1.0-56-amd64\n6.1.192-2\n")?;
        let unpacked = Unpacked::complete(root).ok_or("complete")?;
        assert_eq!(
            (unpacked.release.as_str(), unpacked.package_version.as_str()),
            ("6.1.0-56-amd64", "6.1.192-2")
        );
        assert!(unpacked.kernel().ends_with("boot/vmlinuz-6.1.0-56-amd64"));
        Ok(())
    }
}
