//! A boot test: what to boot, what to type, what must come of it. Written as TOML in `qemu/tests`.
//!
//! ```toml
//! [[case]]
//! name = "two cores"
//! smp = 2                          # default 1; a list boots once with each: [1, 8]
//! cpu = "max,-x2apic"              # default "max"
//! mem = "512M"                     # default
//! machine = "q35"                  # default
//! archive = "built"                # or a damaged one, see `damage.rs`
//! append = ["acpi=off"]            # more words for the kernel's command line
//! policy = "priority"              # the policy to begin with
//! log = "debug"                    # the least severe message to print
//! qemu = ["-no-acpi"]              # more of QEMU's own options
//! exec = ["cores --json"]          # console commands
//! expect = ['"id":1,']             # regular expressions; each must match in what the console prints
//! forbid = ['panicked']            # none of these may; the words in `ALARMS` never may
//! status = "success"               # or "failed" (a command failed), "fatal" (the kernel stopped), "reboot", "reset"
//! timeout = 60                     # seconds
//! needs_x2apic = true              # skipped where QEMU emulates none
//! apart = true                     # boot once for each of the commands below
//!
//! [[case.command]]                 # a console command of which more is known; these run after `exec`
//! run = "nonsense"
//! expect = ['no such command']     # must match in what this command prints
//! forbid = ['panicked']            # must not
//! lines = 1                        # it prints exactly so many lines
//! json = { mem = { total = "number" } } # each JSON object that it prints has this shape, see `shape.rs`
//! unchanged = '"cells":\d+'        # what matches is the same as when the same command ran before
//!
//! [[case.typed]]                   # or, instead of commands: keys for the interactive console
//! after = 'keel> \z'               # when what was printed since the last keys matches (default: at the prompt)
//! keys = "cores\r"
//! ```

use super::damage::Archive;
use super::shape::Shape;
use regex_lite::Regex;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What the kernel prints only when something is badly wrong; no test need name these.
pub const ALARMS: [&str; 2] = ["KEEL STOPS", "double fault"];

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
    /// The kernel asked to be started again.
    Reboot,
    /// The machine was reset without the kernel's reporting anything.
    Reset,
}

/// One boot of the kernel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootCase {
    /// What is tested; unique within its file.
    pub name: String,
    /// Number of cores.
    #[serde(default)]
    smp: Cores,
    /// CPU model and features.
    #[serde(default = "max")]
    pub cpu: String,
    /// Memory.
    #[serde(default = "half_a_gigabyte")]
    pub mem: String,
    /// Machine type.
    #[serde(default = "q35")]
    pub machine: String,
    /// The initial RAM disk.
    #[serde(default)]
    pub archive: Archive,
    /// More words for the kernel's command line.
    #[serde(default)]
    pub append: Vec<String>,
    /// The policy to begin with.
    pub policy: Option<String>,
    /// The least severe message to print.
    pub log: Option<String>,
    /// More of QEMU's options.
    #[serde(default)]
    pub qemu: Vec<String>,
    /// Console commands of which nothing more is known.
    #[serde(default)]
    pub exec: Vec<String>,
    /// Console commands, each with what must come of it.
    #[serde(default)]
    pub command: Vec<Judged>,
    /// Keys for the interactive console.
    #[serde(default)]
    pub typed: Vec<Typed>,
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
    /// Whether each command gets a boot of its own.
    #[serde(default)]
    apart: bool,
}

/// A console command, and what must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The command.
    pub run: String,
    /// What it must print.
    #[serde(default)]
    pub expect: Vec<Pattern>,
    /// What it must not.
    #[serde(default)]
    pub forbid: Vec<Pattern>,
    /// How many lines it prints.
    pub lines: Option<usize>,
    /// What each JSON object looks like.
    pub json: Option<Shape>,
    /// What matches is the same as when the same command ran before.
    pub unchanged: Option<Pattern>,
}

/// Keys, and when to type them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typed {
    /// Matches in what was printed since the last keys.
    #[serde(default = "at_the_prompt")]
    pub after: Pattern,
    /// What is typed; Enter is `\r`.
    pub keys: String,
}

/// How many cores a case boots with.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Cores {
    Some(u32),
    Each(Vec<u32>),
}

impl Default for Cores {
    fn default() -> Self {
        Self::Some(1)
    }
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
fn at_the_prompt() -> Pattern {
    // The prompt is a constant without special characters.
    Pattern::try_from(format!("{}\\z", crate::run::PROMPT)).unwrap_or_else(|error| unreachable!("{error}"))
}

impl BootCase {
    /// Number of cores. After [`BootCase::boots`] it is one number.
    pub fn smp(&self) -> u32 {
        match &self.smp {
            Cores::Some(cores) => *cores,
            Cores::Each(list) => list.first().copied().unwrap_or(1),
        }
    }

    /// All commands, in order.
    pub fn commands(&self) -> Vec<String> {
        self.exec.iter().cloned().chain(self.command.iter().map(|command| command.run.clone())).collect()
    }

    /// One case for each boot that this one stands for.
    fn boots(self) -> Vec<Self> {
        let mut boots = vec![self];
        if let Some(Self { smp: Cores::Each(list), .. }) = boots.first().cloned() {
            let with = |case: &Self, &cores: &u32| Self {
                name: format!("{}, {cores} core{}", case.name, if cores == 1 { "" } else { "s" }),
                smp: Cores::Some(cores),
                ..case.clone()
            };
            boots = boots.iter().flat_map(|case| list.iter().map(|cores| with(case, cores))).collect();
        }
        let alone = |case: &Self, command: &Judged| Self {
            name: format!("{}: {}", case.name, command.run),
            command: vec![command.clone()],
            apart: false,
            ..case.clone()
        };
        boots
            .into_iter()
            .flat_map(|case| match case.apart {
                true => case.command.iter().map(|command| alone(&case, command)).collect(),
                false => vec![case],
            })
            .collect()
    }
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
    /// What of `text` it matches first.
    pub fn find<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.0.find(text).map(|found| found.as_str())
    }

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
    /// Two tests with one name, or one that tests nothing.
    #[error("{path}: case {name:?} {what}")]
    Case {
        /// Which file.
        path: PathBuf,
        /// The case.
        name: String,
        /// What is wrong.
        what: &'static str,
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
        let mut names = std::collections::BTreeSet::new();
        for case in table.case.into_iter().flat_map(BootCase::boots) {
            if let Some(what) = mistake(&case, !names.insert(case.name.clone())) {
                return Err(TableError::Case { path, name: case.name, what });
            }
            cases.push((stem.clone(), case));
        }
    }
    Ok(cases)
}

/// What is wrong with a case that is well-formed.
fn mistake(case: &BootCase, is_second: bool) -> Option<&'static str> {
    let (commands, typed) = (case.commands().len(), case.typed.len());
    // What keys wait for is an expectation too: without it they are never typed. The first wait for the prompt alone.
    let expects = case.expect.len()
        + case.command.iter().map(|c| c.expect.len()).sum::<usize>()
        + typed.saturating_sub(1);
    match () {
        () if is_second => Some("is there twice"),
        () if commands == 0 && typed == 0 => Some("has neither commands nor keys"),
        () if commands > 0 && typed > 0 => {
            Some("has commands and keys; the kernel powers off after commands")
        }
        () if expects == 0 && case.command.iter().all(|c| c.json.is_none() && c.unchanged.is_none()) => {
            Some("expects nothing")
        }
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(text: &str) -> Result<Vec<BootCase>, Box<toml::de::Error>> {
        Ok(toml::from_str::<Table>(text)?.case.into_iter().flat_map(BootCase::boots).collect())
    }

    #[test]
    fn the_tests_in_the_repository_are_valid() -> Result<(), TableError> {
        let cases = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests"))?;
        assert!(!cases.is_empty());
        Ok(())
    }

    #[test]
    fn defaults_and_mistakes() {
        let list = cases("[[case]]\nname='x'\nexec=['mem']\nexpect=['^a$']").expect("valid");
        let case = list.first().expect("one case");
        assert_eq!((case.smp(), case.status, case.timeout), (1, Status::Success, 60));
        assert!(case.expect.iter().all(|pattern| pattern.matches("b\na\nc") && !pattern.matches("ab")));
        assert_eq!(mistake(case, false), None);
        assert!(mistake(case, true).is_some());
        assert!(cases("[[case]]\nname='x'\nexec=[]\nsmpp=2").is_err());
        assert!(cases("[[case]]\nname='x'\nexec=[]\nexpect=['(']").is_err());
        for bad in ["expect=['a']", "exec=['a']", "exec=['a']\nexpect=['a']\n[[case.typed]]\nkeys='x'"] {
            let list = cases(&format!("[[case]]\nname='x'\n{bad}")).expect("well-formed");
            assert!(list.iter().all(|case| mistake(case, false).is_some()), "{bad}");
        }
    }

    #[test]
    fn one_case_may_stand_for_several_boots() {
        let text = "[[case]]\nname='x'\nsmp=[1,8]\napart=true\n\
            [[case.command]]\nrun='a'\n[[case.command]]\nrun='b'";
        let list = cases(text).expect("valid");
        let seen: Vec<_> =
            list.iter().map(|case| (case.name.as_str(), case.smp(), case.commands().join(";"))).collect();
        let expected = [
            ("x, 1 core: a", 1, "a".into()),
            ("x, 1 core: b", 1, "b".into()),
            ("x, 8 cores: a", 8, "a".into()),
            ("x, 8 cores: b", 8, "b".into()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn keys_are_typed_at_the_prompt() {
        assert!(at_the_prompt().matches("text\nkeel> ") && !at_the_prompt().matches("keel> cores"));
    }
}
