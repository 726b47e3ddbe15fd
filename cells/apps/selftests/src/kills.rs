//! `kill`: tasks that never look up are killed all the same, and memory is sound afterwards.
//!
//! Two kinds of task compute for ever without giving their core away. One changes collections that own heap memory: were it
//! unwound between two halves of a change, an element would be dropped twice and the heap would break, which what comes after would
//! see. The other owns a guard, which must be leaked: that is what being abandoned means. A third yields, and its guard must
//! be dropped.

use crate::failure::Failure;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{format, string::String};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use scheduler::{Builder, Death, JoinHandle};

/// Tasks of the first kind at a time, per core.
const CHURNERS: usize = 4;

pub fn run(rounds: u64) -> Result<String, Failure> {
    let cores = core_local::online().len();
    let live = Arc::new(AtomicU64::new(0));
    let mut killed = 0;
    for round in 0..rounds {
        let tasks: Vec<_> = (0..CHURNERS * cores)
            .map(|index| {
                spawn({
                    let live = Arc::clone(&live);
                    move || churn(&live, round ^ (index as u64) << 32)
                })
            })
            .collect::<Result<_, _>>()?;
        // Until they are at work: each counts what it makes.
        scheduler::sleep(3_000_000);
        for task in &tasks {
            // Only the scheduler's own tasks cannot be killed.
            let _ = task.task().kill();
        }
        for task in tasks {
            bury(task)?;
            killed += 1;
        }
        verify_heap()?;
    }
    if !guard_of_killed(scheduler::yield_now)? {
        return Err(Failure::Kill("a task that yields was killed, and its guard was not dropped"));
    }
    if guard_of_killed(core::hint::spin_loop)? {
        return Err(Failure::Kill("a task that never yields was killed, and unwound: from where?"));
    }
    Ok(format!(
        "{killed} tasks killed while they changed collections, {} of their elements leaked; the heap is sound",
        live.load(Relaxed)
    ))
}

fn spawn(f: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    Builder::new("selftest").spawn(f).map_err(Failure::Spawn)
}

/// Takes the news of the death of a task that was killed.
fn bury(task: JoinHandle<()>) -> Result<(), Failure> {
    match task.join() {
        Err(Death::Killed) => Ok(()),
        Err(death) => Err(Failure::Died(core_local::current(), death)),
        Ok(()) => Err(Failure::Kill("a task that never returns has returned")),
    }
}

/// What the collections own: it counts itself, and notices a second drop.
struct Element {
    live: Arc<AtomicU64>,
    value: Box<u64>,
    dropped: bool,
}

impl Element {
    fn new(live: &Arc<AtomicU64>, value: u64) -> Self {
        live.fetch_add(1, Relaxed);
        Self { live: Arc::clone(live), value: Box::new(value), dropped: false }
    }
}

impl Drop for Element {
    fn drop(&mut self) {
        assert!(!self.dropped, "dropped twice");
        self.dropped = true;
        self.live.fetch_sub(1, Relaxed);
    }
}

/// Changes collections for ever, and never gives its core away.
fn churn(live: &Arc<AtomicU64>, seed: u64) {
    let mut state = seed | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let (mut list, mut queue, mut map) = (Vec::new(), VecDeque::new(), BTreeMap::new());
    loop {
        let value = random();
        match value % 7 {
            0 => list.insert(value as usize / 8 % (list.len() + 1), Element::new(live, value)),
            1 if !list.is_empty() => drop(list.remove(value as usize / 8 % list.len())),
            2 => queue.push_front(Element::new(live, value)),
            3 => drop(queue.pop_back()),
            4 => drop(map.insert(value % 512, Element::new(live, value))),
            5 => drop(map.remove(&(value % 512))),
            _ => list.sort_unstable_by_key(|element| *element.value),
        }
        if list.len() > 200 {
            list.drain(20..180);
            list.shrink_to_fit();
        }
    }
}

/// Allocates in all sizes and checks that nobody else writes there.
fn verify_heap() -> Result<(), Failure> {
    let blocks: Vec<Vec<u64>> =
        (0..400u64).map(|index| alloc::vec![index; 1 + index as usize % 60]).collect();
    let sound = (0u64..).zip(&blocks).all(|(index, block)| block.iter().all(|&word| word == index));
    if sound { Ok(()) } else { Err(Failure::Kill("two owners of one piece of heap")) }
}

/// Sets a flag when it is dropped.
struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Spawns a task that owns a guard and does `work` for ever, kills it, and says whether the guard was dropped.
fn guard_of_killed(work: fn()) -> Result<bool, Failure> {
    let dropped = Arc::new(AtomicBool::new(false));
    let guard = Guard(Arc::clone(&dropped));
    let task = spawn(move || {
        let _guard = guard;
        loop {
            work();
        }
    })?;
    scheduler::sleep(1_000_000);
    let _ = task.task().kill();
    bury(task)?;
    Ok(dropped.load(Relaxed))
}
