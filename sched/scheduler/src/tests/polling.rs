//! Idle cores that poll: the same scenarios as with cores that halt, and the change from one to the other.

use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, MutexGuard};
use std::vec::Vec;

use task_state::Alert;

use super::{core, give_way, policy_turn};
use crate::host::run;
use crate::{Builder, CoreId, park, set_idle_polls, sleep, yield_now};

/// From its making to its end idle cores poll. They are the cores of all tests, so one test at a time asks for it.
struct Polling(#[allow(dead_code, reason = "held, not used")] MutexGuard<'static, ()>);

impl Polling {
    fn begin() -> Self {
        let turn = policy_turn();
        set_idle_polls(true);
        Self(turn)
    }
}

impl Drop for Polling {
    fn drop(&mut self) {
        set_idle_polls(false);
    }
}

/// Waits until the core is idle in the way that is wanted. Each task that it runs first ends the other way.
fn wait_for(id: CoreId, alert: Alert) {
    while crate::local::core(id).alertness.hint() != alert {
        run(move || Builder::new("nudge").core(id).spawn(|| ()).unwrap().join().unwrap());
        std::thread::yield_now();
    }
}

#[test]
fn a_core_polls_while_it_is_told_to_and_halts_again() {
    let polling = Polling::begin();
    wait_for(core(1), Alert::Polling);
    drop(polling);
    let _turn = policy_turn();
    wait_for(core(1), Alert::Asleep);
}

#[test]
fn wakes_from_afar_reach_a_core_that_polls() {
    const ROUNDS: u32 = 3_000;
    let _polling = Polling::begin();
    let counted = run(|| {
        let count = Arc::new(AtomicU32::new(0));
        let theirs = count.clone();
        let me = crate::current();
        let there = Builder::new("there").core(core(3)).spawn(move || {
            for round in 0..ROUNDS {
                while theirs.load(SeqCst) != 2 * round + 1 {
                    park();
                }
                theirs.fetch_add(1, SeqCst);
                me.unpark();
            }
        });
        let there = there.unwrap();
        for round in 0..ROUNDS {
            count.fetch_add(1, SeqCst);
            there.task().unpark();
            while count.load(SeqCst) != 2 * (round + 1) {
                park();
            }
        }
        there.join().unwrap();
        count.load(SeqCst)
    });
    assert_eq!(counted, 2 * ROUNDS);
}

/// The timer's interrupt makes a task ready on a core that polls: nothing comes through the inbox.
#[test]
fn a_core_that_polls_sees_its_own_timer() {
    let _polling = Polling::begin();
    run(|| {
        let naps = |id| {
            move || {
                (0..50u64).for_each(|nap| sleep(nap % 7 * 20_000));
                core_local::current() == core(id)
            }
        };
        let tasks: Vec<_> =
            (0..4).map(|id| Builder::new("naps").core(core(id)).spawn(naps(id)).unwrap()).collect();
        assert!(tasks.into_iter().all(|task| task.join().unwrap()));
    });
}

#[test]
fn nothing_is_lost_when_many_tasks_come_and_go_on_cores_that_poll() {
    let _polling = Polling::begin();
    let ended = run(|| {
        let tasks: Vec<_> = (0..100u64)
            .map(|task| {
                let work = move || {
                    for step in 0..20 {
                        match (task + step) % 3 {
                            0 => yield_now(),
                            1 => give_way(),
                            _ => sleep(10_000),
                        }
                    }
                    1
                };
                crate::spawn("comes and goes", work).unwrap()
            })
            .collect();
        tasks.into_iter().map(|task| task.join().unwrap()).sum::<u32>()
    });
    assert_eq!(ended, 100);
}
