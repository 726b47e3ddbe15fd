//! Compiling the native benchmarks, with those peers for which this machine has a compiler.

use super::NativeError;
use crate::run::guest;
use crate::run::signals::Stop;
use crate::workspace::Workspace;
use cargo_metadata::{Message, TargetKind};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The package.
const PACKAGE: &str = "native_benchmarks";
/// A peer that is compiled only where its compiler is.
pub struct Peer {
    /// Its feature of the package, and its name in the results.
    pub name: &'static str,
    /// What to run to see whether it can be compiled: an environment variable and what stands for it, as the
    /// `cc` crate has it.
    pub tools: &'static [(&'static str, &'static str)],
    /// What to install.
    pub install: &'static str,
}

/// All of them; they take part in the rows of the heap.
pub const PEERS: [Peer; 3] = [
    Peer { name: "mimalloc", tools: &[("CC", "cc")], install: "gcc" },
    Peer { name: "jemalloc", tools: &[("CC", "cc"), ("MAKE", "make")], install: "gcc and make" },
    Peer { name: "snmalloc", tools: &[("CXX", "c++")], install: "g++" },
];

/// What cargo has built.
#[derive(Debug, Default)]
pub struct Built {
    /// The programs, by name.
    pub programs: BTreeMap<String, PathBuf>,
    /// Which versions of which peers are in them.
    pub versions: BTreeMap<String, String>,
}

impl Peer {
    /// Whether all tools that a peer needs are there.
    pub fn can_be_compiled(&self) -> bool {
        self.tools.iter().all(|(variable, usual)| {
            let tool = std::env::var(variable).unwrap_or_else(|_| (*usual).to_owned());
            // The variable may hold a wrapper and options besides.
            let mut words = tool.split_whitespace();
            let mut command = Command::new(words.next().unwrap_or(usual));
            command
                .args(words)
                .arg("--version")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        })
    }

    /// What to do about it.
    pub fn why_missing(&self) -> String {
        format!("it is compiled with {}, which this machine does not have; install that", self.install)
    }
}

/// Has cargo build the programs, with all peers but those that are `missing`. Cargo shows its own progress.
pub fn build(workspace: &Workspace, missing: &[&Peer], stop: &Stop) -> Result<Built, NativeError> {
    let features: Vec<&str> = PEERS
        .iter()
        .map(|peer| peer.name)
        .filter(|name| !missing.iter().any(|peer| peer.name == *name))
        .collect();
    let mut command = crate::cargo_command(&workspace.root);
    command.args(["bench", "--no-run", "-p", PACKAGE, "--message-format=json-render-diagnostics"]);
    command.args(["--no-default-features", "--features", &features.join(",")]);
    let fail = |source| NativeError::Io { what: "cargo bench".into(), source };
    // A process group of its own, which is ended as a whole: compilers are cargo's children, not ours.
    let mut child =
        guest::spawn(command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped())).map_err(fail)?;
    let output = child.stdout.take();
    let reader =
        std::thread::spawn(move || output.map(|output| messages(BufReader::new(output))).unwrap_or_default());
    let ended = guest::wait_group(&mut child, || !stop.wanted()).map_err(fail)?;
    let status = ended.ok_or(NativeError::Stopped)?;
    if !status.success() {
        return Err(NativeError::Build(status));
    }
    Ok(reader.join().unwrap_or_default())
}

/// Reads cargo's messages.
pub fn messages(output: impl BufRead) -> Built {
    let mut built = Built::default();
    for message in Message::parse_stream(output).map_while(Result::ok) {
        let Message::CompilerArtifact(artifact) = message else { continue };
        if let Some((name, version)) = package(&artifact.package_id.repr)
            && let Some(subject) = subject(name)
        {
            built.versions.insert(subject.to_owned(), version.to_owned());
        }
        if artifact.target.kind.contains(&TargetKind::Bench)
            && let Some(program) = artifact.executable
        {
            built.programs.insert(artifact.target.name, program.into_std_path_buf());
        }
    }
    built
}

/// Name and version out of cargo's `registry+https://…#name@version`.
fn package(id: &str) -> Option<(&str, &str)> {
    id.rsplit_once('#')?.1.split_once('@')
}

/// The name under which a crate is compared, if it is.
fn subject(name: &str) -> Option<&str> {
    match name {
        "tikv-jemallocator" => Some("jemalloc"),
        "snmalloc-rs" => Some("snmalloc"),
        "crossbeam-deque" => Some("crossbeam_deque"),
        "mimalloc" | "st3" | "buddy_system_allocator" => Some(name),
        _ => None,
    }
}
