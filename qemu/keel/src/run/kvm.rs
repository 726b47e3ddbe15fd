//! Whether KVM works here.
//!
//! `/dev/kvm` may exist and still run no guest (nested virtualisation that is switched off half-way): so KVM is used only
//! where the processor says that it can, and where a guest of five bytes has run.

use super::qemu::PROGRAM;
use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Why KVM is out of the question.
#[derive(Debug, thiserror::Error)]
pub enum NoKvm {
    /// No such feature.
    #[error("this processor offers no virtualisation (/proc/cpuinfo has neither vmx nor svm)")]
    Processor,
    /// No such device, or no permission.
    #[error("/dev/kvm cannot be opened ({0}); are you in the group kvm?")]
    Device(io::Error),
    /// It is there and does not work.
    #[error("/dev/kvm is there, but a probe guest did not run")]
    Probe,
}

/// Firmware that fills the 64 KiB below 4 GiB and does one thing: at the reset vector, it writes 0x10 to the
/// debug-exit port 0xf4, on which QEMU ends with status 33.
fn probe_firmware() -> Vec<u8> {
    const RESET: usize = 0xfff0;
    let code = [0xb0, 0x10, 0xe6, 0xf4, 0xf4]; // mov al, 0x10; out 0xf4, al; hlt
    let mut rom = vec![0xf4; 0x1_0000];
    rom.splice(RESET..RESET + code.len(), code);
    rom
}

/// Whether the probe guest runs under `accelerator`.
fn guest_runs(accelerator: &str) -> io::Result<bool> {
    let rom = std::env::temp_dir().join(format!("keel-probe-{}-{accelerator}.rom", std::process::id()));
    std::fs::write(&rom, probe_firmware())?;
    let child = Command::new(PROGRAM)
        .args(["-machine", "pc", "-accel", accelerator, "-m", "16M", "-nodefaults", "-no-user-config"])
        .args(["-display", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=0x01", "-bios"])
        .arg(&rom)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let result = child.and_then(|mut child| {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status.code() == Some(33));
            }
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    std::fs::remove_file(rom)?;
    result
}

/// Finds out whether KVM can be used.
pub fn probe() -> Result<(), NoKvm> {
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !flags.split_whitespace().any(|word| matches!(word, "vmx" | "svm")) {
        return Err(NoKvm::Processor);
    }
    std::fs::File::options().read(true).write(true).open("/dev/kvm").map_err(NoKvm::Device)?;
    if guest_runs("kvm").unwrap_or(false) { Ok(()) } else { Err(NoKvm::Probe) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_guest_runs_under_emulation() -> io::Result<()> {
        if super::super::qemu::version().is_err() {
            eprintln!("no QEMU here: nothing to probe with");
            return Ok(());
        }
        assert!(guest_runs("tcg")?);
        Ok(())
    }
}
