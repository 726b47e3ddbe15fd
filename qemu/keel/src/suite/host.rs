//! The part of the test suite that needs no guest: cargo's own tests, models, lints, format.

use super::Verdict;
use crate::workspace::Workspace;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// No step may take longer: a model that does not end would hold up everything.
const LIMIT: Duration = Duration::from_secs(20 * 60);
/// How much of a failed step's output is shown.
const SHOWN: usize = 60;

/// `cargo test` for all that runs on the host, documentation tests included.
pub fn tests(workspace: &Workspace) -> Command {
    let mut command = crate::cargo_command(&workspace.root);
    command.args(["test", "--workspace", "--no-fail-fast"]);
    exclude_hardware(workspace, &mut command);
    command
}

/// The loom models of `package`.
pub fn loom(workspace: &Workspace, package: &str) -> Command {
    let mut command = crate::cargo_command(&workspace.root);
    command.args(["test", "--release", "--lib", "--tests", "-p", package, "--target-dir"]);
    command.arg(workspace.target.join("loom")).env("RUSTFLAGS", "--cfg loom");
    command
}

/// Lints for the host, tests and examples too.
pub fn clippy(workspace: &Workspace) -> Command {
    let mut command = crate::cargo_command(&workspace.root);
    command.args(["clippy", "--workspace", "--all-targets"]);
    exclude_hardware(workspace, &mut command);
    command.args(["--", "-D", "warnings"]);
    command
}

/// Lints for what the kernel is compiled from, hardware code included.
pub fn kernel_clippy(workspace: &Workspace) -> Command {
    let mut command = crate::build::cargo(workspace, "clippy", "kernel-clippy", &[]);
    command.args(["--", "-D", "warnings"]);
    command
}

/// Runs each native benchmark once, without measuring: criterion does so under `cargo test`. Each checks its own result.
pub fn native_benchmarks(workspace: &Workspace) -> Command {
    let mut command = crate::cargo_command(&workspace.root);
    command.args(["test", "--package", "native_benchmarks", "--benches"]);
    command
}

/// The format. The benchmarks' files are named, since rustfmt does not see modules that a build script finds.
pub fn format(workspace: &Workspace) -> Command {
    let mut command = crate::cargo_command(&workspace.root);
    command.args(["fmt", "--all", "--check", "--", "--color", "never"]);
    let files =
        std::fs::read_dir(workspace.root.join(BENCHMARKS)).into_iter().flatten().filter_map(Result::ok);
    command.args(files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|e| e == "rs")));
    command
}

/// Where a build script finds modules.
const BENCHMARKS: &str = "bench/kernel/src/operations";

fn exclude_hardware(workspace: &Workspace, command: &mut Command) {
    for package in workspace.packages.iter().filter(|package| !package.host) {
        command.args(["--exclude", &package.name]);
    }
}

/// What a step is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It runs tests, and counts as so many; none at all is a failure.
    Tests,
    /// It counts as one.
    Check,
}

/// Runs a step; its output goes to a file and is shown if it fails.
pub fn run(workspace: &Workspace, name: &str, kind: Kind, command: Command) -> Verdict {
    logged(workspace, name, kind, command)
        .unwrap_or_else(|error| Verdict::Failed(format!("cannot run it: {error}")))
}

fn logged(workspace: &Workspace, name: &str, kind: Kind, mut command: Command) -> io::Result<Verdict> {
    let folder = workspace.output().join("test");
    std::fs::create_dir_all(&folder)?;
    let path: PathBuf = folder.join(format!("{}.log", name.replace([' ', '/'], "-")));
    let log = File::create(&path)?;
    let mut child =
        crate::run::guest::spawn(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log))?;
    let deadline = Instant::now() + LIMIT;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            break None;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
    let (passed, failed) = count(&text);
    if status.is_some_and(|status| status.success()) {
        return Ok(verdict(kind, passed));
    }
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n");
    let what = match status {
        Some(_) => format!("the last lines of {}:", path.display()),
        None => format!("stopped after {} min; the last lines of {}:", LIMIT.as_secs() / 60, path.display()),
    };
    Ok(Verdict::Mixed { passed, failed: failed.max(1), what: format!("{what}\n{last}") })
}

/// What comes of a step that succeeded.
fn verdict(kind: Kind, passed: usize) -> Verdict {
    match (kind, passed) {
        (Kind::Check, _) => Verdict::Passed(1),
        (Kind::Tests, 0) => Verdict::Failed("there was nothing to test".into()),
        (Kind::Tests, passed) => Verdict::Passed(passed),
    }
}

/// Adds up cargo's lines `test result: ok. 5 passed; 0 failed; …`.
fn count(text: &str) -> (usize, usize) {
    let mut sum = (0, 0);
    for line in text.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        let number = |word: &str| -> usize {
            let before = line.split(word).next().and_then(|text| text.split_whitespace().last());
            before.and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        sum.0 += number(" passed");
        sum.1 += number(" failed");
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_that_are_not_there_do_not_pass() {
        assert_eq!(verdict(Kind::Tests, 3), Verdict::Passed(3));
        assert!(matches!(verdict(Kind::Tests, 0), Verdict::Failed(_)));
        assert_eq!(verdict(Kind::Check, 0), Verdict::Passed(1));
    }

    #[test]
    fn cargos_counts_are_added_up() {
        let text = "running 2 tests\n\
            test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 3 passed; 2 failed; 0 ignored\n";
        assert_eq!(count(text), (15, 2));
        assert_eq!(count("error: could not compile"), (0, 0));
    }
}
