//! A boot test: what to boot, what to type, what must come of it. Written as TOML in `qemu/tests`.
//!
//! ```toml
//! [[case]]
//! name = "two cores"
//! smp = 2                          # default 1
//! cpu = "max,-x2apic"              # default "max"
//! mem = "512M"                     # default
//! machine = "q35"                  # default
//! exec = ["cores --json"]          # console commands, at least one
//! append = ["acpi=off"]            # more words for the kernel's command line
//! policy = "priority"              # the policy to begin with
//! qemu = ["-no-acpi"]              # more of QEMU's own options
//! expect = ['"id":1,']             # regular expressions; each must match in what the console prints
//! forbid = ['panicked']            # none of these may
//! status = "success"               # or "failed" (a command failed), "fatal" (the kernel stopped)
//! timeout = 60                     # seconds
//! needs_x2apic = true              # skipped where QEMU emulates none
//! ```

use regex_lite::Regex;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// How a guest is expected to end.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All commands succeeded.
    #[default]
    Success,
    /// A command failed.
    Failed,
    /// The kernel stopped.
    Fatal,
}

/// One boot of the kernel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootCase {
    /// What is tested; unique within its file.
    pub name: String,
    /// Number of cores.
    #[serde(default = "one")]
    pub smp: u32,
    /// CPU model and features.
    #[serde(default = "max")]
    pub cpu: String,
    /// Memory.
    #[serde(default = "half_a_gigabyte")]
    pub mem: String,
    /// Machine type.
    #[serde(default = "q35")]
    pub machine: String,
    /// Console commands.
    pub exec: Vec<String>,
    /// More words for the kernel's command line.
    #[serde(default)]
    pub append: Vec<String>,
    /// The policy to begin with.
    pub policy: Option<String>,
    /// More of QEMU's options.
    #[serde(default)]
    pub qemu: Vec<String>,
    /// What must be printed.
    #[serde(default)]
    pub expect: Vec<Pattern>,
    /// What must not.
    #[serde(default)]
    pub forbid: Vec<Pattern>,
    /// How it must end.
    #[serde(default)]
    pub status: Status,
    /// The limit, in seconds.
    #[serde(default = "a_minute")]
    pub timeout: u64,
    /// Whether QEMU must emulate an x2APIC.
    #[serde(default)]
    pub needs_x2apic: bool,
}

fn one() -> u32 {
    1
}
fn max() -> String {
    "max".into()
}
fn half_a_gigabyte() -> String {
    "512M".into()
}
fn q35() -> String {
    "q35".into()
}
fn a_minute() -> u64 {
    60
}

/// A regular expression; `^` and `$` match at line ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Regex::new(&format!("(?m){text}")).map(Self).map_err(|error| format!("{text:?}: {error}"))
    }
}

impl Pattern {
    /// Whether it occurs in `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.as_str().trim_start_matches("(?m)"))
    }
}

/// Why the table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// No such folder or file.
    #[error("cannot read boot tests from {path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Not valid.
    #[error("{path}: {source}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: Box<toml::de::Error>,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    case: Vec<BootCase>,
}

/// All cases of `folder`, as (file name, case), in the order of the files' names.
pub fn read(folder: &Path) -> Result<Vec<(String, BootCase)>, TableError> {
    let io = |source| TableError::Io { path: folder.to_owned(), source };
    let mut files = std::fs::read_dir(folder)
        .map_err(io)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(io)?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        let text =
            std::fs::read_to_string(&path).map_err(|source| TableError::Io { path: path.clone(), source })?;
        let table: Table = toml::from_str(&text)
            .map_err(|source| TableError::Format { path: path.clone(), source: Box::new(source) })?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        cases.extend(table.case.into_iter().map(|case| (stem.clone(), case)));
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_in_the_repository_are_valid() -> Result<(), TableError> {
        let cases = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests"))?;
        assert!(!cases.is_empty());
        Ok(())
    }

    #[test]
    fn defaults_and_mistakes() {
        let table: Table = toml::from_str("[[case]]\nname='x'\nexec=['mem']\nexpect=['^a$']").expect("valid");
        let case = table.case.first().expect("one case");
        assert_eq!((case.smp, case.status, case.timeout), (1, Status::Success, 60));
        assert!(case.expect.iter().all(|pattern| pattern.matches("b\na\nc") && !pattern.matches("ab")));
        assert!(toml::from_str::<Table>("[[case]]\nname='x'\nexec=[]\nsmpp=2").is_err());
        assert!(toml::from_str::<Table>("[[case]]\nname='x'\nexec=[]\nexpect=['(']").is_err());
    }
}
