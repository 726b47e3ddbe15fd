//! Tasks that run, wait, meet and end.

use std::boxed::Box;
use std::string::ToString;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::vec::Vec;

use super::{OnDrop, core, give_way, policy_turn};
use crate::host::{STACKS, poll, run};
use crate::{Builder, CoreSet, Death, TaskRef, current, park, park_timeout, sleep, spawn, yield_now};

#[test]
fn a_result_comes_back() {
    assert_eq!(run(|| spawn("adder", || 2 + 3).unwrap().join()), Ok(5));
}

#[test]
fn two_tasks_on_one_core_take_turns() {
    let _turn = policy_turn();
    let order = run(|| {
        Builder::new("parent")
            .core(core(1))
            .spawn(|| {
                let order = Arc::new(Mutex::new(Vec::new()));
                let tasks = ["a", "b"].map(|name| {
                    let order = order.clone();
                    let body = move || {
                        for _ in 0..5 {
                            order.lock().unwrap().push(name);
                            yield_now();
                        }
                    };
                    Builder::new(name).core(core(1)).spawn(body).unwrap()
                });
                tasks.into_iter().for_each(|task| task.join().unwrap());
                core::mem::take(&mut *order.lock().unwrap())
            })
            .unwrap()
            .join()
            .unwrap()
    });
    assert_eq!(order, ["a", "b", "a", "b", "a", "b", "a", "b", "a", "b"]);
}

fn ping_pong(cores: [u32; 2], rounds: u32) {
    let [ping, pong] = cores;
    run(move || {
        let count = Arc::new(AtomicU32::new(0));
        let peer: Arc<Mutex<Option<TaskRef>>> = Arc::default();
        let (count2, peer2) = (count.clone(), peer.clone());
        let first = Builder::new("ping").core(core(ping)).spawn(move || {
            let other = loop {
                match peer2.lock().unwrap().clone() {
                    Some(other) => break other,
                    None => give_way(),
                }
            };
            for round in 0..rounds {
                while count2.load(SeqCst) != 2 * round {
                    park();
                }
                count2.fetch_add(1, SeqCst);
                other.unpark();
            }
        });
        let first = first.unwrap();
        let other = first.task();
        let second = Builder::new("pong").core(core(pong)).spawn(move || {
            for round in 0..rounds {
                while count.load(SeqCst) != 2 * round + 1 {
                    park();
                }
                count.fetch_add(1, SeqCst);
                other.unpark();
            }
        });
        let second = second.unwrap();
        *peer.lock().unwrap() = Some(second.task());
        first.join().unwrap();
        second.join().unwrap();
    });
}

#[test]
fn wakes_are_not_lost_on_one_core() {
    ping_pong([2, 2], 5_000);
}

#[test]
fn wakes_are_not_lost_across_cores() {
    ping_pong([1, 3], 5_000);
}

#[test]
fn a_panic_ends_the_task_alone_and_runs_its_destructors() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = dropped.clone();
    let result = run(move || {
        let task = spawn("panics", move || {
            let _guard = OnDrop(|| flag.store(true, SeqCst));
            if current().id() != 0 {
                panic!("on purpose {}", 7);
            }
        });
        task.unwrap().join()
    });
    assert_eq!(result, Err(Death::Panicked("on purpose 7".to_string())));
    assert!(dropped.load(SeqCst));
}

#[test]
fn a_detached_tasks_result_is_dropped() {
    let dropped = Arc::new(AtomicUsize::new(0));
    for early in [false, true] {
        let count = dropped.clone();
        run(move || {
            let handle = spawn("detached", move || {
                if early {
                    sleep(2_000_000);
                }
                OnDrop(move || {
                    count.fetch_add(1, SeqCst);
                })
            });
            let handle = handle.unwrap();
            while !early && !handle.is_finished() {
                sleep(100_000);
            }
            let id = handle.task().id();
            drop(handle);
            while crate::is_alive(id) {
                sleep(1_000_000);
            }
        });
    }
    // A result is delivered right after the task has left the list.
    while dropped.load(SeqCst) != 2 {
        std::thread::yield_now();
    }
}

#[test]
fn time_passes_while_asleep() {
    let [slept, timed_out, kept] = run(|| {
        let start = clock::now_ns();
        // A wake during the sleep does not shorten it, and is kept.
        let me = current();
        let waker = spawn("waker", move || me.unpark()).unwrap();
        sleep(5_000_000);
        let slept = clock::now_ns() - start;
        while !waker.is_finished() {
            give_way();
        }
        let start = clock::now_ns();
        park(); // returns at once: the wake was kept
        let kept = clock::now_ns() - start;
        let start = clock::now_ns();
        while clock::now_ns() - start < 3_000_000 {
            park_timeout(3_000_000);
        }
        [slept, clock::now_ns() - start, kept]
    });
    assert!(slept >= 5_000_000, "{slept}");
    assert!(timed_out >= 3_000_000, "{timed_out}");
    assert!(kept < 1_000_000_000);
}

#[test]
fn many_sleepers_wake_in_time() {
    run(|| {
        let tasks: Vec<_> = (0..100u64)
            .map(|i| {
                spawn("sleeper", move || {
                    let start = clock::now_ns();
                    let ns = i * 37 % 100 * 100_000;
                    sleep(ns);
                    clock::now_ns() - start >= ns
                })
            })
            .collect();
        assert!(tasks.into_iter().all(|task| task.unwrap().join().unwrap()));
    });
}

#[test]
fn stacks_come_back() {
    run(|| {
        for _ in 0..10 {
            let tasks: Vec<_> = (0..100).map(|i| spawn("short", move || i).unwrap()).collect();
            tasks.into_iter().enumerate().for_each(|(i, task)| assert_eq!(task.join(), Ok(i)));
        }
        let large: Vec<_> =
            (0..20).map(|_| Builder::new("large").stack(256 * 1024).spawn(|| ()).unwrap()).collect();
        large.into_iter().for_each(|task| task.join().unwrap());
    });
    // The reaper has them soon; other tests' tasks live meanwhile.
    let start = std::time::Instant::now();
    while STACKS.load(SeqCst) > 250 {
        assert!(start.elapsed().as_secs() < 20, "{} stacks are still allocated", STACKS.load(SeqCst));
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

#[test]
fn idle_cores_get_work_and_pinned_tasks_stay() {
    let _turn = policy_turn();
    let (seen, pinned) = run(|| {
        let seen = Arc::new(Mutex::new(CoreSet::EMPTY));
        let pinned = Builder::new("pinned").core(core(2)).spawn(|| {
            (0..200).all(|_| {
                yield_now();
                core_local::current() == core(2)
            })
        });
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let seen = seen.clone();
                spawn("wide", move || {
                    for _ in 0..50 {
                        let start = clock::now_ns();
                        while clock::now_ns() - start < 50_000 {
                            core::hint::spin_loop();
                        }
                        seen.lock().unwrap().insert(core_local::current());
                        poll();
                        yield_now();
                    }
                })
                .unwrap()
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        let seen = *seen.lock().unwrap();
        (seen, pinned.unwrap().join().unwrap())
    });
    assert!(pinned, "a pinned task ran elsewhere");
    assert!(seen.len() > 1, "all ran on {seen}");
}

#[test]
fn the_tick_takes_the_core_from_a_task_that_computes() {
    let _turn = policy_turn();
    run(|| {
        let done = Arc::new(AtomicBool::new(false));
        let flag = done.clone();
        let hog = Builder::new("hog").core(core(3)).spawn(move || {
            while !flag.load(SeqCst) {
                poll();
            }
        });
        let other = Builder::new("other").core(core(3)).spawn(move || done.store(true, SeqCst));
        other.unwrap().join().unwrap();
        hog.unwrap().join().unwrap();
    });
}

#[test]
fn what_is_wrong_with_a_spawn_is_said() {
    run(|| {
        let nowhere = Builder::new("x").core(core(40)).spawn(|| ()).map(drop).unwrap_err();
        assert!(nowhere.to_string().contains("tasks run on"), "{nowhere}");
        let tiny = Builder::new("x").stack(64).spawn(|| ()).map(drop).unwrap_err();
        assert!(tiny.to_string().contains("64 bytes"), "{tiny}");
    });
}

#[test]
fn tasks_are_listed_while_they_live() {
    run(|| {
        let task = Builder::new("listed").priority(7).spawn(park).unwrap();
        let id = task.task().id();
        let find = |id| crate::tasks().into_iter().find(|task| task.id == id);
        while find(id).unwrap().state != crate::TaskState::Blocked {
            give_way();
        }
        let info = find(id).unwrap();
        assert_eq!((info.name.as_str(), info.priority), ("listed", 7));
        assert!(crate::is_alive(id));
        task.task().unpark();
        task.join().unwrap();
        assert!(find(id).is_none());
        assert!(!crate::is_alive(id));
    });
}

#[test]
fn a_closure_that_never_runs_is_dropped_with_its_task() {
    let dropped = Arc::new(AtomicBool::new(false));
    let flag = dropped.clone();
    run(move || {
        let guard = OnDrop(move || flag.store(true, SeqCst));
        let never = Box::new(guard);
        let victim = Builder::new("never").spawn(move || drop(never));
        let victim = victim.unwrap();
        victim.task().kill().unwrap();
        let _ = victim.join();
    });
    assert!(dropped.load(SeqCst));
}
