//! On the scheduler itself, with threads for cores.

use std::string::ToString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::vec::Vec;

use scheduler::host::{poll, run};
use scheduler::{Death, TaskState, sleep, spawn, yield_now};

use crate::{Barrier, Mutex, Semaphore, WaitQueue};

fn until_blocked(id: u64) {
    let waits = |task: &scheduler::TaskInfo| {
        task.id == id && !matches!(task.state, TaskState::Blocked | TaskState::Sleeping)
    };
    while scheduler::tasks().iter().any(waits) {
        poll();
        yield_now();
    }
}

#[test]
fn one_at_a_time() {
    let total = run(|| {
        let shared = Arc::new((Mutex::new(0u64), AtomicBool::new(false)));
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let shared = shared.clone();
                spawn("counts", move || {
                    for _ in 0..200 {
                        let mut guard = shared.0.lock().unwrap();
                        assert!(!shared.1.swap(true, SeqCst), "two holders");
                        *guard += 1;
                        yield_now();
                        shared.1.store(false, SeqCst);
                    }
                })
                .unwrap()
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        let total = *shared.0.lock().unwrap();
        assert!(shared.0.try_lock().is_some(), "free in the end");
        total
    });
    assert_eq!(total, 16 * 200);
}

#[test]
fn a_panic_poisons_and_frees() {
    run(|| {
        let mutex = Arc::new(Mutex::new(1));
        let other = mutex.clone();
        let task = spawn("panics", move || {
            let _guard = other.lock().unwrap();
            panic!("with the lock held");
        });
        assert!(matches!(task.unwrap().join(), Err::<(), _>(Death::Panicked(_))));
        let poisoned = mutex.lock().unwrap_err();
        assert!(poisoned.to_string().contains("died"));
        assert_eq!(*poisoned.into_inner(), 1);
        mutex.clear_poison();
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn the_dead_hold_nothing() {
    run(|| {
        let mutex = Arc::new(Mutex::new(1));
        let other = mutex.clone();
        // As a fault in the frame that owns the guard does: its destructor does not run.
        spawn("leaks", move || core::mem::forget(other.lock())).unwrap().join().unwrap();
        assert!(mutex.try_lock().is_none());
        assert!(mutex.lock().is_err(), "taken over, poisoned");
    });
}

#[test]
fn a_killed_waiter_passes_its_wake_on() {
    run(|| {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.lock().unwrap();
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let mutex = mutex.clone();
                spawn("waits", move || drop(mutex.lock().unwrap())).unwrap()
            })
            .collect();
        waiters.iter().for_each(|waiter| until_blocked(waiter.task().id()));
        drop(guard); // wakes the first …
        let _ = waiters[0].task().kill(); // … which may die of the kill instead of taking the lock
        for (i, waiter) in waiters.into_iter().enumerate() {
            let result = waiter.join();
            assert!(result.is_ok() || i == 0, "{i}: {result:?}");
        }
    });
}

#[test]
fn a_stale_entry_swallows_no_wake() {
    run(|| {
        let shared = Arc::new((WaitQueue::new(), AtomicBool::new(false)));
        let other = shared.clone();
        // As a kill by force in the frame that owns the entry does: its destructor does not run.
        spawn("leaks", move || core::mem::forget(other.0.enter())).unwrap().join().unwrap();
        let other = shared.clone();
        let wait = move || other.0.wait_until(|| other.1.load(SeqCst).then_some(()));
        let waiter = spawn("waits", wait).unwrap();
        until_blocked(waiter.task().id());
        shared.1.store(true, SeqCst);
        assert!(shared.0.wake_one());
        waiter.join().unwrap();
    });
}

#[test]
fn a_wake_in_vain_does_not_go_round() {
    run(|| {
        let shared = Arc::new((WaitQueue::new(), AtomicU32::new(0)));
        let look = |shared: &(WaitQueue, AtomicU32)| {
            shared.1.fetch_add(1, SeqCst);
            None::<()>
        };
        let wait = || {
            let shared = shared.clone();
            spawn("waits", move || shared.0.wait_until_timeout(100_000_000, || look(&shared))).unwrap()
        };
        let waiters = [wait(), wait(), wait()];
        waiters.iter().for_each(|waiter| until_blocked(waiter.task().id()));
        shared.0.wake_one();
        waiters.into_iter().for_each(|waiter| assert_eq!(waiter.join(), Ok(None)));
        assert!(shared.1.load(SeqCst) < 60, "{} looks", shared.1.load(SeqCst));
    });
}

#[test]
fn relocking_is_refused() {
    let result = run(|| {
        spawn("relocks", || {
            let mutex = Mutex::new(());
            let _first = mutex.lock().unwrap();
            let _second = mutex.lock();
        })
        .unwrap()
        .join()
    });
    let Err(Death::Panicked(message)) = result else { panic!("{result:?}") };
    assert!(message.contains("would wait for itself"), "{message}");
}

#[test]
fn a_semaphore_lets_as_many_in_as_it_says() {
    run(|| {
        let shared = Arc::new((Semaphore::new(3), AtomicU32::new(0), AtomicU32::new(0)));
        let tasks: Vec<_> = (0..12)
            .map(|_| {
                let shared = shared.clone();
                spawn("takes", move || {
                    for _ in 0..100 {
                        let _permit = shared.0.acquire();
                        let inside = shared.1.fetch_add(1, SeqCst) + 1;
                        shared.2.fetch_max(inside, SeqCst);
                        yield_now();
                        shared.1.fetch_sub(1, SeqCst);
                    }
                })
                .unwrap()
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert!(shared.2.load(SeqCst) <= 3);
        assert_eq!(shared.0.permits(), 3);
        assert!(!Semaphore::new(0).down_timeout(1_000_000));
    });
}

#[test]
fn a_barrier_holds_everyone_in_every_round() {
    run(|| {
        const TASKS: u32 = 8;
        let shared = Arc::new((Barrier::new(TASKS), AtomicU32::new(0)));
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let shared = shared.clone();
                spawn("meets", move || {
                    let mut last = 0;
                    for round in 1..=50 {
                        shared.1.fetch_add(1, SeqCst);
                        last += u32::from(shared.0.wait());
                        assert!(shared.1.load(SeqCst) >= round * TASKS);
                        shared.0.wait();
                    }
                    last
                })
                .unwrap()
            })
            .collect();
        let last: u32 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
        assert_eq!(last, 50, "one last one in each round");
    });
}

#[test]
fn wake_all_wakes_all_and_a_timeout_ends() {
    run(|| {
        let shared = Arc::new((WaitQueue::new(), AtomicBool::new(false)));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let shared = shared.clone();
                spawn("waits", move || shared.0.wait_until(|| shared.1.load(SeqCst).then_some(()))).unwrap()
            })
            .collect();
        tasks.iter().for_each(|task| until_blocked(task.task().id()));
        assert_eq!(shared.0.len(), 10);
        assert!(shared.0.wait_until_timeout(1_000_000, || None::<()>).is_none());
        shared.1.store(true, SeqCst);
        assert_eq!(shared.0.wake_all(), 10);
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert!(shared.0.is_empty());
        sleep(1);
    });
}
