//! Each error that a scheduler can make is found, and a right run is not accused.

extern crate std;
use crate::ledger::{Ledger, What};
use std::string::ToString;
use std::sync::Barrier;
use std::vec::Vec;

fn run(ledger: &Ledger, task: usize) {
    let entry = ledger.begin(task).expect("the ledger has it");
    for step in 0..ledger.steps() {
        entry.enter(task % 3);
        entry.leave(step);
    }
    entry.returned(task as u64);
}

fn found(ledger: &Ledger) -> Vec<(usize, What)> {
    ledger.judge().wrong.iter().map(|wrong| (wrong.task, wrong.what)).collect()
}

#[test]
fn a_right_run_is_good() {
    let ledger = Ledger::new(40, 25);
    std::thread::scope(|scope| {
        for half in 0..2 {
            let ledger = &ledger;
            scope.spawn(move || (half * 20..half * 20 + 20).for_each(|task| run(ledger, task)));
        }
    });
    let verdict = ledger.judge();
    assert!(verdict.is_good());
    assert_eq!((verdict.tasks, verdict.steps, verdict.cores, verdict.wrong_tasks()), (40, 1_000, 0b111, 0));
    assert_eq!(ledger.finished_ns(), 39);
    assert!(ledger.begin(40).is_none());
}

#[test]
fn lost_stuck_and_unwound_tasks_are_told_apart() {
    let ledger = Ledger::new(4, 2);
    run(&ledger, 0);
    let stuck = ledger.begin(2).expect("the ledger has it");
    stuck.enter(0);
    stuck.leave(0);
    assert!(ledger.begin(3).is_some());
    [0, 3, 4].into_iter().for_each(|task| ledger.gone(task));
    assert_eq!(found(&ledger), [(1, What::NeverRan), (2, What::NotFinished), (3, What::Unwound)]);
    ledger.gone(1);
    assert_eq!(found(&ledger)[0], (1, What::Unwound));
    assert_eq!(ledger.judge().wrong[1].to_string(), "load task 2 was lost or is stuck after step 1");
}

#[test]
fn a_missing_and_a_repeated_step_are_found() {
    let ledger = Ledger::new(2, 3);
    let short = ledger.begin(0).expect("the ledger has it");
    short.enter(0);
    short.leave(0);
    short.returned(0);
    let twice = ledger.begin(1).expect("the ledger has it");
    for step in [0, 1, 1, 2] {
        twice.enter(0);
        twice.leave(step);
    }
    twice.returned(0);
    assert_eq!(found(&ledger), [(0, What::WrongSteps), (1, What::Misplaced(1))]);
}

#[test]
fn two_cores_in_one_task_are_found() {
    let ledger = Ledger::new(1, 200);
    let entry = ledger.begin(0).expect("the ledger has it");
    let together = Barrier::new(2);
    std::thread::scope(|scope| {
        for core in 0..2 {
            let (entry, together) = (&entry, &together);
            scope.spawn(move || {
                for step in 0..200 {
                    together.wait();
                    entry.enter(core);
                    entry.leave(step);
                }
            });
        }
    });
    entry.returned(0);
    // Every step is done by both: the second always finds another number; whether the two also overlap is luck.
    assert!(found(&ledger).contains(&(0, What::Misplaced(200))));

    let ledger = Ledger::new(1, 1);
    let entry = ledger.begin(0).expect("the ledger has it");
    entry.enter(0);
    entry.enter(1);
    entry.leave(0);
    entry.returned(0);
    assert_eq!(found(&ledger), [(0, What::TwiceAtOnce(1))]);
    assert_eq!(ledger.judge().wrong_tasks(), 1);
}
