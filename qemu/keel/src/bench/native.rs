//! The native instrument: the crates that run on the host, measured there by criterion beside the best libraries
//! of their kind.
//!
//! `bench/native` is what is measured, and `cargo bench` runs it too. This finds out which peers this machine can
//! compile, has cargo build the programs, and runs them itself, one after the other: so each is a child of ours that
//! dies with us, and its progress can be shown. The figures come from the files that criterion writes, and only from
//! those written in this run.
//!
//! Criterion writes them when the measuring is over; what a benchmark checks after that comes too late for its files.
//! So those of the benchmark in which a program ended badly do not count.

mod compile;
mod criterion;

use super::progress::Progress;
use super::results::{Better, Instrument, Outcome, Row, Run};
use super::setting;
use crate::run::guest;
use crate::run::signals::Stop;
use crate::workspace::Workspace;
use compile::{PEERS, Peer};
use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant, SystemTime};

/// Where it is.
const FOLDER: &str = "bench/native";
/// How many lines of a program that fails are shown.
const TAIL: usize = 20;

/// What the operations are, by the beginnings of their names.
const WHAT: [(&str, &str); 15] = [
    ("frame_4k", "allocate and free a frame of 4 KiB"),
    ("frame_bulk", "allocate 32,768 frames one by one, then free them: one of them"),
    ("frame_2m", "allocate and free 2 MiB"),
    ("heap_threadtest", "threadtest: one allocation of 8 bytes and its free"),
    ("heap_shbench", "shbench: one allocation of 1 to 1000 bytes and its free"),
    ("heap_larson", "larson: replace one of 1000 blocks, which move between threads"),
    ("runqueue_push_pop", "the owner puts a task back and takes the next, among 16"),
    (
        "runqueue_steal_half",
        "move half of a queue of 32 to another core and back, both sides: one task of it",
    ),
    (
        "runqueue_steal_1",
        "move a task from a queue of 32 to another core and back, both sides; in Keel by messages",
    ),
    (
        "runqueue_steal_2",
        "a thief takes a task from a core that goes on switching, which answers it in Keel, and sends it back",
    ),
    ("runqueue_handover_1", "put a task into a core's inbox and take it out, both sides; eight at a time"),
    ("runqueue_handover_2", "a task to another thread and back, 32 under way"),
    ("linker_seal", "check the seals of all cells of this project"),
    ("linker_plan", "check and plan all cells of this project"),
    ("linker_whole", "check, plan and link all cells of this project"),
];

/// Why there are no native figures.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// Something cannot be started or read.
    #[error("cannot run {what}: {source}")]
    Io {
        /// What.
        what: String,
        /// Why not.
        source: io::Error,
    },
    /// Cargo says no.
    #[error("the native benchmarks do not compile ({0}); what cargo said is above")]
    Build(ExitStatus),
    /// A program cannot even say what it has.
    #[error("{program} cannot list its benchmarks ({status}):\n{tail}")]
    List {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said.
        tail: String,
    },
    /// No such benchmark.
    #[error(
        "no native benchmark's name begins with {0}; `cargo bench -p native_benchmarks -- --list` says what there is"
    )]
    Unknown(String),
    /// Somebody wants us to stop.
    #[error("stopped")]
    Stopped,
}

/// Runs all native benchmarks whose names begin with one of `names` (all, if there are none). None may go without a
/// sign of life for longer than `limit`.
pub fn run(
    workspace: &Workspace,
    names: &[String],
    limit: Duration,
    stop: &Stop,
) -> Result<Run, NativeError> {
    let missing: Vec<&Peer> = PEERS.iter().filter(|peer| !peer.can_be_compiled()).collect();
    for peer in &missing {
        eprintln!("{} is left out: {}", peer.name, peer.why_missing());
    }
    let built = compile::build(workspace, &missing, stop)?;
    let filter = filter(names)?;
    let home = workspace.target.join("criterion");
    let since = SystemTime::now();

    let (mut plan, mut notes, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (name, path) in &built.programs {
        match list(workspace, name, path, &filter) {
            Ok((listed, said)) => {
                notes.extend(said);
                plan.push((name, path, listed));
            }
            // That costs the others nothing, but the run is no good.
            Err(error @ NativeError::List { .. }) => {
                rows.push(row(name, "keel", Outcome::Failed(error.to_string())));
            }
            Err(error) => return Err(error),
        }
    }
    let total: usize = plan.iter().map(|(.., listed)| listed.len()).sum();
    rows.extend(skipped_programs(&notes, names));
    if total == 0 && rows.is_empty() {
        return Err(NativeError::Unknown(names.join(" or ")));
    }
    let mut progress = Progress::new("native", total as u64);
    let mut running = false;
    for (name, path, listed) in &plan {
        if listed.is_empty() {
            continue;
        }
        let mut command = program(workspace, path);
        command.arg(&filter).env("CRITERION_HOME", &home);
        let mut begun = Vec::new();
        let begins = |benchmark: &str| {
            begun.push(benchmark.to_owned());
            // Criterion does not say that one has ended.
            if std::mem::replace(&mut running, true) {
                progress.end();
            }
            progress.begin(benchmark);
        };
        let ended = watch(&mut command, limit, stop, begins)
            .map_err(|source| NativeError::Io { what: (*name).clone(), source })?;
        let why = match ended {
            Ended::Stopped => return Err(NativeError::Stopped),
            Ended::Well => None,
            Ended::Badly(why) => Some(why),
        };
        rows.extend(results(&home, since, listed, &begun, why.as_deref()));
    }
    rows.extend(skipped_peers(&rows, &missing));
    let mut setting = setting::host();
    setting.extend(built.versions);
    Ok(setting::run(workspace, Instrument::Native, setting, rows))
}

/// The rows of a program that was to run what is `listed`, has `begun` these, one after the other, and ended badly if
/// there is a `why`.
fn results(
    home: &Path,
    since: SystemTime,
    listed: &[Benchmark],
    begun: &[String],
    why: Option<&str>,
) -> Vec<Row> {
    let full = |(group, subject): &Benchmark| format!("{group}/{subject}");
    let begun: Vec<&String> =
        begun.iter().filter(|name| listed.iter().any(|one| full(one) == **name)).collect();
    let read = |benchmark: &Benchmark| {
        let (group, subject) = benchmark;
        if let Some(why) = why {
            match begun.iter().position(|name| **name == full(benchmark)) {
                None => {
                    let blamed = begun.last().map(|name| format!("the program ended badly in {name}"));
                    return Err(format!("it was not begun: {}", blamed.as_deref().unwrap_or(why)));
                }
                // Its own checks may have failed after criterion wrote its files. Those before it have passed theirs.
                Some(place) if place + 1 == begun.len() => return Err(why.to_owned()),
                Some(_) => {}
            }
        }
        criterion::read(home, group, subject, since).map_err(|error| error.to_string())
    };
    let rows = |benchmark: &Benchmark| {
        let (group, subject) = benchmark;
        match read(benchmark) {
            Ok(samples) => criterion::rows(group, subject, &what(group), &samples),
            Err(why) => vec![row(group, subject, Outcome::Failed(why))],
        }
    };
    listed.iter().flat_map(rows).collect()
}

/// Criterion's filter (a regular expression) for names that begin with one of `names`.
fn filter(names: &[String]) -> Result<String, NativeError> {
    let plain =
        |name: &&String| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_/".contains(&byte));
    match names.iter().find(|name| !plain(name)) {
        Some(name) => Err(NativeError::Unknown(name.clone())),
        None => Ok(format!("^({})", names.join("|"))),
    }
}

/// A program as `cargo bench` starts it.
fn program(workspace: &Workspace, path: &Path) -> Command {
    let mut command = Command::new(path);
    command.current_dir(workspace.root.join(FOLDER)).arg("--bench").stdin(Stdio::null());
    command
}

/// A benchmark's group and function.
type Benchmark = (String, String);

/// Which benchmarks a program has that `filter` lets through, and what it said besides.
fn list(
    workspace: &Workspace,
    name: &str,
    path: &Path,
    filter: &str,
) -> Result<(Vec<Benchmark>, Vec<String>), NativeError> {
    let output = program(workspace, path)
        .args(["--list", filter])
        .output()
        .map_err(|source| NativeError::Io { what: name.to_owned(), source })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let tail = said.into_owned();
        return Err(NativeError::List { program: name.to_owned(), status: output.status, tail });
    }
    Ok((listed(&String::from_utf8_lossy(&output.stdout)), said.lines().map(str::to_owned).collect()))
}

/// Reads lines such as `heap_larson_1/keel: benchmark`.
fn listed(text: &str) -> Vec<Benchmark> {
    let names = text.lines().filter_map(|line| line.strip_suffix(": benchmark")?.split_once('/'));
    names.map(|(group, subject)| (group.to_owned(), subject.to_owned())).collect()
}

/// How a program ended.
#[derive(Debug, PartialEq)]
enum Ended {
    /// With success.
    Well,
    /// We were told to stop.
    Stopped,
    /// Otherwise: what was running, how it ended, what it said last.
    Badly(String),
}

/// Runs a program; tells `begin` each benchmark that it begins.
fn watch(
    command: &mut Command,
    limit: Duration,
    stop: &Stop,
    mut begin: impl FnMut(&str),
) -> io::Result<Ended> {
    let mut child = guest::spawn(command.process_group(0).stdout(Stdio::null()).stderr(Stdio::piped()))?;
    let lines = child.stderr.take().map(lines);
    let (mut running, mut tail, mut sign) = (String::from("nothing yet"), VecDeque::new(), Instant::now());
    let problem = loop {
        if stop.wanted() {
            guest::end_group(&mut child)?;
            return Ok(Ended::Stopped);
        }
        match lines.as_ref().map_or(Err(RecvTimeoutError::Disconnected), |lines| {
            lines.recv_timeout(Duration::from_millis(50))
        }) {
            Ok(line) => {
                sign = Instant::now();
                match line.strip_prefix("Benchmarking ") {
                    Some(name) if !name.contains(' ') => {
                        name.clone_into(&mut running);
                        begin(name);
                    }
                    Some(_) => {}
                    None => tail.push_back(line),
                }
                if tail.len() > TAIL {
                    tail.pop_front();
                }
            }
            Err(RecvTimeoutError::Timeout) if sign.elapsed() > limit => {
                guest::end_group(&mut child)?;
                break format!("no sign of life for {} s; it was ended", limit.as_secs());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match child.wait()? {
                status if status.success() => return Ok(Ended::Well),
                status => break status.to_string(),
            },
        }
    };
    let tail = Vec::from(tail).join("\n");
    Ok(Ended::Badly(format!("the program ended while {running} ran: {problem}; its last lines:\n{tail}")))
}

/// The lines that come out of a pipe, until it is closed.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(pipe).split(b'\n').map_while(Result::ok);
        lines.all(|line| sender.send(String::from_utf8_lossy(&line).into_owned()).is_ok())
    });
    receiver
}

/// The operation in words.
fn what(name: &str) -> String {
    let words = WHAT.iter().find(|(begin, _)| name.starts_with(begin)).map_or("", |(_, words)| words);
    if name.ends_with("_2") && !words.is_empty() { format!("{words}; two threads") } else { words.to_owned() }
}

fn row(name: &str, subject: &str, outcome: Outcome) -> Row {
    Row {
        name: name.to_owned(),
        subject: subject.to_owned(),
        what: what(name),
        subtracted: String::new(),
        unit: "ns".to_owned(),
        better: Better::Lower,
        outcome,
    }
}

/// A row for each program that says on its standard error `<name>: skipped: <why>`, and is among `names`.
fn skipped_programs(notes: &[String], names: &[String]) -> Vec<Row> {
    let skipped = notes.iter().filter_map(|note| note.split_once(": skipped: "));
    let wanted = |name: &str| {
        names.is_empty()
            || names.iter().any(|wanted| wanted.starts_with(name) || name.starts_with(wanted.as_str()))
    };
    skipped
        .filter(|(name, _)| wanted(name))
        .map(|(name, why)| row(name, "keel", Outcome::Skipped(why.to_owned())))
        .collect()
}

/// For each operation of the heap that was measured, a row that says why a peer is missing.
fn skipped_peers(rows: &[Row], missing: &[&Peer]) -> Vec<Row> {
    let heaps = rows.iter().filter(|row| row.subject == "keel" && row.name.starts_with("heap_"));
    heaps
        .flat_map(|heap| {
            missing.iter().map(|peer| row(&heap.name, peer.name, Outcome::Skipped(peer.why_missing())))
        })
        .collect()
}

#[cfg(test)]
mod tests;
