//! `kill`: ends tasks by unwinding them, and waits until they are gone.

use crate::request::{Target, no_such_task};
use alloc::vec::Vec;
use cell_api::{CommandError, Invocation};
use core::fmt;
use report::plural;
use scheduler::KillError;

/// How long to wait for tasks to unwind, in nanoseconds. One that computes without end is stopped by force after
/// [`scheduler::KILL_GRACE_NS`].
const UNWIND_NS: u64 = 2_000_000_000;
/// How long to sleep between two looks, in nanoseconds.
const LOOK_NS: u64 = 1_000_000;

/// The command.
pub fn kill(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let target = Target::parse(invocation.args)?;
    let own = scheduler::current_id();
    let mut killed = Vec::new();
    for task in scheduler::tasks().into_iter().filter(|task| target.means(task.id, &task.name)) {
        if task.id == own {
            return Err(CommandError::failed(format_args!("task {own} is the one that runs this command")));
        }
        match scheduler::kill(task.id) {
            Ok(()) => killed.push(task.id),
            // It ended by itself in the meantime.
            Err(KillError::NoSuchTask { .. }) => {}
            Err(error) => return Err(CommandError::failed(error)),
        }
    }
    if killed.is_empty() {
        return Err(no_such_task(target));
    }

    let deadline = clock::now_ns().saturating_add(UNWIND_NS);
    while killed.iter().any(|&id| scheduler::is_alive(id)) && clock::now_ns() < deadline {
        scheduler::sleep(LOOK_NS);
    }
    let (pending, gone): (Vec<u64>, Vec<u64>) = killed.into_iter().partition(|&id| scheduler::is_alive(id));
    if invocation.json {
        json::object(invocation.out, |o| {
            o.object("kill", |o| {
                o.list("killed", gone.iter(), |&id, w| w.value(id))?;
                o.list("pending", pending.iter(), |&id, w| w.value(id)).map(drop)
            })
            .map(drop)
        })?;
    } else if !gone.is_empty() {
        writeln!(invocation.out, "killed {}: {}", plural(gone.len(), "task"), numbers(&gone))?;
    }
    if pending.is_empty() {
        return Ok(());
    }
    Err(CommandError::failed(format_args!(
        "not unwound yet, though told to: task {}; it ends when it leaves what it is in",
        numbers(&pending)
    )))
}

/// The first few.
fn numbers(ids: &[u64]) -> impl fmt::Display + '_ {
    const MOST_LISTED: usize = 16;
    fmt::from_fn(move |f| {
        for (index, id) in ids.iter().take(MOST_LISTED).enumerate() {
            write!(f, "{}{id}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(if ids.len() > MOST_LISTED { " …" } else { "" })
    })
}
