//! QEMU's command line, and which QEMU there is.

use super::command_line::{CommandLine, CommandLineError};
use super::kvm;
use crate::build::Image;
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The emulator's program.
pub const PROGRAM: &str = "qemu-system-x86_64";
/// The first version whose TCG emulates an x2APIC.
pub const X2APIC_SINCE: u32 = 9;

/// How guest instructions are executed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Accelerator {
    /// KVM where it works, TCG otherwise
    Auto,
    /// Emulation: runs everywhere
    Tcg,
    /// Virtualisation: needs /dev/kvm
    Kvm,
    /// Emulation in one thread, as counting instructions wants it
    #[value(skip)]
    Instructions,
}

/// The machine that the guest sees.
#[derive(Args, Clone, Debug)]
pub struct Machine {
    /// Number of cores
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub smp: u32,
    /// Memory, as QEMU counts it: 512M, 2G
    #[arg(long, value_name = "SIZE", default_value = "512M", value_parser = memory_size)]
    pub mem: String,
    /// How to execute guest instructions
    #[arg(long, value_enum, default_value_t = Accelerator::Auto)]
    pub accel: Accelerator,
    /// CPU model and features, as for QEMU's -cpu: `max,-x2apic` forces xAPIC
    #[arg(long, value_name = "MODEL", default_value = "max")]
    pub cpu: String,
    /// Machine type, as for QEMU's -machine
    #[arg(long, value_name = "TYPE", default_value = "q35")]
    pub machine: String,
    /// Pass this on QEMU's command line, unchanged
    #[arg(last = true, value_name = "QEMU-ARGS")]
    pub qemu: Vec<OsString>,
}

/// What QEMU loads into the guest.
#[derive(Clone, Debug)]
pub struct Payload {
    /// The kernel.
    pub kernel: PathBuf,
    /// The initial RAM disk; a boot test may leave it out.
    pub archive: Option<PathBuf>,
}

impl From<&Image> for Payload {
    fn from(image: &Image) -> Self {
        Self { kernel: image.kernel.clone(), archive: Some(image.archive.clone()) }
    }
}

/// Where the guest's serial line goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Console {
    /// To the terminal, with QEMU's escape key Ctrl-A.
    Terminal,
    /// To pipes that `keel` holds.
    Pipe,
}

/// Why QEMU cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum QemuError {
    /// It is not there.
    #[error("{PROGRAM} is not installed; `cargo keel setup` installs it")]
    Missing,
    /// It does not start.
    #[error("cannot run {PROGRAM}: {0}")]
    Run(#[from] io::Error),
    /// It prints something else.
    #[error("cannot tell the version of {PROGRAM} from {0:?}")]
    Version(String),
    /// Asked for, but not to be had.
    #[error("--accel kvm: {0}; leave it out, or use --accel tcg")]
    NoKvm(#[from] kvm::NoKvm),
    /// See [`CommandLineError`].
    #[error(transparent)]
    CommandLine(#[from] CommandLineError),
    /// There is no image.
    #[error("{0} does not exist; run `cargo keel build` first")]
    NoImage(PathBuf),
}

/// The installed QEMU's version, (major, minor).
pub fn version() -> Result<(u32, u32), QemuError> {
    let output = Command::new(PROGRAM).arg("--version").stdin(Stdio::null()).output().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound { QemuError::Missing } else { QemuError::Run(error) }
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version(&text).ok_or_else(|| QemuError::Version(text.lines().next().unwrap_or_default().to_owned()))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let number = text.split("version ").nth(1)?.split_whitespace().next()?;
    let mut parts = number.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn memory_size(text: &str) -> Result<String, String> {
    let digits = text.strip_suffix(['K', 'M', 'G', 'k', 'm', 'g']).unwrap_or(text);
    match digits.parse::<u64>() {
        Ok(number) if number > 0 => Ok(text.to_owned()),
        _ => Err("use a number with an optional K, M or G, such as 512M".to_owned()),
    }
}

/// Which accelerator `wanted` comes down to on this machine.
pub fn accelerator(wanted: Accelerator) -> Result<&'static str, QemuError> {
    // Each guest core gets a thread of its own: without that, emulated cores take turns and races stay hidden.
    const TCG: &str = "tcg,thread=multi";
    match wanted {
        Accelerator::Tcg => Ok(TCG),
        Accelerator::Instructions => Ok("tcg,thread=single"),
        Accelerator::Kvm => Ok(kvm::probe().map(|()| "kvm")?),
        Accelerator::Auto => Ok(kvm::probe().map_or(TCG, |()| "kvm")),
    }
}

/// The command that boots `payload`, which is Keel, on `machine`.
pub fn command(
    payload: &Payload,
    machine: &Machine,
    kernel: &CommandLine<'_>,
    console: Console,
) -> Result<Command, QemuError> {
    boot(payload, machine, &kernel.text()?, console)
}

/// The command that boots any kernel on `machine`; `kernel` is its command line.
pub fn boot(
    payload: &Payload,
    machine: &Machine,
    kernel: &str,
    console: Console,
) -> Result<Command, QemuError> {
    for file in std::iter::once(&payload.kernel).chain(&payload.archive) {
        if !file.is_file() {
            return Err(QemuError::NoImage(file.clone()));
        }
    }
    version()?;
    let accelerator = accelerator(machine.accel)?;
    let mut command = Command::new(PROGRAM);
    command.args(arguments(payload, machine, kernel, console, accelerator));
    Ok(command)
}

fn arguments(
    payload: &Payload,
    machine: &Machine,
    kernel: &str,
    console: Console,
    accelerator: &str,
) -> Vec<OsString> {
    let mux = if console == Console::Terminal { "on" } else { "off" };
    let mut list: Vec<OsString> = Vec::new();
    let mut option = |name: &str, value: OsString| list.extend([name.into(), value]);
    option("-machine", machine.machine.clone().into());
    option("-accel", accelerator.into());
    option("-cpu", machine.cpu.clone().into());
    option("-smp", machine.smp.to_string().into());
    option("-m", machine.mem.clone().into());
    option("-kernel", payload.kernel.clone().into());
    if let Some(archive) = &payload.archive {
        option("-initrd", archive.clone().into());
    }
    option("-append", kernel.into());
    option("-display", "none".into());
    option("-device", "isa-debug-exit,iobase=0xf4,iosize=0x04".into());
    option("-chardev", format!("stdio,id=console,signal=off,mux={mux}").into());
    option("-serial", "chardev:console".into());
    list.extend(["-no-reboot", "-nodefaults", "-no-user-config"].map(Into::into));
    list.extend(machine.qemu.iter().cloned());
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(
            parse_version("QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright"),
            Some((10, 0))
        );
        assert_eq!(parse_version("QEMU emulator version 7.2.19"), Some((7, 2)));
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn sizes_are_checked() {
        assert!(memory_size("512M").is_ok() && memory_size("2G").is_ok() && memory_size("64").is_ok());
        assert!(memory_size("M").is_err() && memory_size("0M").is_err() && memory_size("2T").is_err());
    }

    #[test]
    fn extra_arguments_come_last() {
        let payload = Payload { kernel: "k.elf".into(), archive: Some("c.tar".into()) };
        let machine = Machine {
            smp: 2,
            mem: "1G".into(),
            accel: Accelerator::Tcg,
            cpu: "max,-x2apic".into(),
            machine: "q35".into(),
            qemu: vec!["-s".into()],
        };
        let list = arguments(&payload, &machine, "smp=2 exit=debug", Console::Pipe, "tcg");
        let list: Vec<_> = list.iter().filter_map(|a| a.to_str()).collect();
        assert_eq!(list.last(), Some(&"-s"));
        let after = |name: &str| list.iter().skip_while(|a| **a != name).nth(1).copied();
        assert_eq!(after("-cpu"), Some("max,-x2apic"));
        assert_eq!(after("-append"), Some("smp=2 exit=debug"));
        assert_eq!(after("-chardev"), Some("stdio,id=console,signal=off,mux=off"));
        assert_eq!(after("-initrd"), Some("c.tar"));
        let bare = Payload { archive: None, ..payload };
        let list = arguments(&bare, &machine, "", Console::Pipe, "tcg");
        assert!(!list.iter().any(|argument| argument == "-initrd"));
    }
}
