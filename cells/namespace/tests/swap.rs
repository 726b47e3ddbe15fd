//! Swaps: what they do, what they refuse, and that a failure at any point leaves all as it was.

#[allow(dead_code, reason = "each test uses a part of it")]
mod support;

use namespace::{Namespace, Reason, State, Step};
use support::{FAILING, Host, MAPPED, POLICY, archive, leak};

const ALL: [&str; 7] = ["lib_a", "user", "first", "second", "greeter", "program", "lib_b"];

fn loaded(cells: &[&str]) -> Namespace<Host> {
    let namespace = Namespace::new();
    let report = namespace.load_archive(leak(archive(cells)));
    assert_eq!(report.refused().collect::<Vec<_>>(), []);
    namespace
}

fn names(namespace: &Namespace<Host>) -> Vec<String> {
    let own = namespace.cells().into_iter().filter(|c| !c.base);
    own.map(|c| if c.state == State::Live { c.name } else { format!("({})", c.name) }).collect()
}

#[test]
fn a_policy_takes_over_and_the_old_one_is_freed() {
    let namespace = loaded(&ALL);
    namespace.use_policy("first").expect("loaded");
    assert_eq!((POLICY.get(), MAPPED.get()), ("first", 7));

    let report = namespace.swap("first", "second").expect("both are policies");
    assert_eq!(POLICY.get(), "second");
    assert_eq!((report.moved, report.pauses.as_slice()), (300, &[5, 6][..]));
    let steps: Vec<Step> = report.steps.iter().map(|s| s.0).collect();
    assert_eq!(steps, [Step::Stage, Step::Verify, Step::Transfer, Step::Commit, Step::Retire]);
    assert!(report.steps.iter().all(|s| s.1 > 0));
    assert_eq!(report.kept, []);
    assert_eq!(names(&namespace), ["lib_a", "user", "greeter", "program", "lib_b", "second"]);
    assert_eq!(MAPPED.get(), 6, "the old policy and the idle copy of the new one are gone");

    // And back: the old one comes from the archive again.
    namespace.swap("second", "first").expect("in the archive");
    assert_eq!((POLICY.get(), MAPPED.get()), ("first", 6));
    namespace.swap("first", "first").expect("a reload");
    assert_eq!((POLICY.get(), MAPPED.get()), ("first", 6));
}

#[test]
fn a_pinned_policy_stays_until_it_is_let_go() {
    let namespace = loaded(&["first", "second"]);
    namespace.use_policy("first").expect("loaded");
    let pin = namespace.pin("first").expect("live");
    let report = namespace.swap("first", "second").expect("the swap itself is not hindered");
    assert_eq!(report.kept, [("first".to_owned(), Reason::Pinned(1))]);
    assert_eq!((names(&namespace), MAPPED.get()), (vec!["(first)".to_owned(), "second".to_owned()], 2));
    assert_eq!(namespace.reap(), 0);
    drop(pin);
    assert_eq!((namespace.reap(), MAPPED.get()), (1, 1));
}

#[test]
fn a_policy_that_may_have_left_addresses_elsewhere_is_kept() {
    let namespace = loaded(&["lib_a", "busy", "second"]);
    namespace.use_policy("busy").expect("loaded");
    let report = namespace.swap("busy", "second").expect("both are policies");
    assert_eq!(report.kept, [("busy".to_owned(), Reason::Untracked)]);
}

#[test]
fn an_imported_policy_is_not_freed_from_under_its_user() {
    let namespace = loaded(&["first", "second", "tenant"]);
    for active in ["second", "first"] {
        namespace.use_policy(active).expect("loaded");
        for (old, new) in [("first", "first"), (active, "first")] {
            let failure = namespace.swap(old, new).expect_err("tenant may have the address in a register");
            assert_eq!(
                failure.to_string(),
                "tenant imports from first; a policy is handed over alone",
                "{active} {old} {new}"
            );
        }
    }
}

#[test]
fn dependants_turn_to_the_fresh_copy() {
    let namespace = loaded(&["lib_a", "user"]);
    let report = namespace.swap("lib_a", "lib_a").expect("a reload");
    assert_eq!(report.moved, 3, "value and DATA through slots, value in a static");
    assert_eq!(report.kept, [("lib_a".to_owned(), Reason::Untracked)]);
    assert_eq!(names(&namespace), ["(lib_a)", "user", "lib_a"]);
    let cells = namespace.cells();
    let dependants = |live| {
        let mut copies = cells.iter().filter(|c| c.name == "lib_a" && (c.state == State::Live) == live);
        copies.next().expect("one of each").dependants.clone()
    };
    assert_eq!((dependants(true), dependants(false)), (vec!["user".to_owned()], vec![]));
    // Again: the words hold what the first swap wrote (the test's machine checks each before it stores).
    namespace.swap("lib_a", "lib_a").expect("a reload");
}

#[test]
fn commands_come_from_the_new_cell() {
    let namespace = loaded(&["greeter"]);
    let old = namespace.find_command("hello").expect("live");
    let report = namespace.swap("greeter", "greeter").expect("a reload");
    assert_eq!(report.kept, [("greeter".to_owned(), Reason::Pinned(1))]);
    drop(old);
    assert_eq!(namespace.reap(), 0, "a task may still be in it");
    assert_eq!(namespace.commands().len(), 1);
}

#[test]
fn what_cannot_be_swapped_is_refused_in_one_line() {
    let namespace = loaded(&ALL);
    namespace.use_policy("first").expect("loaded");
    let before = namespace.cells();
    let refused = |old: &str, new: &str| {
        let failure = namespace.swap(old, new).expect_err("refused");
        assert_eq!(namespace.cells(), before, "{old} {new}");
        assert_eq!((POLICY.get(), MAPPED.get()), ("first", 7));
        failure.to_string()
    };
    assert_eq!(refused("nobody", "first"), "no live cell is named nobody; `cells` lists them");
    assert_eq!(refused("first", "nobody"), "the archive has no cell named nobody");
    assert_eq!(refused("core", "first"), "core is part of the base image, which cannot be swapped yet");
    assert_eq!(refused("first", "core"), "core is part of the base image, which cannot be swapped yet");
    assert_eq!(refused("second", "first"), "second is not the policy in use; first is");
    assert_eq!(
        refused("first", "greeter"),
        "first is a scheduling policy and greeter is a set of commands; only like can take the place of like"
    );
    assert_eq!(
        refused("program", "program"),
        "program runs a task of its own, which cannot be handed over yet"
    );
    assert_eq!(refused("lib_a", "lib_b"), "lib_b is live already, beside the cell that it should replace");
}

#[test]
fn a_dependant_that_would_lose_a_symbol_stops_the_swap() {
    // greeter_two cannot load at boot, because greeter has its command; it can take greeter's place.
    let namespace = Namespace::<Host>::new();
    let report = namespace.load_archive(leak(archive(&["greeter", "greeter_two"])));
    assert_eq!(report.refused().count(), 1);
    namespace.swap("greeter", "greeter_two").expect("nobody imports from greeter");
    assert_eq!(namespace.find_command("hello").expect("live").pin().cell(), "greeter_two");

    let namespace = Namespace::<Host>::new();
    namespace.load_archive(leak(archive(&["greeter", "greeter_two", "guest"])));
    let before = namespace.cells();
    let failure = namespace.swap("greeter", "greeter_two").expect_err("guest would lose `helper`");
    assert_eq!(failure.step, Step::Verify);
    assert_eq!(failure.to_string(), "guest imports greeter::helper, which the new cell does not export");
    assert_eq!(namespace.cells(), before);
}

#[test]
fn a_failure_at_any_operation_changes_nothing() {
    for (old, new, operations) in [
        ("first", "second", ["map", "images", "protect", "register", "swap_policy"].as_slice()),
        ("lib_a", "lib_a", ["map", "images", "protect", "register", "rewrite"].as_slice()),
    ] {
        for operation in operations {
            let namespace = loaded(&["lib_a", "user", "first", "second"]);
            namespace.use_policy("first").expect("loaded");
            let before = (namespace.cells(), namespace.policies(), MAPPED.get());
            FAILING.set(Some(operation));
            let failure = namespace.swap(old, new).expect_err("as asked");
            FAILING.set(None);
            assert!(failure.to_string().ends_with("failed, as asked"), "{failure}");
            let commit = matches!(*operation, "swap_policy" | "rewrite");
            assert_eq!(failure.step == Step::Commit, commit);
            assert_eq!((namespace.cells(), namespace.policies(), MAPPED.get()), before, "{operation}");
            assert_eq!(POLICY.get(), "first");
            namespace.swap(old, new).expect("the same swap works once nothing fails");
            drop(namespace);
        }
    }
}

#[test]
fn a_core_that_never_answers_costs_memory_and_no_more() {
    let namespace = loaded(&["first", "second"]);
    namespace.use_policy("first").expect("loaded");
    FAILING.set(Some("grace"));
    let report = namespace.swap("first", "second").expect("the swap itself was done");
    FAILING.set(None);
    assert!(report.leaked);
    assert_eq!((names(&namespace), MAPPED.get()), (vec!["second".to_owned()], 3), "leaked on purpose");
}
