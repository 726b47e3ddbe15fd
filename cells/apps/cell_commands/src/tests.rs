//! What people and programs read, made from the namespace's reports.

extern crate std;
use crate::listing::{self, Dependencies};
use crate::policies::{Plan, Policies};
use crate::swap;
use alloc::{boxed::Box, string::String, vec, vec::Vec};
use namespace::{CellInfo, PolicyInfo, Reason, State, Step, SwapError, SwapFailure, SwapReport};
use symbol_map::UnsafeCode;

fn cell(name: &str, base: bool, dependants: &[&str]) -> CellInfo {
    CellInfo {
        name: name.into(),
        version: "0.1.0".into(),
        hash: 0x0123_4567_89ab_cdef,
        base,
        state: State::Live,
        unsafe_code: UnsafeCode::Forbidden,
        text: 2048,
        rodata: 100,
        data: 8,
        exports: 3,
        imports: 5,
        dependants: dependants.iter().map(|&name| name.into()).collect(),
    }
}

fn text(write: impl FnOnce(&mut String) -> core::fmt::Result) -> String {
    let mut out = String::new();
    write(&mut out).expect("a string takes all");
    out
}

#[test]
fn the_table_of_cells_aligns_and_names_what_is_kept() {
    let mut old = cell("faults", false, &[]);
    old.state = State::Retiring(Reason::Untracked);
    let cells = [cell("scheduler", true, &["faults"]), old];
    assert_eq!(
        text(|out| listing::write(out, &cells)),
        "cell       version  hash      where   state     unsafe        text  rodata  data  exports  imports  used by\n\
         scheduler  0.1.0    01234567  base    live      forbidden  2.0 KiB   100 B   8 B        3        5        1\n\
         faults     0.1.0    01234567  loaded  retiring  forbidden  2.0 KiB   100 B   8 B        3        5        0\n\
         faults 01234567 is kept: a task may still run in it\n\
         2 cells, 1 of them loaded\n"
    );
}

#[test]
fn the_json_of_cells_has_the_agreed_fields() {
    assert_eq!(
        text(|out| listing::write_json(out, &[cell("scheduler", true, &["console", "faults"])])),
        "{\"cells\":[{\"name\":\"scheduler\",\"version\":\"0.1.0\",\"hash\":\"0123456789abcdef\",\"base\":true,\
         \"state\":\"live\",\"unsafe_code\":\"forbidden\",\"text\":2048,\"rodata\":100,\"data\":8,\"exports\":3,\
         \"imports\":5,\"dependants\":[\"console\",\"faults\"]}]}\n"
    );
}

#[test]
fn dependencies_go_both_ways() {
    let cells = [cell("sync", true, &["scheduler", "faults"]), cell("faults", false, &[])];
    let faults = Dependencies::of(&cells, "faults").expect("it is there");
    assert_eq!(text(|out| faults.write(out)), "faults uses sync\nfaults used by no cell\n");
    assert_eq!(
        text(|out| faults.write_json(out)),
        "{\"deps\":{\"cell\":\"faults\",\"uses\":[\"sync\"],\"used_by\":[]}}\n"
    );
    let sync = Dependencies::of(&cells, "sync").expect("it is there");
    assert_eq!((sync.uses, sync.used_by), (Vec::new(), vec!["faults", "scheduler"]));
    assert_eq!(Dependencies::of(&cells, "none"), None);
}

#[test]
fn a_swap_shows_steps_and_pauses() {
    let report = SwapReport {
        old: "round_robin".into(),
        new: "priority".into(),
        steps: vec![(Step::Stage, 1_200_000), (Step::Commit, 45_000)],
        pauses: vec![10_000, 12_000, 45_000],
        moved: 300,
        kept: vec![("round_robin".into(), Reason::Pinned(1))],
        leaked: false,
    };
    assert_eq!(
        text(|out| swap::write(out, &report)),
        "priority took the place of round_robin\n\
         step       time\n\
         stage    1.2 ms\n\
         commit  45.0 µs\n\
         300 handed over while 3 cores stood still: min 10.0 µs, median 12.0 µs, max 45.0 µs\n  \
         core  0:   10.0 µs   12.0 µs   45.0 µs\n\
         round_robin is kept: still in use once\n"
    );
    let json = text(|out| swap::write_json(out, "round_robin", "priority", &Ok(report)));
    assert!(json.starts_with(
        "{\"swap\":{\"old\":\"round_robin\",\"new\":\"priority\",\"ok\":true,\"error\":null,\
         \"steps\":[{\"step\":\"stage\",\"ns\":1200000},{\"step\":\"commit\",\"ns\":45000}],\
         \"pause_ns\":[10000,12000,45000],"
    ));
}

#[test]
fn a_refused_swap_says_why() {
    let error = SwapError::NotInArchive("x".into());
    let failure = SwapFailure { step: Step::Stage, error, steps: vec![(Step::Stage, 7)] };
    assert_eq!(
        text(|out| swap::write_json(out, "a", "x", &Err(Box::new(failure)))),
        "{\"swap\":{\"old\":\"a\",\"new\":\"x\",\"ok\":false,\"error\":\"the archive has no cell named x\",\
         \"steps\":[{\"step\":\"stage\",\"ns\":7}],\"pause_ns\":[]}}\n"
    );
}

fn policy(cell: &str, policy: &str, active: bool) -> PolicyInfo {
    PolicyInfo { cell: cell.into(), policy: policy.into(), active }
}

#[test]
fn a_policy_is_swapped_taken_or_there_already() {
    let mut policies = Policies {
        running: "rr".into(),
        loaded: vec![policy("round_robin", "rr", true), policy("priority", "priority", false)],
        archived: vec!["fair".into()],
    };
    let swap = |new: &str| Plan::Swap { old: "round_robin".into(), new: new.into() };
    assert_eq!((policies.plan("rr"), policies.plan("round_robin")), (Plan::InUse, Plan::InUse));
    assert_eq!((policies.plan("priority"), policies.plan("fair")), (swap("priority"), swap("fair")));
    assert_eq!(
        text(|out| policies.write(out)),
        "policy    cell         state\n\
         rr        round_robin  in use\n\
         priority  priority     loaded\n\
         ?         fair         in the archive\n"
    );

    // The scheduler fell back: naming the policy again reloads it.
    policies.running = "builtin".into();
    assert_eq!(policies.plan("rr"), swap("round_robin"));
    assert!(text(|out| policies.write(out)).ends_with("builtin   scheduler    in use, built in\n"));

    policies.loaded[0].active = false;
    assert_eq!(policies.plan("priority"), Plan::Take { cell: "priority".into() });
    assert!(
        text(|out| policies.write_json(out))
            .starts_with("{\"policy\":{\"running\":\"builtin\",\"cell\":null,")
    );
}
