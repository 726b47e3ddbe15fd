//! Console commands about tasks: who lives, starting some in the background, waiting for them, killing.
//!
//! The load (`spawn load`, then `wait`) is the kernel's own check of its scheduler: see `ledger.rs`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod jobs;
mod kill;
mod ledger;
#[cfg(test)]
mod ledger_tests;
mod list;
mod load;
mod outcome;
mod request;
#[cfg(test)]
mod scenario_tests;
mod script;
mod spawn;

use cell_api::{Cell, Command, CommandError, Invocation};

/// What the loader looks for.
pub static CELL: Cell = Cell::new("task_commands", env!("CARGO_PKG_VERSION")).commands(&COMMANDS);

static COMMANDS: [Command; 4] = [
    Command {
        name: "tasks",
        usage: "tasks [--json]",
        summary: "lists the tasks that live",
        example: "tasks",
        run: list::tasks,
    },
    Command {
        name: "spawn",
        usage: "spawn KIND [COUNT] [--core N] [--priority P] [--steps N] [--json]",
        summary: "starts tasks in the background: spin, yield, sleep, or a load that checks itself",
        example: "spawn load 300 --steps 500",
        run: spawn::spawn,
    },
    Command {
        name: "wait",
        usage: "wait [--timeout SECONDS] [--json]",
        summary: "waits for what `spawn` started, and fails if anything went wrong",
        example: "wait --timeout 30",
        run: wait,
    },
    Command {
        name: "kill",
        usage: "kill TASK [--json]",
        summary: "kills a task by its number, or all with a name",
        example: "kill spin",
        run: kill::kill,
    },
];

fn wait(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let timeout_ns = request::wait_timeout_ns(invocation.args)?;
    let outcomes = jobs::wait(timeout_ns);
    if invocation.json {
        outcome::write_json(invocation.out, &outcomes)?;
    } else {
        outcome::write(invocation.out, &outcomes)?;
    }
    outcome::result(&outcomes)
}
