//! Linux and Keel in one run: the same machine model, one after the other, several times.
//!
//! Each repeat boots both, so that a slow spell of the host falls on both, and a ratio is made within a repeat. Wakes of another core are
//! measured twice, with cores that halt when they are idle and with cores that poll, each against its like.

use super::guest::{self, GuestError, KEEL, Plan};
use super::linux::{self, Boot, Linux, Order, Said};
use super::progress::Progress;
use super::ratio::Ratio;
use super::results::{Better, Figures, Instrument, Outcome, Row, Run};
use super::select::selects;
use super::table::{self, Table};
use super::{Options, icount, progress, repeats, setting};
use crate::build::Image;
use crate::run::qemu::{Machine, Payload};
use crate::run::signals::Stop;
use crate::workspace::Workspace;
use std::error::Error;
use std::time::Instant;

/// How often both are booted unless somebody says otherwise; once where figures repeat to the digit.
const REPEATS: u32 = 5;
/// What is measured with polling idle cores too, under a name that ends in [`POLL`].
const POLLED: [&str; 3] = ["wake_idle", "pingpong_cross", "message_cross"];
const POLL: &str = "_poll";
/// The row that is measured from outside: from the start of QEMU to the first task.
const BOOT: &str = "boot";
/// The row that Linux's log and Keel's own benchmark tell.
const BRING_UP: &str = "bringup";

/// Both systems, and what to measure of them.
struct Pair<'a> {
    linux: &'a Linux,
    payload: Payload,
    machine: Machine,
    icount: bool,
    options: &'a Options,
    /// What Keel has, as far as it is wanted.
    names: Vec<String>,
    stop: &'a Stop,
}

/// Runs Linux and Keel alternately.
pub fn run(workspace: &Workspace, options: &Options, stop: &Stop) -> Result<Run, Box<dyn Error>> {
    let machine = if options.icount { icount::machine() } else { options.machine() };
    let payload: Payload = (&Image::of(workspace)).into();
    // First, since Linux takes long to fetch.
    let all = guest::names(&payload, &plan(&machine, options, &[]), stop)?;
    let words: Vec<&str> = all.iter().map(String::as_str).collect();
    let names: Vec<String> =
        all.iter().filter(|name| selects(&options.names, name, &words)).cloned().collect();
    if names.is_empty() {
        return Err(NoSuchBenchmark(options.names.join(" ")).into());
    }
    let linux = linux::prepare(workspace, stop, &mut |what| eprintln!("{what}"))?;
    let mut setting = setting::guest(&machine);
    setting.insert("Linux".into(), linux.version().to_owned());
    let pair = Pair { linux: &linux, payload, machine, icount: options.icount, options, names, stop };
    let count = if options.icount { 1 } else { options.repeats.unwrap_or(REPEATS) };
    let mut all = Vec::new();
    let started = Instant::now();
    for repeat in 1..=count {
        let left = started.elapsed().checked_div(repeat - 1).map(|each| each * (count - repeat + 1));
        let left = left.map_or_else(String::new, |left| format!(", about {} left", progress::words(left)));
        all.push(pair.repeat(&format!("run {repeat} of {count}{left}"))?);
    }
    let mut rows = repeats::merge(all);
    // The reader's order: by operation, Linux first.
    let place = |row: &Row| pair.names.iter().position(|name| row.name.trim_end_matches(POLL) == name);
    rows.sort_by_key(|row| (place(row), row.name.clone(), row.subject == KEEL, row.subject.clone()));
    setting.insert("repeats".into(), count.to_string());
    setting.insert("guest cores of rows that poll".into(), pair.polling_machine().smp.to_string());
    Ok(setting::run(workspace, Instrument::Linux, setting, rows))
}

/// How Keel runs `names`.
fn plan(machine: &Machine, options: &Options, names: &[String]) -> Plan {
    Plan {
        machine: machine.clone(),
        names: names.to_vec(),
        samples: options.samples,
        cores: options.cores.clone(),
        append: if options.icount { vec!["tsc=instructions".into()] } else { vec![] },
        limit: options.limit(),
    }
}

/// Nothing to measure.
#[derive(Debug, thiserror::Error)]
#[error("no benchmark of Keel is called {0}; `cargo keel run --smp 1 --exec bench` lists them")]
struct NoSuchBenchmark(String);

impl Pair<'_> {
    fn plan(&self, names: &[String]) -> Plan {
        plan(&self.machine, self.options, names)
    }

    /// One boot of each for each setting.
    fn repeat(&self, which: &str) -> Result<Vec<Row>, Box<dyn Error>> {
        let has_booting = !self.icount && (self.has(BOOT) || self.has(BRING_UP));
        let mut rows = self.linux(Boot::Rows, which)?;
        if has_booting {
            // As after all benchmarks: with a command line that asks for nothing else.
            rows.extend(self.linux(Boot::FirstTask, which)?.into_iter().filter(|row| self.has(&row.name)));
        }
        // What Linux has no figure of is not measured for its sake; why it has none stands in its row.
        let is_shared = |name: &&String| {
            let is_measured = |row: &Row| row.name == **name && matches!(row.outcome, Outcome::Measured(_));
            *name != BOOT && rows.iter().any(is_measured)
        };
        let names: Vec<String> = self.names.iter().filter(is_shared).cloned().collect();
        if !names.is_empty() {
            rows.extend(guest::measure(
                &self.payload,
                &self.plan(&names),
                Some(&format!("Keel, {which}")),
                self.stop,
            )?);
        }
        if has_booting && self.has(BOOT) {
            rows.push(self.power_on()?);
        }
        let polled: Vec<String> =
            POLLED.iter().filter(|name| self.has(name)).map(|name| (*name).to_owned()).collect();
        if self.machine.smp > 1 && !self.icount && !polled.is_empty() {
            rows.extend(self.linux(Boot::Poll, which)?);
            let mut plan = self.plan(&polled);
            plan.append.push("idle=poll".into());
            plan.machine = self.polling_machine();
            let ours =
                guest::measure(&self.payload, &plan, Some(&format!("Keel that polls, {which}")), self.stop)?;
            rows.extend(ours.into_iter().map(|row| Row { name: row.name + POLL, ..row }));
        }
        Ok(rows)
    }

    /// Whether the benchmark called `name` is wanted.
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|have| have == name)
    }

    /// From the start of QEMU to Keel's first task, in a boot that does nothing more.
    fn power_on(&self) -> Result<Row, GuestError> {
        let time = guest::time_to_first_task(&self.payload, &self.plan(&[]), self.stop)?;
        Ok(Row {
            name: BOOT.into(),
            subject: KEEL.into(),
            what: "from the start of QEMU to the line that the first task prints, in wall time".into(),
            subtracted: "nothing".into(),
            unit: "ns".into(),
            better: Better::Lower,
            outcome: Outcome::Measured(Figures::single(time.as_nanos() as f64)),
        })
    }

    /// The machine for cores that poll: no more of them than the host has, since each keeps one of the host's busy; but two.
    fn polling_machine(&self) -> Machine {
        let host = std::thread::available_parallelism()
            .map_or(2, |count| u32::try_from(count.get()).unwrap_or(u32::MAX));
        Machine { smp: self.machine.smp.min(host.max(2)), ..self.machine.clone() }
    }

    fn linux(&self, boot: Boot, which: &str) -> Result<Vec<Row>, linux::LinuxError> {
        let mut progress: Option<Progress> = None;
        let mut begun = 0;
        let mut said = |said: &Said| match said {
            Said::Rows(count) => progress = Some(Progress::new(&format!("Linux, {which}"), *count)),
            Said::Begin(name) => {
                if let Some(progress) = &mut progress {
                    if begun > 0 {
                        progress.end();
                    }
                    begun += 1;
                    progress.begin(name);
                }
            }
            Said::Nothing | Said::First | Said::Taken | Said::End => {}
        };
        let order = Order {
            machine: if boot == Boot::Poll { self.polling_machine() } else { self.machine.clone() },
            boot,
            icount: self.icount,
            names: if self.options.names.is_empty() { vec![] } else { self.names.clone() },
            limit: self.options.limit(),
        };
        Ok(self.linux.run(&order, self.stop, &mut said)?.rows)
    }
}

/// Whose rows stand beside Keel's.
const PEERS: [(&str, &str); 2] = [("linux_kernel", "Linux kernel"), ("linux_user", "Linux user")];

/// Keel and Linux side by side, a row per operation.
pub fn table(run: &Run) -> String {
    let mut table = Table::new(&[
        "operation",
        "unit",
        "Linux kernel",
        "Linux user",
        "Keel",
        "Keel / Linux kernel",
        "Keel / Linux user",
    ]);
    let mut names: Vec<&str> = Vec::new();
    for row in &run.rows {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    for name in names {
        let cell = |subject| match run.row(name, subject).map(|row| &row.outcome) {
            Some(Outcome::Measured(figures)) => table::figure(figures.median),
            Some(_) => "none".to_owned(),
            None => "–".to_owned(),
        };
        let unit = run.rows.iter().find(|row| row.name == name).map_or("", |row| row.unit.as_str());
        let ratio = |peer| Ratio::of(run.row(name, KEEL)?, run.row(name, peer)?);
        let ratios =
            PEERS.map(|(peer, _)| ratio(peer).map_or_else(|| "–".to_owned(), |ratio| ratio.to_string()));
        let mut cells = vec![name.to_owned(), unit.to_owned()];
        cells.extend(PEERS.map(|(peer, _)| cell(peer)));
        cells.push(cell(KEEL));
        cells.extend(ratios);
        table.row(cells);
    }
    let mut text = table.text();
    for row in &run.rows {
        if let Some(why) = table::absence(&row.outcome) {
            text += &format!("{} of {}: {why}\n", row.name, row.subject);
        }
    }
    text + "a ratio below 1 is in Keel's favour; in brackets the smallest and largest of the repeats\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(medians: &[f64]) -> Figures {
        let median = repeats::median(medians).unwrap_or_default();
        Figures { median, medians: medians.to_vec(), ..Default::default() }
    }

    #[test]
    fn the_table_has_a_row_for_each_operation_and_says_what_is_absent() {
        let measured = |medians: &[f64]| Outcome::Measured(figures(medians));
        let rows = vec![
            Row::sample("yield", "linux_kernel", "cycles", measured(&[1000.0, 1100.0])),
            Row::sample("yield", "linux_user", "cycles", measured(&[2000.0, 2000.0])),
            Row::sample("yield", KEEL, "cycles", measured(&[500.0, 500.0])),
            Row::sample("frame", "linux_kernel", "cycles", measured(&[700.0])),
            Row::sample("frame", KEEL, "cycles", Outcome::Missing("none yet".into())),
        ];
        let run = Run {
            instrument: Instrument::Linux,
            commit: String::new(),
            date: String::new(),
            setting: Default::default(),
            rows,
        };
        let text = table(&run);
        let words =
            |line: usize| text.lines().nth(line).unwrap_or_default().split_whitespace().collect::<Vec<_>>();
        assert_eq!(
            words(1),
            ["yield", "cycles", "1,050", "2,000", "500", "0.477", "(0.455–0.500)", "0.250", "(0.250–0.250)"]
        );
        assert_eq!(words(2), ["frame", "cycles", "700", "–", "none", "–", "–"]);
        assert!(text.contains("frame of keel: missing: none yet\n"), "{text}");
    }
}
