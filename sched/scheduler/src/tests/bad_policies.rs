//! Policies that fail, and policies that change, under a load that checks itself.

use std::boxed::Box;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::vec::Vec;

use sched_policy::{CoreId, Enqueue, Policy, PolicyFactory, Ready, TaskList};

use super::{give_way, policy_turn};
use crate::host::{poll, run};
use crate::{BUILT_IN, PolicySwapError, current_policy, park, spawn, swap_policy, yield_now};

const SECOND: u64 = 1_000_000_000;

/// 200 tasks that yield, park and wake their neighbours. Each checks that it is never run twice at once.
fn load_while(f: impl FnOnce() + Send + 'static) {
    run(move || {
        const TASKS: usize = 200;
        let stop = Arc::new(AtomicBool::new(false));
        let turns: Arc<Vec<AtomicU32>> = Arc::new((0..TASKS).map(|_| AtomicU32::new(0)).collect());
        let tasks: Vec<_> = (0..TASKS)
            .map(|i| {
                let (stop, turns) = (stop.clone(), turns.clone());
                let body = move || {
                    let inside = AtomicBool::new(false);
                    while !stop.load(SeqCst) {
                        assert!(!inside.swap(true, SeqCst), "a task ran twice at once");
                        turns[i].fetch_add(1, SeqCst);
                        poll();
                        assert!(inside.swap(false, SeqCst));
                        if i % 3 == 0 {
                            crate::park_timeout(50_000);
                        } else {
                            yield_now();
                        }
                    }
                };
                spawn("load", body).unwrap()
            })
            .collect();
        f();
        // Everyone still gets turns.
        let before: Vec<u32> = turns.iter().map(|turn| turn.load(SeqCst)).collect();
        let start = clock::now_ns();
        while turns.iter().zip(&before).any(|(turn, before)| turn.load(SeqCst) == *before) {
            assert!(clock::now_ns() - start < 20 * SECOND, "somebody does not run any more");
            crate::sleep(1_000_000);
        }
        stop.store(true, SeqCst);
        tasks.into_iter().for_each(|task| task.join().unwrap());
    });
}

/// A FIFO with a fault in it.
struct Faulty {
    list: TaskList,
    calls: u32,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    None,
    PanicsInEnqueue,
    PanicsInPick,
    PanicsInExport,
    DropsSome,
    SaysNobodyWaits,
    Lifo,
}

impl Policy for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }
    fn enqueue(&mut self, task: Ready, _why: Enqueue) {
        self.calls += 1;
        match self.kind {
            Kind::PanicsInEnqueue if self.calls == 100 => panic!("enqueue fails"),
            Kind::DropsSome if self.calls.is_multiple_of(50) => drop(task),
            Kind::Lifo if self.calls.is_multiple_of(7) => self.list.push_front(task),
            _ => self.list.push_back(task),
        }
    }
    fn pick(&mut self) -> Option<Ready> {
        self.calls += 1;
        match self.kind {
            Kind::PanicsInPick if self.calls > 100 => panic!("pick fails"),
            Kind::SaysNobodyWaits if self.calls > 100 => None,
            _ => self.list.pop_front(),
        }
    }
    fn export(&mut self) -> Option<Ready> {
        match self.kind {
            Kind::PanicsInExport => panic!("export fails"),
            _ => self.list.pop_front(),
        }
    }
    fn len(&self) -> usize {
        self.list.len()
    }
}

const fn factory(create: fn(CoreId) -> Box<dyn Policy>) -> PolicyFactory {
    PolicyFactory { name: "faulty", create }
}

fn faulty(kind: Kind) -> Box<dyn Policy> {
    Box::new(Faulty { list: TaskList::new(), calls: 0, kind })
}

fn survives(create: fn(CoreId) -> Box<dyn Policy>) {
    let _turn = policy_turn();
    load_while(move || {
        swap_policy(&factory(create), SECOND).unwrap();
        crate::sleep(50_000_000);
    });
    let back = run(|| swap_policy(&BUILT_IN, SECOND).unwrap());
    assert_eq!(back.from, "faulty");
    assert_eq!(current_policy(), "builtin");
}

#[test]
fn one_that_panics_in_enqueue() {
    survives(|_| faulty(Kind::PanicsInEnqueue));
}

#[test]
fn one_that_panics_in_pick() {
    survives(|_| faulty(Kind::PanicsInPick));
}

#[test]
fn one_that_panics_in_export() {
    survives(|_| faulty(Kind::PanicsInExport));
}

#[test]
fn one_that_drops_tasks() {
    survives(|_| faulty(Kind::DropsSome));
}

#[test]
fn one_that_says_that_nobody_waits() {
    survives(|_| faulty(Kind::SaysNobodyWaits));
}

#[test]
fn one_that_changes_the_order() {
    survives(|_| faulty(Kind::Lifo));
}

#[test]
fn one_that_cannot_be_made_changes_nothing() {
    let _turn = policy_turn();
    let error = run(|| swap_policy(&factory(|_| panic!("no")), SECOND).unwrap_err());
    assert!(matches!(error, PolicySwapError::Create { .. }), "{error}");
    assert_eq!(current_policy(), "builtin");
}

#[test]
fn one_that_hands_tasks_to_the_wrong_core() {
    static STASH: Mutex<TaskList> = Mutex::new(TaskList::new());
    struct Shared;
    impl Policy for Shared {
        fn name(&self) -> &'static str {
            "shared"
        }
        fn enqueue(&mut self, task: Ready, _why: Enqueue) {
            STASH.lock().unwrap().push_back(task);
        }
        fn pick(&mut self) -> Option<Ready> {
            STASH.lock().unwrap().pop_front()
        }
        fn len(&self) -> usize {
            STASH.lock().unwrap().len()
        }
    }
    let _turn = policy_turn();
    // One queue for all cores breaks the mechanism's count per core, and tasks pinned elsewhere come out of it. Nobody may be lost.
    load_while(|| {
        swap_policy(&factory(|_| Box::new(Shared)), SECOND).unwrap();
        crate::sleep(20_000_000);
        swap_policy(&BUILT_IN, SECOND).unwrap();
        // A core on which the built-in policy took over early left tasks in the stash.
        while let Some(task) = { STASH.lock().unwrap().pop_front() } {
            drop(task);
        }
    });
}

#[test]
fn a_hundred_swaps_under_load() {
    let _turn = policy_turn();
    load_while(|| {
        for round in 0..100 {
            let next = if round % 2 == 0 { factory(|_| faulty(Kind::None)) } else { BUILT_IN };
            let report = swap_policy(&next, SECOND).unwrap();
            assert!(report.mismatched.is_empty(), "{report:?}");
            assert_eq!(report.pauses_ns.len(), crate::host::CORES as usize);
            crate::sleep(200_000);
        }
    });
    assert_eq!(current_policy(), "builtin");
}

#[test]
fn an_urgent_task_preempts_its_waker() {
    struct Urgent(TaskList);
    impl Policy for Urgent {
        fn name(&self) -> &'static str {
            "urgent"
        }
        fn enqueue(&mut self, task: Ready, _why: Enqueue) {
            self.0.push_front(task);
        }
        fn pick(&mut self) -> Option<Ready> {
            self.0.pop_first(|task| task.params().priority() > 200).or_else(|| self.0.pop_front())
        }
        fn len(&self) -> usize {
            self.0.len()
        }
        fn preempts(&self, running: &crate::Params, woken: &crate::Params) -> bool {
            woken.priority() > running.priority()
        }
    }
    let _turn = policy_turn();
    let seen = run(|| {
        swap_policy(&factory(|_| Box::new(Urgent(TaskList::new()))), SECOND).unwrap();
        let on = super::core(2);
        let parent = crate::Builder::new("waker").core(on).spawn(move || {
            let ran = Arc::new(AtomicBool::new(false));
            let flag = ran.clone();
            let urgent = crate::Builder::new("urgent").core(on).priority(250).spawn(move || {
                park();
                flag.store(true, SeqCst);
            });
            let urgent = urgent.unwrap();
            while crate::tasks()
                .iter()
                .any(|task| task.id == urgent.task().id() && task.state != crate::TaskState::Blocked)
            {
                give_way();
            }
            urgent.task().unpark();
            let at_once = ran.load(SeqCst);
            urgent.join().unwrap();
            at_once
        });
        let seen = parent.unwrap().join().unwrap();
        swap_policy(&BUILT_IN, SECOND).unwrap();
        seen
    });
    assert!(seen, "the woken task ran before `unpark` returned");
}
