//! One boot of Linux under QEMU, on the machine that Keel gets.

use super::lines::{Figures, Reader, Said, boot_rows};
use super::{Linux, LinuxError};
use crate::run::console::{Plain, Tail};
use crate::run::guest::{Event, Guest, Outcome};
use crate::run::qemu::{self, Machine, PROGRAM, QemuError};
use crate::run::signals::Stop;
use std::ffi::OsString;
use std::process::Command;
use std::time::{Duration, Instant};

/// Linux at its best: nothing that it does for security or caution alone, and a quiet console.
const BEST: &str = "console=ttyS0 panic=-1 mitigations=off tsc=reliable init_on_alloc=0 quiet";
/// What makes two runs alike to the digit: no addresses drawn by lot.
const REPEATABLE: &str = "nokaslr norandmaps";
/// The executed instruction as the guest's clock.
const ICOUNT: [&str; 6] = ["-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01,clock=vm", "-seed", "1"];

/// What a boot is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Boot {
    /// Every benchmark.
    Rows,
    /// With idle cores that poll instead of halting: the benchmarks that wake another core, their names ending in `_poll`.
    Poll,
    /// No benchmark: how long it takes to the first task, and to bring up the cores.
    FirstTask,
}

/// What to run in one boot, and how.
#[derive(Clone, Debug)]
pub struct Order {
    /// The machine; under `icount` its accelerator does not matter and it has one core.
    pub machine: Machine,
    /// What for.
    pub boot: Boot,
    /// Count instructions instead of cycles.
    pub icount: bool,
    /// Only these benchmarks; empty for all.
    pub names: Vec<String>,
    /// How long booting, or one benchmark, may take.
    pub limit: Duration,
}

impl Order {
    fn append(&self) -> String {
        let mut text = BEST.to_owned();
        if self.icount {
            text = format!("{text} {REPEATABLE}");
        }
        text += match self.boot {
            Boot::Rows => " keel=rows",
            Boot::Poll => " idle=poll keel=poll",
            Boot::FirstTask => " keel=first",
        };
        if !self.names.is_empty() {
            text += &format!(" keel_only={}", self.names.join(","));
        }
        text
    }
}

impl Linux {
    /// The command that boots it as `order` says, with its console on standard output.
    pub fn qemu_command(&self, order: &Order) -> Result<Command, LinuxError> {
        qemu::version()?;
        let machine = &order.machine;
        let accelerator = if order.icount { "tcg,thread=single" } else { qemu::accelerator(machine.accel)? };
        let smp = if order.icount { 1 } else { machine.smp };
        let mut command = Command::new(PROGRAM);
        let mut option = |name: &str, value: OsString| {
            command.arg(name).arg(value);
        };
        option("-machine", machine.machine.clone().into());
        option("-accel", accelerator.into());
        option("-cpu", machine.cpu.clone().into());
        option("-smp", smp.to_string().into());
        option("-m", machine.mem.clone().into());
        option("-kernel", self.kernel.clone().into());
        option("-initrd", self.initramfs.clone().into());
        option("-append", order.append().into());
        option("-display", "none".into());
        option("-serial", "stdio".into());
        command.args(["-no-reboot", "-nodefaults", "-no-user-config"]);
        if order.icount {
            command.args(ICOUNT);
        }
        command.args(&machine.qemu);
        Ok(command)
    }

    /// Boots it once and waits for the end; `said` is told how many benchmarks there are and which one begins.
    ///
    /// # Errors
    /// If it did not come to its end; the error says which benchmark was running. One that failed by itself is a row.
    pub fn run(
        &self,
        order: &Order,
        stop: &Stop,
        said: &mut dyn FnMut(&Said),
    ) -> Result<Figures, LinuxError> {
        let command = self.qemu_command(order)?;
        let started = Instant::now();
        let mut guest = Guest::start(command).map_err(|error| LinuxError::Qemu(QemuError::Run(error)))?;
        let mut reader = Reader::new(order.icount);
        let (mut plain, mut tail) = (Plain::default(), Tail::default());
        let (mut running, mut ended) = ("booting, before the first task".to_owned(), false);
        let mut deadline = started + order.limit;
        let failed = |running: &str, what: String, tail: &Tail| LinuxError::Guest {
            running: running.to_owned(),
            what,
            tail: tail.text(),
        };
        loop {
            if stop.wanted() {
                return Err(LinuxError::Interrupted);
            }
            if Instant::now() >= deadline {
                let what = format!("not finished after {} s", order.limit.as_secs());
                return Err(failed(&running, what, &tail));
            }
            let wait = Instant::now() + Duration::from_millis(50);
            match guest.next(wait).map_err(LinuxError::io("cannot talk to the guest"))? {
                Event::Console(bytes) => {
                    for line in tail.push(&plain.filter(&bytes)) {
                        let taken =
                            reader.take(&line).map_err(|bad| failed(&running, bad.to_string(), &tail))?;
                        match &taken {
                            Said::Nothing => continue,
                            Said::First => {
                                reader.figures.to_first_task = Some(started.elapsed());
                                "setting up".clone_into(&mut running);
                            }
                            // init keeps to the first core, and takes the second where two take part.
                            Said::Begin(name) => running = format!("benchmark {name} from core 0"),
                            Said::End => ended = true,
                            Said::Rows(_) | Said::Taken => {}
                        }
                        said(&taken);
                        deadline = Instant::now() + order.limit;
                    }
                }
                Event::Error(bytes) => {
                    tail.push(&bytes);
                }
                Event::Quiet => {}
                Event::Ended(Outcome::Silent) if ended => {
                    let mut figures = reader.figures;
                    if order.boot == Boot::FirstTask {
                        figures.rows = boot_rows(&figures);
                    }
                    return Ok(figures);
                }
                Event::Ended(outcome) => {
                    let what = match outcome {
                        Outcome::Qemu(status) => format!("QEMU failed ({status})"),
                        _ => "the guest ended before it had run everything".to_owned(),
                    };
                    return Err(failed(&running, what, &tail));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::qemu::Accelerator;

    fn order(boot: Boot, icount: bool) -> Order {
        let machine = Machine {
            smp: 8,
            mem: "512M".into(),
            accel: Accelerator::Tcg,
            cpu: "max".into(),
            machine: "q35".into(),
            qemu: vec![],
        };
        Order { machine, boot, icount, names: vec![], limit: Duration::from_secs(1) }
    }

    #[test]
    fn each_boot_has_its_command_line() {
        assert!(order(Boot::Rows, false).append().ends_with("quiet keel=rows"));
        assert!(order(Boot::Poll, false).append().ends_with("quiet idle=poll keel=poll"));
        let mut order = order(Boot::FirstTask, true);
        order.names = vec!["yield".into(), "alloc_8".into()];
        assert!(order.append().ends_with("quiet nokaslr norandmaps keel=first keel_only=yield,alloc_8"));
    }
}
