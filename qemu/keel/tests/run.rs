//! `keel run` from outside, against a stand-in for QEMU: a shell script that behaves as a guest might.
//!
//! What is tested is what a person or a script relies on: the exit status, that a hang ends, that input from a pipe is answered, and that
//! no process is left behind.

mod stage;

use stage::{Stage, interrupt, text};
use std::io::{self, Read, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn success_prints_the_console_and_exits_with_0() -> io::Result<()> {
    let stage = Stage::new(r#"printf 'answer\r\n{"a":1}\r\n'; exit 33"#)?;
    let file = stage.path().join("figures.json");
    let output = stage.run(&["run", "--exec", "x", "--json", &file.display().to_string()])?;
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "answer\n{\"a\":1}\n".into()));
    assert_eq!(std::fs::read_to_string(file)?, "{\"a\":1}\n");
    Ok(())
}

#[test]
fn each_failure_has_its_own_words() -> io::Result<()> {
    for (script, words) in [
        ("exit 35", "a console command failed"),
        ("exit 37", "the kernel stopped"),
        ("exit 0", "triple fault"),
        ("echo bad option >&2; exit 1", "QEMU failed"),
        ("kill -SEGV $$", "QEMU failed"),
    ] {
        let output = Stage::new(script)?.run(&["run", "--exec", "x"])?;
        assert_eq!(output.status.code(), Some(1), "{script}");
        assert!(text(&output.stderr).contains(words), "{script}: {}", text(&output.stderr));
    }
    Ok(())
}

#[test]
fn a_hang_ends_with_the_last_lines_and_no_process_left() -> io::Result<()> {
    let stage = Stage::new("for i in $(seq 30); do echo line $i; done; exec sleep 1000")?;
    let started = Instant::now();
    let output = stage.run(&["run", "--exec", "x", "--timeout", "1"])?;
    assert!(started.elapsed() < Duration::from_secs(20));
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("1 s") && errors.contains("line 30") && errors.contains("line 11"), "{errors}");
    assert!(!errors.contains("line 10\n"), "only the last lines: {errors}");
    assert!(!stage.process()?.exists());
    Ok(())
}

/// A guest that throws input away until its prompt, answers each line, and powers off when told to. In bash, whose `read` takes no byte
/// more than it needs and can stop at a carriage return.
const CONSOLE: &str = r#"exec bash -c '
timeout 0.3 cat >/dev/null
printf "keel> "
while IFS= read -r -d "$(printf "\r")" line; do
    [ "$line" = poweroff ] && exit 33
    sleep 0.2; echo "answer to $line"; printf "keel> "
done'"#;

#[test]
fn piped_input_is_answered_before_the_end() -> io::Result<()> {
    let stage = Stage::new(CONSOLE)?;
    let mut child = stage.command(&["run", "--timeout", "30"]).stdin(Stdio::piped()).spawn()?;
    child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?.write_all(b"one\ntwo")?;
    let output = child.wait_with_output()?;
    let console = text(&output.stdout);
    assert!(console.contains("answer to one\n") && console.contains("answer to two\n"), "{console}");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    Ok(())
}

#[test]
fn no_input_at_all_boots_and_powers_off() -> io::Result<()> {
    let output = Stage::new(CONSOLE)?.run(&["run", "--timeout", "30"])?;
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "keel> ".into()));
    Ok(())
}

#[test]
fn a_guest_without_a_prompt_ends_by_time() -> io::Result<()> {
    let output = Stage::new("exec sleep 1000")?.run(&["run", "--timeout", "1"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("(nothing)"));
    Ok(())
}

#[test]
fn ctrl_c_stops_the_guest() -> io::Result<()> {
    let stage = Stage::new("echo up; exec sleep 1000")?;
    let mut child = stage.command(&["run", "--exec", "x"]).spawn()?;
    let mut first = [0; 3];
    child.stdout.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.read_exact(&mut first)?;
    interrupt(&child)?;
    let output = child.wait_with_output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("interrupted"), "{}", text(&output.stderr));
    assert!(!stage.process()?.exists());
    Ok(())
}

#[test]
fn a_terminal_goes_to_the_guest_and_is_put_back() -> io::Result<()> {
    use rustix::termios::{LocalModes, tcgetattr};
    // As QEMU does: raw mode, and no way to undo it when killed.
    let stage = Stage::new("stty raw -echo; echo up; read line; echo \"got $line\"; exec sleep 1000")?;
    let master = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY)?;
    rustix::pty::grantpt(&master)?;
    rustix::pty::unlockpt(&master)?;
    let name = rustix::pty::ptsname(&master, Vec::new())?;
    let terminal = || std::fs::OpenOptions::new().read(true).write(true).open(&*name.to_string_lossy());
    let before = tcgetattr(terminal()?)?.local_modes;
    assert!(before.contains(LocalModes::ICANON | LocalModes::ECHO));
    let mut child =
        stage.command(&["run"]).stdin(terminal()?).stdout(terminal()?).stderr(Stdio::null()).spawn()?;
    let mut console = std::fs::File::from(master);
    let mut seen = String::new();
    let mut wait_for = |console: &mut std::fs::File, words: &str| -> io::Result<()> {
        let mut byte = [0];
        while !seen.ends_with(words) {
            console.read_exact(&mut byte)?;
            seen.push(char::from(byte[0]));
        }
        Ok(())
    };
    wait_for(&mut console, "up")?;
    console.write_all(b"typed\n")?;
    wait_for(&mut console, "got typed")?;
    assert!(!tcgetattr(&console)?.local_modes.contains(LocalModes::ICANON));
    interrupt(&child)?;
    assert_eq!(child.wait()?.code(), Some(1));
    assert_eq!(tcgetattr(terminal()?)?.local_modes, before);
    assert!(!stage.process()?.exists());
    Ok(())
}
