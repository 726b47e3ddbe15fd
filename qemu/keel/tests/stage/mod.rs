//! A stand-in for QEMU: a shell script that behaves as a guest might, and a workspace around it.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A folder with the stand-in, an empty image, and a workspace that is just enough to be one.
pub struct Stage {
    folder: tempfile::TempDir,
}

impl Stage {
    /// `script` is what the guest does; the process writes its id to the file `pid` first.
    pub fn new(script: &str) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let path = folder.path();
        let text = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo QEMU emulator version 10.0.2; exit; }}\necho $$ > {}/pid\n{script}\n",
            path.display()
        );
        program(&path.join("qemu-system-x86_64"), &text)?;
        std::fs::create_dir_all(path.join("kernel/base/src"))?;
        std::fs::write(
            path.join("Cargo.toml"),
            "[workspace]\nresolver = \"3\"\nmembers = [\"kernel/base\"]\n",
        )?;
        std::fs::write(
            path.join("kernel/base/Cargo.toml"),
            "[package]\nname = \"base\"\nedition = \"2024\"\n",
        )?;
        std::fs::write(path.join("kernel/base/src/lib.rs"), "")?;
        std::fs::create_dir(path.join("keel"))?;
        std::fs::write(path.join("keel/keel.elf"), "")?;
        std::fs::write(path.join("keel/cells.tar"), "")?;
        Ok(Self { folder })
    }

    /// `keel` with these arguments, in the stand-in's workspace.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keel"));
        let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap_or_default());
        command.args(arguments).arg("--no-build");
        // Instructions are counted by one accelerator alone.
        if !arguments.contains(&"--icount") {
            command.args(["--accel", "tcg"]);
        }
        command.env("PATH", path).env("CARGO_TARGET_DIR", self.folder.path());
        command.current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs that to its end.
    pub fn run(&self, arguments: &[&str]) -> io::Result<Output> {
        self.command(arguments).output()
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where the system shows the stand-in's process while it is there.
    pub fn process(&self) -> io::Result<PathBuf> {
        let id = std::fs::read_to_string(self.folder.path().join("pid"))?;
        Ok(format!("/proc/{}", id.trim()).into())
    }
}

/// Writes a program.
pub fn program(path: &Path, text: &str) -> io::Result<()> {
    std::fs::write(path, text)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What Ctrl-C sends.
pub fn interrupt(child: &Child) -> io::Result<()> {
    let id = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
        .ok_or(io::ErrorKind::NotFound)?;
    Ok(rustix::process::kill_process(id, rustix::process::Signal::INT)?)
}
