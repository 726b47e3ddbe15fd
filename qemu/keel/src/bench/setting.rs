//! What a run was made of and on: commit, date, machine, versions.

use super::results::{Instrument, Row, Run};
use crate::run::qemu;
use crate::workspace::Workspace;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// A run of `instrument` that ends now.
pub fn run(
    workspace: &Workspace,
    instrument: Instrument,
    setting: BTreeMap<String, String>,
    rows: Vec<Row>,
) -> Run {
    Run { instrument, commit: commit(&workspace.root), date: now(), setting, rows }
}

/// Now, in UTC to the second.
fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// The commit that is checked out, followed by `+` if a file differs from it or is new (a benchmark is a new file), results apart;
/// `unknown` without git.
pub fn commit(root: &Path) -> String {
    let Some(commit) = git(root, &["rev-parse", "--short=12", "HEAD"]) else { return "unknown".into() };
    let is_changed = git(root, &["status", "--porcelain", "--", ".", ":!bench/results"])
        .is_none_or(|text| !text.is_empty());
    format!("{commit}{}", if is_changed { "+" } else { "" })
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    first_words(Command::new("git").current_dir(root).args(arguments))
}

/// What every instrument says about the host.
pub fn host() -> BTreeMap<String, String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    [
        ("host CPU", model.map_or_else(|| "unknown".into(), |(_, name)| name.trim().to_owned())),
        ("host cores", cores.to_string()),
        ("compiler", compiler()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// The same, for what runs under QEMU on `machine`.
pub fn guest(machine: &qemu::Machine) -> BTreeMap<String, String> {
    let mut setting = host();
    let accelerator = qemu::accelerator(machine.accel).unwrap_or("unknown");
    setting.extend(
        [
            ("QEMU", qemu()),
            ("accelerator", accelerator.to_owned()),
            ("machine", format!("{}, -cpu {}", machine.machine, machine.cpu)),
            ("guest cores", machine.smp.to_string()),
            ("guest memory", machine.mem.clone()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    setting
}

/// QEMU's version.
pub fn qemu() -> String {
    qemu::version().map_or_else(|_| "unknown".into(), |(major, minor)| format!("{major}.{minor}"))
}

/// The compiler, with its commit: what decides how many instructions there are.
pub fn compiler() -> String {
    first_words(Command::new("rustc").arg("--version")).unwrap_or_else(|| "unknown".into())
}

/// What a command prints; `None` if it fails or is not there.
fn first_words(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_without_git_is_unknown() {
        assert_eq!(commit(Path::new("/proc")), "unknown");
    }

    #[test]
    fn the_host_says_what_it_is() {
        let host = host();
        assert!(host.get("compiler").is_some_and(|version| version.starts_with("rustc 1.")), "{host:?}");
        assert!(host.get("host cores").is_some_and(|cores| cores != "0"), "{host:?}");
    }
}
