//! Runs a program that takes long: its output goes to a file, Ctrl-C ends it and all that it started.

use super::LinuxError;
use crate::run::console::KEPT;
use crate::run::guest;
use crate::run::signals::Stop;
use rustix::process::{Pid, Signal, kill_process_group};
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Runs `command` to its end. `what` names it in an error, `remedy` says how to get the program if there is none.
pub fn run(
    mut command: Command,
    what: &str,
    remedy: &'static str,
    log: &Path,
    stop: &Stop,
) -> Result<(), LinuxError> {
    let file = File::create(log).map_err(LinuxError::io(log.display()))?;
    let errors = file.try_clone().map_err(LinuxError::io(log.display()))?;
    command.stdin(Stdio::null()).stdout(file).stderr(errors).process_group(0);
    let mut child = guest::spawn(&mut command).map_err(|error| not_started(&command, remedy, error))?;
    loop {
        match child.try_wait().map_err(LinuxError::io(what))? {
            Some(status) if status.success() => return Ok(()),
            Some(_) => {
                let log = log.to_owned();
                return Err(LinuxError::Step { what: what.to_owned(), tail: tail(&log), log });
            }
            None if stop.wanted() => {
                kill(&mut child);
                return Err(LinuxError::Interrupted);
            }
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// What a program prints that ends soon; `None` if it fails.
pub fn output(command: &mut Command, remedy: &'static str) -> Result<Option<String>, LinuxError> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| not_started(command, remedy, error))?;
    Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The last lines of a file, indented.
pub fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let last = lines.get(lines.len().saturating_sub(KEPT)..).unwrap_or_default();
    last.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

fn not_started(command: &Command, remedy: &'static str, error: io::Error) -> LinuxError {
    let program = command.get_program().to_string_lossy().into_owned();
    if error.kind() == io::ErrorKind::NotFound {
        LinuxError::NoProgram { program, remedy }
    } else {
        LinuxError::Io { what: program, source: error }
    }
}

/// The program and its children, which are its process group.
fn kill(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Fails only if none of them is left.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, log: &Path, stop: &Stop) -> Result<(), LinuxError> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command, "the script", "", log, stop)
    }

    #[test]
    fn a_failure_shows_the_end_of_the_output() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (log, stop) = (folder.path().join("log"), Stop::install()?);
        shell("echo fine", &log, &stop)?;
        assert_eq!(tail(&log), "    fine");
        let script = "i=0; while [ $i -lt 99 ]; do echo line $i; i=$((i+1)); done; echo last >&2; exit 3";
        let Err(LinuxError::Step { what, tail, .. }) = shell(script, &log, &stop) else {
            return Err("it failed".into());
        };
        assert_eq!((what.as_str(), tail.lines().count()), ("the script", KEPT));
        assert!(tail.ends_with("    line 98\n    last"), "{tail}");
        Ok(())
    }

    #[test]
    fn a_missing_program_is_named_with_its_remedy() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let (log, stop) = (folder.path().join("log"), Stop::install()?);
        let command = Command::new("no-such-program");
        let error = run(command, "it", "install it", &log, &stop).expect_err("there is none").to_string();
        assert!(error.contains("`no-such-program`") && error.ends_with("install it"), "{error}");
        Ok(())
    }
}
