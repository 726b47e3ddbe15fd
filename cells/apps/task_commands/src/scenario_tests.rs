//! The commands from end to end, on the host's stand-in for cores: the real scheduler, with threads as cores.

extern crate std;
use crate::COMMANDS;
use cell_api::{CommandError, Invocation};
use std::string::String;
use std::sync::Mutex;
use std::vec::Vec;

/// The list of jobs is one for the process, so one scenario runs at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn scenario(test: impl FnOnce() + Send + 'static) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    scheduler::host::run(test);
}

fn call(line: &str) -> (Result<(), CommandError>, String) {
    let mut words: Vec<&str> = line.split_whitespace().collect();
    let name = words.remove(0);
    let json = words.iter().position(|word| *word == "--json").map(|at| words.remove(at)).is_some();
    let command = COMMANDS.iter().find(|command| command.name == name).expect("a command of this cell");
    let mut out = String::new();
    let result = (command.run)(&mut Invocation { args: &words, json, out: &mut out });
    (result, out)
}

#[test]
fn a_load_runs_right() {
    scenario(|| {
        let (result, out) = call("spawn load 61 --steps 40");
        assert_eq!(result, Ok(()), "{out}");
        let (result, out) = call("wait --timeout 60");
        assert_eq!(result, Ok(()), "{out}");
        // On how many cores is up to the host, which runs them as threads.
        assert!(out.starts_with("load: 61 tasks, 2440 steps on "), "{out}");
        assert!(out.ends_with("; none lost, none run twice, no step missing\n"), "{out}");
        assert_eq!(call("wait"), (Ok(()), "no task is in the background\n".into()));
    });
}

#[test]
fn a_killed_task_of_a_load_is_found_and_its_partner_goes_on() {
    scenario(|| {
        let (result, out) = call("spawn load 8 --steps 4000 --json");
        assert_eq!(result, Ok(()));
        let first = out.split(['[', ',', ']']).find_map(|part| part.parse::<u64>().ok()).expect("a number");
        let (result, out) = call(&std::format!("kill {first}"));
        assert_eq!((result, out), (Ok(()), std::format!("killed 1 task: {first}\n")));
        let (result, out) = call("wait --timeout 100");
        assert_eq!(result, Err(CommandError::failed("1 of 8 tasks went wrong")), "{out}");
        assert!(out.contains("; 1 killed\n  load task 0 was unwound after step "), "{out}");
    });
}

#[test]
fn endless_tasks_go_on_until_they_are_killed() {
    scenario(|| {
        assert_eq!(call("spawn sleep 3").0, Ok(()));
        assert_eq!(call("spawn yield 2 --steps 10").0, Ok(()));
        let (result, out) = call("wait");
        assert_eq!(result, Ok(()));
        assert_eq!(out, "sleep: 3 tasks; 3 running until killed\nyield: 2 tasks; 2 returned\n");
        assert_eq!(call("kill sleep").0, Ok(()));
        assert_eq!(call("wait"), (Ok(()), "sleep: 3 tasks; 3 killed\n".into()));
        let (result, _) = call("kill sleep");
        assert_eq!(result, Err(CommandError::failed("there is no task called `sleep`; `tasks` lists them")));
    });
}

#[test]
fn a_task_that_is_overdue_is_reported_and_kept() {
    scenario(|| {
        assert_eq!(call("spawn sleep --steps 500").0, Ok(()));
        let (result, out) = call("wait --timeout 1");
        assert_eq!(result, Err(CommandError::failed("1 of 1 task went wrong")));
        assert_eq!(out, "sleep: 1 task; 1 not finished\n");
        assert_eq!(call("kill sleep").0, Ok(()));
        assert_eq!(call("wait"), (Ok(()), "sleep: 1 task; 1 killed\n".into()));
    });
}
