//! `cargo keel setup`: installs what building and running need, on Debian and Ubuntu.
//!
//! Rust and a C linker must be there already, or this program would not run: `qemu/setup.sh` sees to them. What is
//! left is QEMU: 9 or newer, for its x2APIC. Debian 12 has one in its backports. Where the distribution has
//! nothing newer, an older one will do, and the kernel falls back to xAPIC.

use crate::run::qemu::{self, PROGRAM, QemuError, X2APIC_SINCE};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const PACKAGE: &str = "qemu-system-x86";
const BACKPORTS: &str = "bookworm-backports";
const BACKPORTS_FILE: &str = "/etc/apt/sources.list.d/keel-backports.list";
/// The release whose backports these are.
const RELEASE: &str = "bookworm";
const SOURCES: [&str; 2] = ["/etc/apt/sources.list", "/etc/apt/sources.list.d"];

/// Why the set-up cannot be completed.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Not a system we know how to install on.
    #[error("{0} is unknown here; install {PROGRAM}, version {X2APIC_SINCE} or newer, by hand")]
    System(String),
    /// No right to install.
    #[error("installing {0} needs root: run this as root, or install sudo")]
    NotRoot(&'static str),
    /// The machine's own package sources do not say where Debian is.
    #[error("no source in /etc/apt names {RELEASE}; add its backports there by hand")]
    NoMirror,
    /// A command failed.
    #[error("`{0}` failed; what it said is above")]
    Failed(String),
    /// A command did not start, or a file cannot be written.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// Installed, and still not right.
    #[error(transparent)]
    Qemu(#[from] QemuError),
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Plan {
    /// All is there.
    Nothing,
    /// An old QEMU is there, and there is no newer one to be had.
    KeepOld,
    /// Install the distribution's.
    Install,
    /// Install the one from Debian 12's backports.
    InstallFromBackports,
}

/// What is to be done on the system that `os` describes, with this QEMU.
fn plan(os: &BTreeMap<String, String>, qemu: Option<u32>) -> Result<Plan, SetupError> {
    if qemu.is_some_and(|major| major >= X2APIC_SINCE) {
        return Ok(Plan::Nothing);
    }
    let field = |name: &str| os.get(name).map_or("", String::as_str);
    let family = format!("{} {}", field("ID"), field("ID_LIKE"));
    let is_debian_like = family.split_whitespace().any(|id| matches!(id, "debian" | "ubuntu"));
    if field("ID") == "debian" && field("VERSION_CODENAME") == "bookworm" {
        return Ok(Plan::InstallFromBackports);
    }
    match qemu {
        Some(_) => Ok(Plan::KeepOld),
        None if is_debian_like => Ok(Plan::Install),
        None => Err(SetupError::System(field("PRETTY_NAME").to_owned())),
    }
}

/// Reads `/etc/os-release`.
fn os_release(text: &str) -> BTreeMap<String, String> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned()))
        .collect()
}

/// Installs what is missing, having said what that is.
pub fn setup() -> Result<(), SetupError> {
    let installed = match qemu::version() {
        Ok((major, _)) => Some(major),
        Err(QemuError::Missing) => None,
        Err(error) => return Err(error.into()),
    };
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    match plan(&os_release(&text), installed)? {
        Plan::Nothing => {}
        Plan::KeepOld => {}
        Plan::Install => install(&[PACKAGE])?,
        Plan::InstallFromBackports => {
            if let Err(error) = add_backports().and_then(|()| install(&["-t", BACKPORTS, PACKAGE])) {
                eprintln!("{error}; going on with Debian 12's own QEMU");
                if installed.is_none() {
                    install(&[PACKAGE])?;
                }
            }
        }
    }
    let (major, minor) = qemu::version()?;
    if major < X2APIC_SINCE {
        println!("{PROGRAM} {major}.{minor} emulates no x2APIC: the kernel will use xAPIC");
    } else {
        println!("{PROGRAM} {major}.{minor} is ready");
    }
    Ok(())
}

/// Makes Debian 12's backports known to apt.
fn add_backports() -> Result<(), SetupError> {
    let sources: Vec<String> = SOURCES.iter().flat_map(|path| texts(Path::new(path))).collect();
    if sources.iter().any(|text| mentions(text)) {
        return Ok(());
    }
    // The backports lie beside the release, on the mirror that this machine uses.
    let mirror = sources.iter().find_map(|text| mirror(text)).ok_or(SetupError::NoMirror)?;
    let line = format!("deb {mirror} {BACKPORTS} main\n");
    println!("adding {BACKPORTS_FILE}: {}", line.trim_end());
    let io = |source| SetupError::Io { what: BACKPORTS_FILE.to_owned(), source };
    let mut child = as_root("tee")?
        .arg(BACKPORTS_FILE)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .map_err(io)?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(line.as_bytes()).map_err(io)?;
    }
    if child.wait().map_err(io)?.success() {
        Ok(())
    } else {
        Err(SetupError::Failed(format!("tee {BACKPORTS_FILE}")))
    }
}

/// The text of a file of sources, or of each in a folder of them.
fn texts(path: &Path) -> Vec<String> {
    match std::fs::read_dir(path) {
        Ok(entries) => entries.filter_map(Result::ok).flat_map(|entry| texts(&entry.path())).collect(),
        Err(_) => std::fs::read_to_string(path).into_iter().collect(),
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.starts_with('#'))
}

/// Whether a text of sources names the backports.
fn mentions(text: &str) -> bool {
    lines(text).any(|line| line.contains(BACKPORTS))
}

/// Where a text of sources has the release from, in either of apt's formats (sources.list(5)).
fn mirror(text: &str) -> Option<&str> {
    let one_line = lines(text).filter_map(|line| line.strip_prefix("deb ")).find_map(|line| {
        let options_end = line.find(']').map_or(0, |end| end + 1);
        let mut words = line[options_end..].split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        (suite == RELEASE).then_some(uri)
    });
    one_line.or_else(|| {
        text.split("\n\n").find_map(|stanza| {
            let field = |name| lines(stanza).find_map(|line| line.strip_prefix(name));
            let release = field("Suites:")?.split_whitespace().any(|suite| suite == RELEASE);
            field("URIs:")?.split_whitespace().next().filter(|_| release)
        })
    })
}

fn install(packages: &[&str]) -> Result<(), SetupError> {
    println!("installing with apt-get: {}", packages.join(" "));
    for arguments in [&["update"][..], &[&["install", "--yes", "--no-install-recommends"], packages].concat()]
    {
        let what = format!("apt-get {}", arguments.join(" "));
        let status = as_root("env")?
            .args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"])
            .args(arguments)
            .stdin(Stdio::null())
            .status()
            .map_err(|source| SetupError::Io { what: what.clone(), source })?;
        if !status.success() {
            return Err(SetupError::Failed(what));
        }
    }
    Ok(())
}

/// `program`, run as root.
fn as_root(program: &'static str) -> Result<Command, SetupError> {
    if rustix::process::geteuid().is_root() {
        return Ok(Command::new(program));
    }
    let has_sudo = Command::new("sudo").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !has_sudo.is_ok_and(|status| status.success()) {
        return Err(SetupError::NotRoot(PACKAGE));
    }
    let mut command = Command::new("sudo");
    if !io::stdin().is_terminal() {
        // Nobody is there to type a password: fail instead of waiting for it.
        command.arg("--non-interactive");
    }
    command.arg(program);
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOKWORM: &str =
        "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_CODENAME=bookworm\n";
    const TRIXIE: &str = "ID=debian\nVERSION_CODENAME=trixie\n";
    const UBUNTU: &str = "ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n";

    #[test]
    fn the_plan_fits_the_system() -> Result<(), SetupError> {
        let plan = |text: &str, qemu| plan(&os_release(text), qemu);
        assert_eq!(plan(BOOKWORM, Some(10))?, Plan::Nothing);
        assert_eq!(plan(BOOKWORM, Some(7))?, Plan::InstallFromBackports);
        assert_eq!(plan(BOOKWORM, None)?, Plan::InstallFromBackports);
        assert_eq!(plan(TRIXIE, None)?, Plan::Install);
        assert_eq!(plan(UBUNTU, None)?, Plan::Install);
        assert_eq!(plan(UBUNTU, Some(8))?, Plan::KeepOld);
        assert_eq!(plan("ID=fedora\n", Some(8))?, Plan::KeepOld);
        assert!(
            matches!(plan("ID=fedora\nPRETTY_NAME=\"Fedora 42\"\n", None), Err(SetupError::System(name)) if name == "Fedora 42")
        );
        Ok(())
    }

    #[test]
    fn a_source_that_is_commented_out_does_not_count() {
        assert!(!mentions("# deb http://mirror.example/debian bookworm-backports main\n"));
        assert!(mentions("deb http://mirror.example/debian bookworm-backports main\n"));
    }

    #[test]
    fn the_mirror_is_where_the_release_comes_from() {
        let one_line = "deb http://other.example/x stable main\ndeb [arch=amd64] http://mirror.example/debian bookworm main\n";
        assert_eq!(mirror(one_line), Some("http://mirror.example/debian"));
        let stanzas = "Types: deb\nURIs: http://other.example/x\nSuites: bookworm-security\n\n\
                       Types: deb\n# a comment\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n";
        assert_eq!(mirror(stanzas), Some("http://mirror.example/debian"));
        assert_eq!(mirror("deb http://other.example/x stable main\n"), None);
    }
}
