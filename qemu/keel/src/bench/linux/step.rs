//! Runs a program that takes long: its output goes to a file, Ctrl-C ends it and all that it started.

use super::LinuxError;
use crate::run::console::KEPT;
use crate::run::guest;
use crate::run::signals::Stop;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// What to do about a program.
#[derive(Clone, Copy, Debug)]
pub struct Remedy {
    /// If there is none.
    pub missing: &'static str,
    /// If it fails.
    pub failed: &'static str,
}

/// Runs `command` to its end. `what` names it in an error.
pub fn run(
    mut command: Command,
    what: &str,
    remedy: Remedy,
    log: &Path,
    stop: &Stop,
) -> Result<(), LinuxError> {
    let file = File::create(log).map_err(LinuxError::io(log.display()))?;
    let errors = file.try_clone().map_err(LinuxError::io(log.display()))?;
    command.stdout(file).stderr(errors);
    let mut child = spawn(&mut command, remedy)?;
    if wait(&mut child, what, || stop.wanted())?.success() {
        return Ok(());
    }
    let (what, log) = (what.to_owned(), log.to_owned());
    Err(LinuxError::Step { what, tail: tail(&log), log, remedy: remedy.failed })
}

/// What a program prints that prints little; `None` if it fails.
pub fn output(command: &mut Command, remedy: Remedy, stop: &Stop) -> Result<Option<String>, LinuxError> {
    let what = command.get_program().to_string_lossy().into_owned();
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = spawn(command, remedy)?;
    let pipe = child.stdout.take();
    // By a thread, so that a full pipe does not keep the program from its end.
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.map_or(Ok(0), |mut pipe| pipe.read_to_end(&mut bytes)).map(|_| bytes)
    });
    let status = wait(&mut child, &what, || stop.wanted())?;
    let read = reader.join().unwrap_or_else(|_| Err(io::Error::other("its output cannot be read")));
    let bytes = read.map_err(LinuxError::io(what))?;
    Ok(status.success().then(|| String::from_utf8_lossy(&bytes).into_owned()))
}

/// Starts it in a process group of its own: Ctrl-C reaches us alone, and we end it and say what happened.
fn spawn(command: &mut Command, remedy: Remedy) -> Result<Child, LinuxError> {
    command.stdin(Stdio::null()).process_group(0);
    guest::spawn(command).map_err(|error| not_started(command, remedy, error))
}

/// Waits for its end, or ends it and all that it started if somebody `wants_stop`.
fn wait(child: &mut Child, what: &str, wants_stop: impl Fn() -> bool) -> Result<ExitStatus, LinuxError> {
    let status = guest::wait_group(child, || !wants_stop()).map_err(LinuxError::io(what))?;
    status.ok_or(LinuxError::Interrupted)
}

/// The last lines of a file, indented.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(KEPT)..).unwrap_or_default();
    last.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn not_started(command: &Command, remedy: Remedy, error: io::Error) -> LinuxError {
    let program = command.get_program().to_string_lossy().into_owned();
    if error.kind() == io::ErrorKind::NotFound {
        LinuxError::NoProgram { program, remedy: remedy.missing }
    } else {
        LinuxError::Io { what: program, source: error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REMEDY: Remedy = Remedy { missing: "install it", failed: "look at line 98" };

    fn shell(script: &str, log: &Path, stop: &Stop) -> Result<(), LinuxError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, "the script", REMEDY, log, stop)
    }

    #[test]
    fn a_failure_shows_the_end_of_the_output() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (log, stop) = (folder.path().join("log"), Stop::install()?);
        shell("echo fine", &log, &stop)?;
        assert_eq!(tail(&log), "    fine");
        let script = "i=0; while [ $i -lt 99 ]; do echo line $i; i=$((i+1)); done; echo last >&2; exit 3";
        let error = shell(script, &log, &stop).expect_err("it failed");
        assert!(error.to_string().ends_with("look at line 98"), "{error}");
        let LinuxError::Step { what, tail, .. } = error else { return Err(error.into()) };
        assert_eq!((what.as_str(), tail.lines().count()), ("the script", KEPT));
        assert!(tail.ends_with("    line 98\n    last"), "{tail}");
        Ok(())
    }

    #[test]
    fn output_is_whole_and_only_of_success() -> Result<(), LinuxError> {
        let ask = |script: &str| output(Command::new("sh").args(["-c", script]), REMEDY, &Stop::never());
        assert_eq!(ask("echo one; echo two >&2; echo three")?.as_deref(), Some("one\nthree\n"));
        assert_eq!(ask("echo one; exit 1")?, None);
        let long = "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done";
        assert_eq!(ask(long)?.map(|text| text.len()), Some(220_000), "more than a pipe holds");
        Ok(())
    }

    #[test]
    fn what_is_interrupted_has_not_failed_and_is_gone() -> Result<(), LinuxError> {
        for script in ["exit 1", "sleep 1000"] {
            let mut child = spawn(Command::new("sh").args(["-c", script]), REMEDY)?;
            let waited = wait(&mut child, "it", || true);
            assert!(matches!(waited, Err(LinuxError::Interrupted)), "{script}");
            assert!(child.try_wait().is_ok_and(|status| status.is_some()), "{script}");
        }
        Ok(())
    }

    #[test]
    fn a_missing_program_is_named_with_its_remedy() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (log, stop) = (folder.path().join("log"), Stop::install()?);
        let command = Command::new("no-such-program");
        let error = run(command, "it", REMEDY, &log, &stop).expect_err("there is none").to_string();
        assert!(error.contains("`no-such-program`") && error.ends_with("install it"), "{error}");
        Ok(())
    }
}
