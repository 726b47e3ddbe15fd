//! `stacks`: what a task's stack took comes back when the task has ended.
//!
//! Stacks of a size of their own are unmapped by the reaper, each with a shootdown, and every frame must come back. Stacks of
//! the default size may stay with the cores as spares, so many and no more.

use crate::accounts::Accounts;
use crate::crew;
use crate::failure::Failure;
use alloc::{format, string::String, vec::Vec};
use memory_types::pages_for;
use scheduler::{Builder, DEFAULT_STACK_BYTES};

/// How many tasks live at once.
const BATCH: u64 = 50;
/// Spare stacks that a core keeps at most (see `scheduler`), and a stack's pages: the usable ones and the reserve.
const SPARES: usize = 8;
const STACK_PAGES: usize = pages_for(DEFAULT_STACK_BYTES) + 8;

pub fn run(rounds: u64) -> Result<String, Failure> {
    let spares = core_local::online().len() * SPARES * STACK_PAGES;
    for (bytes, allowed) in [(crew::STACK_BYTES, 0), (DEFAULT_STACK_BYTES, spares as i64)] {
        let before = Accounts::now();
        let mut left = rounds;
        while left > 0 {
            let batch = left.min(BATCH);
            spawn_and_join(batch, bytes)?;
            left -= batch;
        }
        before.settle(allowed)?;
    }
    Ok(format!("{rounds} tasks with stacks of their own size, {rounds} with common ones, all frames back"))
}

fn spawn_and_join(tasks: u64, stack_bytes: usize) -> Result<(), Failure> {
    let mut spawned = Vec::with_capacity(tasks as usize);
    for _ in 0..tasks {
        let task = Builder::new("selftest").stack(stack_bytes).spawn(core_local::current);
        spawned.push(task.map_err(Failure::Spawn)?);
    }
    for task in spawned {
        task.join().map_err(|death| Failure::Died(core_local::current(), death))?;
    }
    Ok(())
}
