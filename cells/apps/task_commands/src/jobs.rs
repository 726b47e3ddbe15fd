//! What `spawn` started and nobody has waited for yet.
//!
//! The list outlives the command that filled it, so it is a static of this cell. It holds join rights, so no task
//! that went wrong is forgotten before somebody was told.

use crate::load::Load;
use crate::outcome::Outcome;
use crate::request::Kind;
use alloc::{collections::LinkedList, sync::Arc, vec::Vec};
use irq_lock::IrqLock;
use scheduler::{Death, JoinHandle};

/// The tasks of one `spawn`.
#[derive(Debug)]
pub struct Job {
    /// What they do.
    pub kind: Kind,
    /// The right to join each.
    pub tasks: Vec<JoinHandle<()>>,
    /// Whether they end by themselves.
    pub ends: bool,
    /// What they share, if they are a load.
    pub load: Option<Arc<Load>>,
    /// When they were spawned.
    pub began_ns: u64,
}

/// A linked list, because adding to it allocates nothing while the lock is held.
static JOBS: IrqLock<LinkedList<Job>> = IrqLock::new("background jobs", LinkedList::new());

/// How long `wait` sleeps between two looks, in nanoseconds.
const LOOK_NS: u64 = 1_000_000;

/// Remembers a job.
pub fn add(job: Job) {
    let mut one = LinkedList::from([job]);
    JOBS.lock().append(&mut one);
}

/// Waits until all tasks that end by themselves have ended, or the time is over. Tells what became of each job, and forgets the
/// tasks that have ended.
pub fn wait(timeout_ns: u64) -> Vec<Outcome> {
    let deadline = clock::now_ns().saturating_add(timeout_ns);
    let ended = |job: &Job| !job.ends || job.tasks.iter().all(JoinHandle::is_finished);
    while !JOBS.lock().iter().all(ended) && clock::now_ns() < deadline {
        scheduler::sleep(LOOK_NS);
    }
    let jobs = core::mem::take(&mut *JOBS.lock());
    let mut outcomes = Vec::with_capacity(jobs.len());
    for mut job in jobs {
        outcomes.push(job.collect());
        if !job.tasks.is_empty() {
            add(job);
        }
    }
    outcomes
}

impl Job {
    /// Joins the tasks that have ended, and keeps the others.
    fn collect(&mut self) -> Outcome {
        let mut outcome = Outcome {
            kind: self.kind,
            tasks: self.tasks.len(),
            running: 0,
            returned: 0,
            killed: 0,
            deaths: Vec::new(),
            ends: self.ends,
            verdict: None,
            ns: 0,
        };
        let (ended, running) =
            core::mem::take(&mut self.tasks).into_iter().partition(JoinHandle::is_finished);
        self.tasks = running;
        outcome.running = self.tasks.len();
        for task in ended {
            let id = task.task().id();
            match task.join() {
                Ok(()) => outcome.returned += 1,
                Err(Death::Killed) => outcome.killed += 1,
                Err(death) => outcome.deaths.push(alloc::format!("task {id} ended: {death}")),
            }
        }
        let mut until = clock::now_ns();
        if let Some(load) = &self.load {
            // Only now: a task's last words are in the ledger before it is finished.
            outcome.verdict = Some(load.ledger().judge());
            if self.tasks.is_empty() && load.ledger().finished_ns() > 0 {
                until = load.ledger().finished_ns();
            }
        }
        outcome.ns = until.saturating_sub(self.began_ns);
        outcome
    }
}
