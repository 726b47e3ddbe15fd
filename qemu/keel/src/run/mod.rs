//! `cargo keel run`: boots the image under QEMU.
//!
//! Three ways to talk to it: a person at a terminal (QEMU gets the terminal), a pipe or nothing on standard input (what
//! comes in is typed at the prompt, then `poweroff`), or commands given with `--exec` (the kernel runs them by itself).

pub mod command_line;
pub mod console;
pub mod guest;
mod kvm;
pub mod qemu;
pub mod signals;
mod terminal;

use crate::build::Image;
use clap::Args;
use command_line::CommandLine;
use console::{Plain, Tail};
use guest::{Event, Guest, Outcome};
use qemu::{Console, Machine, QemuError};
use signals::Stop;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How the console's prompt ends a line: what is typed from a pipe waits for it.
pub const PROMPT: &str = "keel> ";
/// How long a guest may take when nobody is watching, in seconds.
const DEFAULT_TIMEOUT: u64 = 60;

/// What `cargo keel run` can be told.
#[derive(Args, Clone, Debug)]
pub struct Options {
    #[command(flatten)]
    machine: Machine,
    /// The scheduling policy to begin with
    #[arg(long, value_name = "P")]
    policy: Option<String>,
    /// The least severe message that the kernel prints
    #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    log: Option<String>,
    /// Run this console command, then power off (may be given several times)
    #[arg(long, value_name = "CMD")]
    exec: Vec<String>,
    /// Give up after S seconds [default: 60 where nobody is at a terminal]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    timeout: Option<u64>,
    /// Write the JSON objects that commands print to FILE, one a line
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Add WORD to the kernel's command line (may be given several times)
    #[arg(long, value_name = "WORD")]
    append: Vec<String>,
    /// Boot what was built last
    #[arg(long)]
    pub no_build: bool,
}

/// Why a run did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// See [`QemuError`].
    #[error(transparent)]
    Qemu(#[from] QemuError),
    /// The console cannot be passed on.
    #[error("cannot talk to the guest: {0}")]
    Io(#[from] io::Error),
    /// The file for JSON cannot be written.
    #[error("--json {path}: {source}")]
    Json {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// See [`Outcome`].
    #[error("{0}")]
    Outcome(Outcome),
    /// It hangs, or it takes long.
    #[error("the guest had not finished after {seconds} s (--timeout); its last lines:\n{tail}")]
    Timeout {
        /// The limit.
        seconds: u64,
        /// What it printed last.
        tail: String,
    },
    /// Ctrl-C.
    #[error("interrupted; the guest was stopped")]
    Interrupted,
}

/// Boots `image` and stays until the guest has ended.
pub fn run(image: &Image, options: &Options) -> Result<(), RunError> {
    let stop = Stop::install()?;
    if let Ok((major, _)) = qemu::version()
        && major < qemu::X2APIC_SINCE
    {
        eprintln!("note: QEMU {major} emulates no x2APIC; the kernel falls back to xAPIC");
    }
    let interactive = options.exec.is_empty() && terminal::is_interactive();
    loop {
        let run = if interactive { attended } else { unattended };
        if run(image, options, &stop)? != Outcome::Reboot {
            return Ok(());
        }
        eprintln!("rebooting");
    }
}

fn kernel_options(options: &Options) -> CommandLine<'_> {
    CommandLine {
        smp: options.machine.smp,
        policy: options.policy.as_deref(),
        log: options.log.as_deref(),
        exec: &options.exec,
        extra: &options.append,
    }
}

/// A person at a terminal.
fn attended(image: &Image, options: &Options, stop: &Stop) -> Result<Outcome, RunError> {
    let mut command =
        qemu::command(&image.into(), &options.machine, &kernel_options(options), Console::Terminal)?;
    println!("Keel on {} cores. Ctrl-A X ends QEMU, Ctrl-A H lists its other keys.", options.machine.smp);
    let _restored_on_drop = terminal::Saved::new();
    let started = Instant::now();
    let late = || options.timeout.is_some_and(|limit| started.elapsed().as_secs() >= limit);
    let mut child = guest::spawn(&mut command)?;
    match guest::supervise(&mut child, || !stop.wanted() && !late())? {
        Some(outcome @ (Outcome::Success | Outcome::Reboot)) => Ok(outcome),
        // Ctrl-A X.
        Some(Outcome::Silent) => Ok(Outcome::Success),
        Some(outcome) => Err(RunError::Outcome(outcome)),
        None if stop.wanted() => Err(RunError::Interrupted),
        None => Err(RunError::Timeout {
            seconds: options.timeout.unwrap_or_default(),
            tail: "    (see above)".to_owned(),
        }),
    }
}

/// `--exec`, or standard input that is not a terminal.
fn unattended(image: &Image, options: &Options, stop: &Stop) -> Result<Outcome, RunError> {
    let command = qemu::command(&image.into(), &options.machine, &kernel_options(options), Console::Pipe)?;
    let mut json = options
        .json
        .as_ref()
        .map(|path| File::create(path).map_err(|source| RunError::Json { path: path.clone(), source }))
        .transpose()?;
    let mut guest = Guest::start(command)?;
    let typed = options.exec.is_empty().then(read_input);
    let seconds = options.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let limit = Duration::from_secs(seconds);
    // Someone may be typing slowly into a pipe: the clock then starts when the input has ended.
    let mut deadline = (typed.is_none() || options.timeout.is_some()).then(|| Instant::now() + limit);
    let (mut plain, mut tail, mut prompted) = (Plain::default(), Tail::default(), false);
    let mut waiting = Vec::new();
    loop {
        if stop.wanted() {
            return Err(RunError::Interrupted);
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(RunError::Timeout { seconds, tail: tail.text() });
        }
        match guest.next(Instant::now() + Duration::from_millis(20))? {
            Event::Console(bytes) => {
                let bytes = plain.filter(&bytes);
                print(&mut io::stdout(), &bytes)?;
                for line in tail.push(&bytes) {
                    if let (Some(file), Some(path)) = (&mut json, &options.json)
                        && line.starts_with('{')
                    {
                        writeln!(file, "{line}")
                            .map_err(|source| RunError::Json { path: path.clone(), source })?;
                    }
                }
                prompted |= tail.partial().ends_with(PROMPT);
            }
            Event::Error(bytes) => print(&mut io::stderr(), &bytes)?,
            Event::Ended(outcome @ Outcome::Success) => return Ok(outcome),
            Event::Ended(outcome @ Outcome::Reboot) if options.exec.is_empty() => return Ok(outcome),
            Event::Ended(outcome) => return Err(RunError::Outcome(outcome)),
            Event::Quiet => {}
        }
        for input in typed.iter().flat_map(Receiver::try_iter) {
            match input {
                Input::Bytes(bytes) => waiting.extend(bytes),
                Input::End => {
                    waiting.extend(b"poweroff\r");
                    deadline.get_or_insert_with(|| Instant::now() + limit);
                }
            }
        }
        // Before its first prompt the guest may throw away what arrives.
        if prompted && !waiting.is_empty() {
            guest.write(&std::mem::take(&mut waiting))?;
        }
    }
}

fn print(to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

/// What comes from standard input.
enum Input {
    Bytes(Vec<u8>),
    End,
}

/// Reads standard input in a thread of its own, line ends turned into what the Enter key sends.
fn read_input() -> Receiver<Input> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        let mut at_line_start = true;
        while let Ok(length @ 1..) = io::stdin().read(&mut buffer) {
            let bytes: Vec<u8> =
                buffer.iter().take(length).map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect();
            at_line_start = bytes.last() == Some(&b'\r');
            if sender.send(Input::Bytes(bytes)).is_err() {
                return;
            }
        }
        if !at_line_start {
            // A last line without a line end is a command all the same.
            let _ = sender.send(Input::Bytes(b"\r".to_vec()));
        }
        // The receiver is gone only if the run has ended.
        let _ = sender.send(Input::End);
    });
    receiver
}
