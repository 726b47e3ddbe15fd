//! `spawn`: starts tasks in the background, all or none.

use crate::jobs::{self, Job};
use crate::load::Load;
use crate::request::{Kind, Spawn};
use alloc::{sync::Arc, vec::Vec};
use cell_api::{CommandError, Invocation};
use core_local::CoreId;
use report::plural;
use scheduler::{Builder, JoinHandle, SpawnError};

/// How long a task of kind `spin` computes per step, in nanoseconds.
const SPIN_NS: u64 = 1_000_000;
/// How long a task of kind `sleep` sleeps per step, in nanoseconds.
const SLEEP_NS: u64 = 10_000_000;

/// The command.
pub fn spawn(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let cores = scheduler::cores().iter().map(|core| core.core.index() + 1).max().unwrap_or(1);
    let request = Spawn::parse(invocation.args, cores)?;
    let ids = start(&request).map_err(|(spawned, error)| {
        let wanted = plural(request.count, "task");
        CommandError::failed(format_args!(
            "only {spawned} of {wanted} could be spawned, and were ended again: {error}"
        ))
    })?;
    if invocation.json {
        json::object(invocation.out, |o| {
            o.object("spawn", |o| {
                o.field("kind", request.kind.name())?.field("steps", request.steps)?;
                o.list("tasks", ids.iter(), |&id, w| w.value(id)).map(drop)
            })
            .map(drop)
        })?;
        return Ok(());
    }
    let kind = request.kind;
    match ids.as_slice() {
        [only] => write!(invocation.out, "task {only} ({kind})")?,
        [first, .., last] => {
            write!(invocation.out, "{} ({kind}), {first} to {last}", plural(ids.len(), "task"))?
        }
        [] => {}
    }
    match request.steps {
        Some(steps) => writeln!(invocation.out, ", {steps} steps each; `wait` waits for the end")?,
        None => writeln!(invocation.out, "; `kill {kind}` ends all of this kind")?,
    }
    Ok(())
}

/// Starts what is asked for. An error says how many tasks there were before one could not be spawned; they are gone by then.
fn start(request: &Spawn) -> Result<Vec<u64>, (usize, SpawnError)> {
    let load = match (request.kind, request.steps) {
        (Kind::Load, Some(steps)) => Some(Arc::new(Load::new(request.count, steps))),
        _ => None,
    };
    let began_ns = clock::now_ns();
    let mut tasks: Vec<JoinHandle<()>> = Vec::with_capacity(request.count);
    for index in 0..request.count {
        match start_one(request, index, load.clone()) {
            Ok(task) => tasks.push(task),
            Err(error) => {
                let spawned = tasks.len();
                end(tasks);
                return Err((spawned, error));
            }
        }
    }
    let ids = tasks.iter().map(|task| task.task().id()).collect();
    jobs::add(Job { kind: request.kind, tasks, ends: request.steps.is_some(), load, began_ns });
    Ok(ids)
}

fn start_one(request: &Spawn, index: usize, load: Option<Arc<Load>>) -> Result<JoinHandle<()>, SpawnError> {
    let mut builder = Builder::new(request.kind.name());
    if let Some(core) = request.core.and_then(CoreId::new) {
        builder = builder.core(core);
    }
    if let Some(priority) = request.priority {
        builder = builder.priority(priority);
    }
    let (kind, steps) = (request.kind, request.steps);
    match load.map(|load| load.part(index)) {
        Some(part) => builder.spawn(move || part.run()),
        None => builder.spawn(move || repeat(kind, steps)),
    }
}

/// Does the steps of a task that is not one of a load.
fn repeat(kind: Kind, steps: Option<u32>) {
    let mut done = 0;
    while steps.is_none_or(|steps| done < steps) {
        match kind {
            Kind::Sleep => scheduler::sleep(SLEEP_NS),
            Kind::Yield => scheduler::yield_now(),
            Kind::Spin | Kind::Load => clock::spin_for(SPIN_NS),
        }
        done = done.saturating_add(1);
    }
}

/// Ends tasks that nobody shall see.
fn end(tasks: Vec<JoinHandle<()>>) {
    for task in &tasks {
        // They are ours, not the scheduler's own, so each can be killed.
        let _ = task.task().kill();
    }
    for task in tasks {
        let _ = task.join();
    }
}
