//! What `wait` found: counts per spawn, whether that is right, and how it is told.

use crate::ledger::{Verdict, Wrong};
use crate::request::Kind;
use alloc::{string::String, vec::Vec};
use cell_api::CommandError;
use core::fmt::{self, Write};
use report::{Nanoseconds, plural};

/// What became of the tasks of one `spawn`.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What they do.
    pub kind: Kind,
    /// How many tasks were spawned and had not been waited for before.
    pub tasks: usize,
    /// Tasks that go on: until they are killed, or longer than the caller would wait.
    pub running: usize,
    /// Tasks that returned.
    pub returned: usize,
    /// Tasks that were killed.
    pub killed: usize,
    /// Why others died, a line each.
    pub deaths: Vec<String>,
    /// Whether they end by themselves, so that one that runs is overdue.
    pub ends: bool,
    /// What the ledger says; there for a load.
    pub verdict: Option<Verdict>,
    /// From spawn to the end of the last task, in nanoseconds, or until now.
    pub ns: u64,
}

/// So many wrong tasks are listed one by one.
const MOST_LISTED: usize = 10;

impl Outcome {
    /// Whether all is well. A task that somebody killed is, unless it belongs to a load.
    pub fn is_good(&self) -> bool {
        self.deaths.is_empty()
            && (self.running == 0 || !self.ends)
            && self.verdict.as_ref().is_none_or(Verdict::is_good)
    }

    fn write(&self, out: &mut dyn Write) -> fmt::Result {
        write!(out, "{}: {}", self.kind, plural(self.tasks, "task"))?;
        if let Some(verdict) = &self.verdict {
            let cores = plural(verdict.cores.count_ones() as usize, "core");
            write!(out, ", {} steps on {cores} in {}", verdict.steps, Nanoseconds(self.ns))?;
            if verdict.is_good() {
                write!(out, "; none lost, none run twice, no step missing")?;
            }
        }
        let parts = [
            (self.returned, if self.verdict.is_some() { "" } else { "returned" }),
            (self.killed, "killed"),
            (self.deaths.len(), "died"),
            (self.running, if self.ends { "not finished" } else { "running until killed" }),
        ];
        for (count, what) in parts.into_iter().filter(|(count, what)| *count > 0 && !what.is_empty()) {
            write!(out, "; {count} {what}")?;
        }
        writeln!(out)?;
        let wrong = self.verdict.iter().flat_map(|verdict| &verdict.wrong);
        list(out, wrong.clone().count(), wrong)?;
        list(out, self.deaths.len(), self.deaths.iter())
    }
}

fn list<T: fmt::Display>(out: &mut dyn Write, count: usize, items: impl Iterator<Item = T>) -> fmt::Result {
    for item in items.take(MOST_LISTED) {
        writeln!(out, "  {item}")?;
    }
    if count > MOST_LISTED {
        writeln!(out, "  and {} more", count - MOST_LISTED)?;
    }
    Ok(())
}

/// Prints what was found.
pub fn write(out: &mut dyn Write, outcomes: &[Outcome]) -> fmt::Result {
    if outcomes.is_empty() {
        return writeln!(out, "no task is in the background");
    }
    outcomes.iter().try_for_each(|outcome| outcome.write(out))
}

/// Prints what was found as a JSON object.
pub fn write_json(out: &mut dyn Write, outcomes: &[Outcome]) -> fmt::Result {
    json::object(out, |o| {
        o.object("wait", |o| {
            o.field("ok", outcomes.iter().all(Outcome::is_good))?;
            o.list("spawned", outcomes.iter(), |outcome, w| {
                w.object(|o| {
                    o.field("kind", outcome.kind.name())?.field("tasks", outcome.tasks)?;
                    o.field("returned", outcome.returned)?.field("killed", outcome.killed)?;
                    o.field("died", outcome.deaths.len())?.field("running", outcome.running)?;
                    o.field("ns", outcome.ns)?;
                    if let Some(verdict) = &outcome.verdict {
                        o.field("steps", verdict.steps)?.field("cores", verdict.cores.count_ones())?;
                        o.field("wrong_tasks", verdict.wrong_tasks())?;
                        o.list("wrong", verdict.wrong.iter().take(MOST_LISTED), write_wrong)?;
                    }
                    Ok(())
                })
            })
            .map(drop)
        })
        .map(drop)
    })
}

fn write_wrong(wrong: &Wrong, writer: json::ValueWriter<'_>) -> fmt::Result {
    let text = alloc::format!("{wrong}");
    writer.value(text.as_str())
}

/// The command's result.
pub fn result(outcomes: &[Outcome]) -> Result<(), CommandError> {
    let wrong = |outcome: &Outcome| {
        let unfinished = if outcome.ends { outcome.running } else { 0 };
        let in_ledger = outcome.verdict.as_ref().map_or(0, Verdict::wrong_tasks);
        in_ledger.max(outcome.deaths.len() + unfinished)
    };
    let tasks = outcomes.iter().map(|outcome| outcome.tasks).sum();
    match outcomes.iter().map(wrong).sum() {
        0 => Ok(()),
        count => Err(CommandError::failed(format_args!("{count} of {} went wrong", plural(tasks, "task")))),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::ledger::What;

    fn load() -> Outcome {
        let verdict =
            Verdict { tasks: 300, steps: 60_000, expected_steps: 200, cores: 0xff, wrong: Vec::new() };
        Outcome {
            kind: Kind::Load,
            tasks: 300,
            running: 0,
            returned: 300,
            killed: 0,
            deaths: Vec::new(),
            ends: true,
            verdict: Some(verdict),
            ns: 1_234_000_000,
        }
    }

    fn text(outcome: Outcome) -> String {
        let mut out = String::new();
        write(&mut out, &[outcome]).expect("a string takes all");
        out
    }

    #[test]
    fn a_good_load() {
        assert_eq!(
            text(load()),
            "load: 300 tasks, 60000 steps on 8 cores in 1.2 s; none lost, none run twice, no step missing\n"
        );
        assert_eq!(result(&[load(), load()]), Ok(()));
        let mut out = String::new();
        write_json(&mut out, &[load()]).expect("a string takes all");
        assert_eq!(
            out,
            "{\"wait\":{\"ok\":true,\"spawned\":[{\"kind\":\"load\",\"tasks\":300,\"returned\":300,\"killed\":0,\
             \"died\":0,\"running\":0,\"ns\":1234000000,\"steps\":60000,\"cores\":8,\"wrong_tasks\":0,\"wrong\":[]}]}}\n"
        );
    }

    #[test]
    fn a_load_that_lost_a_task() {
        let mut outcome = load();
        (outcome.running, outcome.returned) = (12, 288);
        let verdict = outcome.verdict.as_mut().expect("a load has one");
        verdict.wrong = (0..12).map(|task| Wrong { task, steps: 9, what: What::NotFinished }).collect();
        let text = text(outcome.clone());
        assert!(text.starts_with("load: 300 tasks, 60000 steps on 8 cores in 1.2 s; 12 not finished\n"));
        assert!(text.contains("\n  load task 9 was lost or is stuck after step 9\n  and 2 more\n"));
        assert_eq!(result(&[outcome]), Err(CommandError::failed("12 of 300 tasks went wrong")));
    }

    #[test]
    fn killed_tasks_are_well_unless_they_belong_to_a_load() {
        let mut spin = load();
        (spin.kind, spin.tasks, spin.returned, spin.killed, spin.running) = (Kind::Spin, 3, 0, 2, 1);
        (spin.ends, spin.verdict) = (false, None);
        assert_eq!(text(spin.clone()), "spin: 3 tasks; 2 killed; 1 running until killed\n");
        assert_eq!(result(&[spin.clone()]), Ok(()));
        spin.deaths = alloc::vec!["task 5 ended: page fault".into()];
        assert_eq!(result(&[spin]), Err(CommandError::failed("1 of 3 tasks went wrong")));
    }
}
