//! A running guest: QEMU's process, what it prints, and how it ended.
//!
//! The process never outlives its [`Guest`]: it is killed on drop, and the system kills it if `keel` itself is killed.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How a guest ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// All commands succeeded, or a person said `poweroff`.
    Success,
    /// A console command failed.
    CommandFailed,
    /// The kernel stopped.
    Fatal,
    /// The guest asked for a restart.
    Reboot,
    /// QEMU ended without the guest's say: reset by a triple fault, quit from its own menu.
    Silent,
    /// QEMU refused to start, or died.
    Qemu(ExitStatus),
}

impl Outcome {
    /// Reads QEMU's exit status: with isa-debug-exit, a guest's value V becomes V × 2 + 1.
    fn of(status: ExitStatus) -> Self {
        match status.code() {
            Some(33) => Self::Success,
            Some(35) => Self::CommandFailed,
            Some(37) => Self::Fatal,
            Some(39) => Self::Reboot,
            Some(0) => Self::Silent,
            _ => Self::Qemu(status),
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Success => write!(f, "the guest powered off after success"),
            Self::CommandFailed => write!(f, "a console command failed; what it said is above"),
            Self::Fatal => write!(f, "the kernel stopped with a fatal error; its last words are above"),
            Self::Reboot => write!(f, "the guest asked for a reboot"),
            Self::Silent => write!(
                f,
                "the guest ended without reporting success: a triple fault or a reset (add `-- -d int,cpu_reset` to see which)"
            ),
            Self::Qemu(status) => write!(f, "QEMU failed ({status}); what it said is above"),
        }
    }
}

/// Something that a guest did.
pub enum Event {
    /// It printed this on its serial line.
    Console(Vec<u8>),
    /// QEMU printed this.
    Error(Vec<u8>),
    /// Nothing until the given instant.
    Quiet,
    /// It ended.
    Ended(Outcome),
}

/// A guest whose console we read.
pub struct Guest {
    child: Child,
    input: Option<ChildStdin>,
    events: Receiver<Event>,
}

/// Starts `command` such that the process dies with this one.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; this closure makes one system call
    // and neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(|| {
            let kill = rustix::process::Signal::KILL;
            rustix::process::set_parent_process_death_signal(Some(kill)).map_err(Into::into)
        });
    }
    command.spawn()
}

/// Waits for `child` while `go_on` says so; kills it otherwise.
pub fn supervise(child: &mut Child, mut go_on: impl FnMut() -> bool) -> io::Result<Option<Outcome>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(Outcome::of(status)));
        }
        if !go_on() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits for `child`, the first of a process group of its own, while `go_on` says so; ends the whole group otherwise.
/// `None` if it did.
pub fn wait_group(child: &mut Child, mut go_on: impl FnMut() -> bool) -> io::Result<Option<ExitStatus>> {
    loop {
        // Asked first: what ends because of the same Ctrl-C has not failed by itself.
        if !go_on() {
            end_group(child)?;
            return Ok(None);
        }
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Kills `child`, the first of a process group of its own, and all that it has started.
pub fn end_group(child: &mut Child) -> io::Result<()> {
    if let Some(group) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
        // Fails only if none of them is left.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    child.wait().map(|_| ())
}

impl Guest {
    /// Starts QEMU with its console on pipes.
    pub fn start(mut command: Command) -> io::Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A process group of its own: Ctrl-C reaches us alone, and we say what happened.
        let mut child = spawn(command.process_group(0))?;
        let (sender, events) = channel();
        if let Some(output) = child.stdout.take() {
            forward(output, sender.clone(), Event::Console);
        }
        if let Some(errors) = child.stderr.take() {
            forward(errors, sender, Event::Error);
        }
        Ok(Self { input: child.stdin.take(), child, events })
    }

    /// Types `bytes` on the guest's console. A guest that has ended already is not an error.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(input) = &mut self.input else { return Ok(()) };
        match input.write_all(bytes).and_then(|()| input.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    /// The next thing the guest does, or [`Event::Quiet`] at `until`.
    pub fn next(&mut self, until: Instant) -> io::Result<Event> {
        match self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(event) => Ok(event),
            Err(RecvTimeoutError::Timeout) => Ok(Event::Quiet),
            // Both pipes are closed: QEMU has ended or is about to.
            Err(RecvTimeoutError::Disconnected) => self.child.wait().map(|s| Event::Ended(Outcome::of(s))),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Both fail only if the process has been waited for already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn forward(mut pipe: impl Read + Send + 'static, to: Sender<Event>, wrap: fn(Vec<u8>) -> Event) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut buffer) {
            let bytes = buffer.get(..length).unwrap_or_default().to_vec();
            if to.send(wrap(bytes)).is_err() {
                break;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> io::Result<Guest> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Guest::start(command)
    }

    fn drain(guest: &mut Guest) -> io::Result<(String, Outcome)> {
        let mut text = Vec::new();
        loop {
            match guest.next(Instant::now() + Duration::from_secs(10))? {
                Event::Console(bytes) => text.extend(bytes),
                Event::Ended(outcome) => return Ok((String::from_utf8_lossy(&text).into_owned(), outcome)),
                Event::Error(_) | Event::Quiet => {}
            }
        }
    }

    #[test]
    fn statuses_become_outcomes_after_all_output() -> io::Result<()> {
        for (status, outcome) in [
            (33, Outcome::Success),
            (35, Outcome::CommandFailed),
            (37, Outcome::Fatal),
            (39, Outcome::Reboot),
            (0, Outcome::Silent),
        ] {
            assert_eq!(
                drain(&mut shell(&format!("echo last words; exit {status}"))?)?,
                ("last words\n".into(), outcome)
            );
        }
        assert!(matches!(drain(&mut shell("exit 1")?)?.1, Outcome::Qemu(_)));
        Ok(())
    }

    #[test]
    fn what_is_typed_arrives() -> io::Result<()> {
        let mut guest = shell("read line; echo got $line; exit 33")?;
        guest.write(b"this\n")?;
        assert_eq!(drain(&mut guest)?, ("got this\n".into(), Outcome::Success));
        guest.write(b"nobody listens\n")
    }

    #[test]
    fn a_dropped_guest_is_dead() -> io::Result<()> {
        let mut guest = shell("echo $$; exec sleep 100")?;
        let Event::Console(bytes) = guest.next(Instant::now() + Duration::from_secs(10))? else {
            return Err(io::Error::other("no process id"));
        };
        let proc = format!("/proc/{}", String::from_utf8_lossy(&bytes).trim());
        assert!(std::path::Path::new(&proc).exists());
        drop(guest);
        assert!(!std::path::Path::new(&proc).exists());
        Ok(())
    }

    #[test]
    fn a_group_ends_as_a_whole() -> io::Result<()> {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo $!; wait"]).stdout(Stdio::piped()).process_group(0);
        let mut child = spawn(&mut command)?;
        let mut output = child.stdout.take().ok_or(io::ErrorKind::Other)?;
        let mut first = [0];
        output.read_exact(&mut first)?;
        assert_eq!(wait_group(&mut child, || false)?, None);
        // Ends only when nobody has the other end of the pipe any more, the sleeper neither.
        output.read_to_end(&mut Vec::new())?;
        let mut child = spawn(Command::new("sh").args(["-c", "exit 3"]).process_group(0))?;
        assert_eq!(wait_group(&mut child, || true)?.and_then(|status| status.code()), Some(3));
        Ok(())
    }
}
