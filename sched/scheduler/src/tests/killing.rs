//! Kill, in every state that a task can be in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use super::{OnDrop, core, give_way, policy_turn};
use crate::host::{poll, run};
use crate::{Builder, Death, KillError, TaskState, current, kill, park, park_timeout, sleep, spawn};

/// Waits until the task is in this state.
fn until(id: u64, state: TaskState) {
    while crate::tasks().iter().any(|task| task.id == id && task.state != state) {
        give_way();
    }
}

/// Runs `f` on another core than the task that it is about, so that it is not kept waiting by that one.
fn elsewhere<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    run(|| Builder::new("elsewhere").core(core(2)).spawn(f).unwrap().join().unwrap())
}

#[test]
fn a_parked_and_a_sleeping_task() {
    for (body, state) in [(park as fn(), TaskState::Blocked), (|| sleep(1 << 60), TaskState::Sleeping)] {
        let dropped = Arc::new(AtomicBool::new(false));
        let flag = dropped.clone();
        let result = run(move || {
            let task = spawn("waits", move || {
                let _guard = OnDrop(|| flag.store(true, SeqCst));
                loop {
                    body();
                }
            });
            let task = task.unwrap();
            until(task.task().id(), state);
            kill(task.task().id()).unwrap();
            task.join()
        });
        assert_eq!(result, Err::<(), _>(Death::Killed));
        assert!(dropped.load(SeqCst), "its destructors ran");
    }
}

#[test]
fn one_that_yields_on_another_core() {
    let result = run(|| {
        let task = Builder::new("yields").core(core(1)).spawn(|| {
            loop {
                give_way();
            }
        });
        let task = task.unwrap();
        sleep(1_000_000);
        task.task().kill().unwrap();
        task.join()
    });
    assert_eq!(result, Err::<(), _>(Death::Killed));
}

#[test]
fn one_that_only_computes_is_interrupted_after_its_grace() {
    let (result, ns) = run(|| {
        let begun = Arc::new(AtomicBool::new(false));
        let flag = begun.clone();
        let task = Builder::new("computes").core(core(2)).spawn(move || {
            flag.store(true, SeqCst);
            loop {
                poll();
            }
        });
        let task = task.unwrap();
        while !begun.load(SeqCst) {
            give_way();
        }
        let start = clock::now_ns();
        task.task().kill().unwrap();
        (task.join(), clock::now_ns() - start)
    });
    assert_eq!(result, Err::<(), _>(Death::Killed));
    assert!(ns >= crate::KILL_GRACE_NS, "{ns}");
}

#[test]
fn a_ready_one_and_one_that_never_ran() {
    let _turn = policy_turn();
    let ran = Arc::new(AtomicBool::new(false));
    let flag = ran.clone();
    let result = run(move || {
        // Parent and child share a core, so the child cannot have begun.
        let parent = Builder::new("parent").core(core(3)).spawn(move || {
            let pinned = core_local::preempt_disable();
            let task = Builder::new("ready").core(core(3)).spawn(move || flag.store(true, SeqCst)).unwrap();
            task.task().kill().unwrap();
            drop(pinned);
            task.join()
        });
        parent.unwrap().join().unwrap()
    });
    assert_eq!(result, Err::<(), _>(Death::Killed));
    assert!(!ran.load(SeqCst));
}

#[test]
fn itself() {
    let result = run(|| {
        let task = spawn("suicide", || {
            current().kill().unwrap();
            unreachable!("a task that kills itself does not come back")
        });
        task.unwrap().join()
    });
    assert_eq!(result, Err::<(), _>(Death::Killed));
}

#[test]
fn not_while_preemption_is_off() {
    let result = elsewhere(|| {
        let passed = Arc::new(AtomicU32::new(0));
        let flag = passed.clone();
        let task = Builder::new("pinned").core(core(1)).spawn(move || {
            let pinned = core_local::preempt_disable();
            flag.store(1, SeqCst);
            while flag.load(SeqCst) != 2 {
                give_way();
            }
            flag.store(3, SeqCst);
            drop(pinned);
            loop {
                give_way();
            }
        });
        let task = task.unwrap();
        while passed.load(SeqCst) != 1 {
            give_way();
        }
        task.task().kill().unwrap();
        sleep(2 * crate::KILL_GRACE_NS);
        passed.store(2, SeqCst);
        (task.join(), passed.load(SeqCst))
    });
    assert_eq!(result, (Err::<(), _>(Death::Killed), 3));
}

#[test]
fn again_while_it_unwinds_is_ignored() {
    let finished = Arc::new(AtomicBool::new(false));
    let flag = finished.clone();
    let result = run(move || {
        let task = spawn("dies slowly", move || {
            let _guard = OnDrop(|| {
                // Somebody kills it again in the middle of its unwinding.
                let _ = current().kill();
                flag.store(true, SeqCst);
            });
            loop {
                park();
            }
        });
        let task = task.unwrap();
        until(task.task().id(), TaskState::Blocked);
        task.task().kill().unwrap();
        task.join()
    });
    assert_eq!(result, Err::<(), _>(Death::Killed));
    assert!(finished.load(SeqCst));
}

#[test]
fn while_it_unwinds_it_can_still_wait() {
    const NS: u64 = 5_000_000;
    let result = run(|| {
        let parks = Arc::new(AtomicU32::new(0));
        let counter = parks.clone();
        // On one core, because on the host it is the thread that unwinds.
        let task = Builder::new("waits in a destructor").core(core(1)).spawn(move || {
            let _guard = OnDrop(|| {
                let _ = current().kill();
                let start = clock::now_ns();
                while clock::now_ns() - start < NS {
                    park_timeout(NS);
                    counter.fetch_add(1, SeqCst);
                }
            });
            loop {
                park();
            }
        });
        let task = task.unwrap();
        until(task.task().id(), TaskState::Blocked);
        task.task().kill().unwrap();
        (task.join(), parks.load(SeqCst))
    });
    // More than one if other tests wake everybody.
    assert!(matches!(result, (Err::<(), _>(Death::Killed), 1..10)), "{result:?}");
}

#[test]
fn a_kill_that_comes_while_preemption_is_off_is_not_forgotten() {
    let result = elsewhere(|| {
        let step = Arc::new(AtomicU32::new(0));
        let flag = step.clone();
        let task = Builder::new("computes").core(core(1)).spawn(move || {
            let pinned = core_local::preempt_disable();
            flag.store(1, SeqCst);
            while flag.load(SeqCst) != 2 {
                poll();
            }
            drop(pinned);
            loop {
                poll(); // no call that looks, and no tick: nobody else is here
            }
        });
        let task = task.unwrap();
        while step.load(SeqCst) != 1 {
            give_way();
        }
        task.task().kill().unwrap();
        sleep(crate::KILL_GRACE_NS);
        step.store(2, SeqCst);
        task.join()
    });
    assert_eq!(result, Err::<(), _>(Death::Killed));
}

#[test]
fn after_one_by_force_everybody_looks_again() {
    run(|| {
        let looks = Arc::new(AtomicU32::new(0));
        let counter = looks.clone();
        let waiter = spawn("waits", move || {
            loop {
                counter.fetch_add(1, SeqCst);
                park();
            }
        });
        let waiter = waiter.unwrap();
        until(waiter.task().id(), TaskState::Blocked);
        let before = looks.load(SeqCst);
        let computes = || -> () {
            loop {
                poll();
            }
        };
        let task = Builder::new("computes").core(core(2)).spawn(computes).unwrap();
        sleep(1_000_000);
        task.task().kill().unwrap();
        assert_eq!(task.join(), Err(Death::Killed));
        while looks.load(SeqCst) == before {
            give_way();
        }
        waiter.task().kill().unwrap();
        assert_eq!(waiter.join(), Err::<(), _>(Death::Killed));
    });
}

#[test]
fn a_joiner_leaves_its_task_alone() {
    run(|| {
        let go = Arc::new(AtomicBool::new(false));
        let flag = go.clone();
        let worker = spawn("worker", move || {
            while !flag.load(SeqCst) {
                give_way();
            }
        });
        let worker = worker.unwrap();
        let id = worker.task().id();
        let joiner = spawn("joiner", move || worker.join()).unwrap();
        until(joiner.task().id(), TaskState::Blocked);
        joiner.task().kill().unwrap();
        assert_eq!(joiner.join(), Err(Death::Killed));
        assert!(crate::is_alive(id));
        go.store(true, SeqCst);
        while crate::is_alive(id) {
            give_way();
        }
    });
}

#[test]
fn some_cannot_be() {
    run(|| {
        assert_eq!(kill(u64::MAX), Err(KillError::NoSuchTask { id: u64::MAX }));
        let reaper = crate::tasks().into_iter().find(|task| task.name == "reaper").unwrap();
        assert_eq!(kill(reaper.id), Err(KillError::System { id: reaper.id }));
    });
}
