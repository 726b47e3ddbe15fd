//! One boot of Linux under QEMU, on the machine that Keel gets.

use super::lines::{Figures, Reader, Said, boot_rows};
use super::{Linux, LinuxError};
use crate::bench::follow::{self, FollowError, Listener};
use crate::run::guest::Outcome;
use crate::run::qemu::{self, Console, Machine, Payload};
use crate::run::signals::Stop;
use std::process::Command;
use std::time::Duration;

/// Linux at its best: nothing that it does for security or caution alone, and a quiet console. An empty `lsm=` leaves out all
/// security modules but the one that cannot be left out.
const BEST: &str = "console=ttyS0 panic=-1 mitigations=off tsc=reliable init_on_alloc=0 randomize_kstack_offset=off \
                    hardened_usercopy=off lsm= apparmor=0 quiet";
/// What makes two runs alike to the digit: no addresses drawn by lot.
const REPEATABLE: &str = "nokaslr norandmaps";

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
    /// The machine, taken as it is.
    pub machine: Machine,
    /// What for.
    pub boot: Boot,
    /// The machine's cycles are instructions.
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
    fn qemu_command(&self, order: &Order) -> Result<Command, LinuxError> {
        let payload = Payload { kernel: self.kernel.clone(), archive: Some(self.initramfs.clone()) };
        Ok(qemu::boot(&payload, &order.machine, &order.append(), Console::Pipe)?)
    }

    /// Boots it once and waits for the end; `said` is told how many benchmarks there are and which one begins.
    ///
    /// # Errors
    /// If it did not come to its end, or rows are missing; the error says which benchmark was running. One that failed by
    /// itself is a row.
    pub fn run(
        &self,
        order: &Order,
        stop: &Stop,
        said: &mut dyn FnMut(&Said),
    ) -> Result<Figures, LinuxError> {
        let mut hearer = Hearer {
            reader: Reader::new(order.icount),
            running: "booting, before the first task".to_owned(),
            ended: false,
            said,
        };
        let is_good = |outcome| outcome == Outcome::Silent;
        let command = self.qemu_command(order)?;
        let (_, tail) = follow::follow(command, order.limit, stop, &mut hearer, is_good)?;
        if !hearer.ended {
            let what = "the guest ended before it had run everything".to_owned();
            return Err(FollowError::Line { running: hearer.running(), what, tail }.into());
        }
        let mut figures = hearer.reader.figures;
        if order.boot == Boot::FirstTask {
            figures.rows = boot_rows(&figures, order.machine.smp);
        }
        Ok(figures)
    }
}

/// Takes in the console's lines, and says what they say.
struct Hearer<'a> {
    reader: Reader,
    running: String,
    ended: bool,
    said: &'a mut dyn FnMut(&Said),
}

impl Listener for Hearer<'_> {
    fn line(&mut self, line: &str, since_start: Duration) -> Result<bool, String> {
        let said = self.reader.take(line).map_err(|bad| bad.to_string())?;
        match &said {
            Said::Nothing => return Ok(false),
            Said::First => {
                self.reader.figures.to_first_task.get_or_insert(since_start);
                "setting up".clone_into(&mut self.running);
            }
            // init keeps to the first core, and takes the second where two take part.
            Said::Begin(name) => self.running = format!("benchmark {name} from core 0"),
            Said::End => self.ended = true,
            Said::Rows(_) | Said::Taken => {}
        }
        (self.said)(&said);
        Ok(true)
    }

    fn running(&self) -> String {
        format!("Linux, {}", self.running)
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

    #[test]
    fn a_listener_says_where_linux_is_and_what_is_wrong() {
        let mut begun = Vec::new();
        let mut note = |said: &Said| begun.push(said.clone());
        let mut hearer =
            Hearer { reader: Reader::new(false), running: "booting".into(), ended: false, said: &mut note };
        let mut take = |line: &str, ms| {
            let taken = hearer.line(line, Duration::from_millis(ms));
            (taken, hearer.running())
        };
        assert_eq!(take("[    0.1] a message", 1), (Ok(false), "Linux, booting".into()));
        assert_eq!(take("FIRST", 2), (Ok(true), "Linux, setting up".into()));
        assert_eq!(take("ROWS 1", 3).0, Ok(true));
        let running = "Linux, benchmark linux_user yield from core 0";
        assert_eq!(take("BEGIN linux_user yield", 4), (Ok(true), running.into()));
        let (taken, _) = take("END", 5);
        assert!(taken.is_err_and(|what| what.contains("linux_user yield")));
        assert_eq!(
            (hearer.ended, hearer.reader.figures.to_first_task),
            (false, Some(Duration::from_millis(2)))
        );
        assert_eq!(begun, [Said::First, Said::Rows(1), Said::Begin("linux_user yield".into())]);
    }
}
