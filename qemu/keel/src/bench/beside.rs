//! Linux and Keel in one run: the same machine model, one after the other, several times.
//!
//! Each repeat boots both, so that a slow spell of the host falls on both, and a ratio is made within a repeat. Wakes of another core are
//! measured twice, with cores that halt when they are idle and with cores that poll, each against its like.

use super::guest::{self, GuestError, KEEL, Plan};
use super::linux::{self, Boot, Linux, Order, Said};
use super::progress::Progress;
use super::results::{Better, Figures, Instrument, Outcome, Row, Run};
use super::table::{self, Table};
use super::{Options, icount, repeats, setting};
use crate::build::Image;
use crate::run::qemu::{Machine, Payload};
use crate::run::signals::Stop;
use crate::workspace::Workspace;
use std::error::Error;

/// How often both are booted unless somebody says otherwise; once where figures repeat to the digit.
const REPEATS: u32 = 5;
/// What is measured with polling idle cores too, under a name that ends in [`POLL`].
const POLLED: [&str; 2] = ["wake_idle", "pingpong_cross"];
const POLL: &str = "_poll";
/// The row that is measured from outside: from the start of QEMU to the first task.
const BOOT: &str = "boot";

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
    let linux = linux::prepare(workspace, stop, &mut |what| eprintln!("{what}"))?;
    let machine = if options.icount { icount::machine() } else { options.machine() };
    let mut setting = setting::guest(&machine);
    setting.insert("Linux".into(), linux.version().to_owned());
    let payload: Payload = (&Image::of(workspace)).into();
    let mut pair =
        Pair { linux: &linux, payload, machine, icount: options.icount, options, names: vec![], stop };
    pair.names = guest::names(&pair.payload, &pair.plan(&[]), stop)?;
    pair.names.retain(|name| name != BOOT && is_wanted(name, &options.names));
    let count = if options.icount { 1 } else { options.repeats.unwrap_or(REPEATS) };
    let mut all = Vec::new();
    for repeat in 1..=count {
        all.push(pair.repeat(&format!("run {repeat} of {count}"))?);
    }
    let mut rows = repeats::merge(all);
    // The reader's order: by operation, Linux first.
    let place = |row: &Row| pair.names.iter().position(|name| row.name.trim_end_matches(POLL) == name);
    rows.sort_by_key(|row| (place(row), row.name.clone(), row.subject == KEEL, row.subject.clone()));
    setting.insert("repeats".into(), count.to_string());
    setting.insert("guest cores of rows that poll".into(), pair.polling_machine().smp.to_string());
    Ok(setting::run(workspace, Instrument::Linux, setting, rows))
}

/// Whether one of `words` is `name` or a group that it is in; of no words, whether there are none.
fn is_wanted(name: &str, words: &[String]) -> bool {
    let has = |word: &String| {
        name.strip_prefix(word.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    words.is_empty() || words.iter().any(has)
}

impl Pair<'_> {
    fn plan(&self, names: &[String]) -> Plan {
        Plan {
            machine: self.machine.clone(),
            names: names.to_vec(),
            samples: self.options.samples,
            cores: self.options.cores.clone(),
            append: if self.icount { vec!["tsc=instructions".into()] } else { vec![] },
            limit: self.options.limit(),
        }
    }

    /// One boot of each for each setting.
    fn repeat(&self, which: &str) -> Result<Vec<Row>, Box<dyn Error>> {
        let has_others = self.machine.smp > 1;
        let mut rows = self.linux(Boot::Rows, which)?;
        let peers: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
        let shared = |name: &String| peers.contains(name) || name == "bringup";
        let names: Vec<String> = self.names.iter().filter(|name| shared(name)).cloned().collect();
        if !names.is_empty() {
            let ours =
                guest::measure(&self.payload, &self.plan(&names), &format!("Keel, {which}"), self.stop)?;
            rows.extend(ours);
            // Booting is measured with a command line that asks for nothing else, as it is for Linux.
            if self.options.names.is_empty() && !self.icount {
                rows.push(self.power_on()?);
            }
        }
        if self.options.names.is_empty() && !self.icount {
            rows.extend(self.linux(Boot::FirstTask, which)?);
        }
        let polled: Vec<String> =
            POLLED.iter().map(|name| (*name).to_owned()).filter(|name| self.names.contains(name)).collect();
        if has_others && !self.icount && !polled.is_empty() {
            rows.extend(self.linux(Boot::Poll, which)?);
            let mut plan = self.plan(&polled);
            plan.append.push("idle=poll".into());
            plan.machine = self.polling_machine();
            let ours = guest::measure(&self.payload, &plan, &format!("Keel that polls, {which}"), self.stop)?;
            rows.extend(ours.into_iter().map(|row| Row { name: row.name + POLL, ..row }));
        }
        Ok(rows)
    }

    /// From the start of QEMU to Keel's first task, in a boot that does nothing more.
    fn power_on(&self) -> Result<Row, GuestError> {
        let time = guest::time_to_first_task(&self.payload, &self.plan(&[]), self.stop)?;
        let ns = time.as_nanos() as f64;
        let figures = Figures {
            n: 1,
            median: ns,
            p90: ns,
            p99: ns,
            min: ns,
            max: ns,
            medians: vec![ns],
            ..Default::default()
        };
        Ok(Row {
            name: BOOT.into(),
            subject: KEEL.into(),
            what: "from the start of QEMU to the line that the first task prints, in wall time".into(),
            subtracted: "nothing".into(),
            unit: "ns".into(),
            better: Better::Lower,
            outcome: Outcome::Measured(figures),
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
            machine: Machine {
                qemu: vec![],
                ..if boot == Boot::Poll { self.polling_machine() } else { self.machine.clone() }
            },
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

/// A ratio of two subjects over paired repeats: the median, the smallest, the largest.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ratio {
    median: f64,
    min: f64,
    max: f64,
}

impl Ratio {
    /// Each repeat's own, so that a slow spell of the host touches both sides; `None` without a common repeat.
    fn of(ours: &Figures, theirs: &Figures) -> Option<Self> {
        let pairs = ours.medians.iter().zip(&theirs.medians);
        let ratios: Vec<f64> =
            pairs.filter(|(_, theirs)| **theirs > 0.0).map(|(ours, theirs)| ours / theirs).collect();
        let fold = |pick: fn(f64, f64) -> f64| ratios.iter().copied().reduce(pick);
        Some(Self { median: repeats::median(&ratios)?, min: fold(f64::min)?, max: fold(f64::max)? })
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} ({:.3}–{:.3})", self.median, self.min, self.max)
    }
}

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
        let ratio = |peer| Ratio::of(run.figures(name, guest::KEEL)?, run.figures(name, peer)?);
        let ratios =
            PEERS.map(|(peer, _)| ratio(peer).map_or_else(|| "–".to_owned(), |ratio| ratio.to_string()));
        let mut cells = vec![name.to_owned(), unit.to_owned()];
        cells.extend(PEERS.map(|(peer, _)| cell(peer)));
        cells.push(cell(guest::KEEL));
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

    fn row(name: &str, subject: &str, outcome: Outcome) -> Row {
        Row {
            name: name.into(),
            subject: subject.into(),
            what: String::new(),
            subtracted: String::new(),
            unit: "cycles".into(),
            better: Better::Lower,
            outcome,
        }
    }

    #[test]
    fn a_ratio_is_made_within_each_repeat() {
        // The host was twice as slow in the second repeat: the ratio does not show it.
        let ratio = Ratio::of(&figures(&[10.0, 20.0, 12.0]), &figures(&[100.0, 200.0, 100.0]));
        assert_eq!(ratio, Some(Ratio { median: 0.1, min: 0.1, max: 0.12 }));
        assert_eq!(Ratio::of(&figures(&[]), &figures(&[1.0])), None);
        assert_eq!(Ratio::of(&figures(&[1.0]), &figures(&[0.0])), None, "nothing is no measure");
    }

    #[test]
    fn the_table_has_a_row_for_each_operation_and_says_what_is_absent() {
        let measured = |medians: &[f64]| Outcome::Measured(figures(medians));
        let rows = vec![
            row("yield", "linux_kernel", measured(&[1000.0, 1100.0])),
            row("yield", "linux_user", measured(&[2000.0, 2000.0])),
            row("yield", KEEL, measured(&[500.0, 500.0])),
            row("frame", "linux_kernel", measured(&[700.0])),
            row("frame", KEEL, Outcome::Missing("none yet".into())),
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

    #[test]
    fn a_word_wants_its_group() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert!(
            is_wanted("yield", &[])
                && is_wanted("alloc_8", &words(&["alloc"]))
                && is_wanted("null", &words(&["x", "null"]))
        );
        assert!(!is_wanted("allocate", &words(&["alloc"])) && !is_wanted("null", &words(&["yield"])));
    }
}
