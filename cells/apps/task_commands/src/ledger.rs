//! The ledger of a load: what each of its tasks has done, written by the tasks, judged when they are joined.
//!
//! A scheduler can be wrong in three ways that a task cannot see from inside: it loses a task, it runs one on two cores at
//! once, or it resumes one at a place where it has been before. Each leaves a trace here:
//!
//! - *lost*: the task's record never says that it returned;
//! - *twice at once*: a task marks its record as occupied when a step begins and as free when it ends. Two cores
//!   inside the same task meet an occupied record, or free one that is free;
//! - *wrong steps*: the step that ends must be the number of steps done before, by compare-and-swap. A step that is done a
//!   second time, or left out, finds another number.
//!
//! The words are plain atomics: an error of the scheduler makes a wrong number, never undefined behaviour.

use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// One task's record.
#[derive(Debug, Default)]
struct Record {
    /// 1 while the task is between the begin and the end of a step.
    occupied: AtomicU32,
    /// Steps done.
    steps: AtomicU32,
    /// How often the record was found occupied, or free when it was to be freed.
    overlaps: AtomicU32,
    /// How many steps ended with another number than was due.
    misplaced: AtomicU32,
    /// Bit per core on which a step began.
    cores: AtomicU64,
    phase: AtomicU8,
}

const NOT_STARTED: u8 = 0;
const STARTED: u8 = 1;
const RETURNED: u8 = 2;
const UNWOUND: u8 = 3;

/// The records of all tasks of a load.
#[derive(Debug)]
pub struct Ledger {
    records: Vec<Record>,
    steps: u32,
    finished_ns: AtomicU64,
}

/// A task's own pen.
#[derive(Debug)]
pub struct Entry<'a> {
    ledger: &'a Ledger,
    record: &'a Record,
}

impl Ledger {
    /// An empty ledger for `tasks` tasks of `steps` steps each.
    pub fn new(tasks: usize, steps: u32) -> Self {
        let records = (0..tasks).map(|_| Record::default()).collect();
        Self { records, steps, finished_ns: AtomicU64::new(0) }
    }

    /// How many tasks it is for.
    pub fn tasks(&self) -> usize {
        self.records.len()
    }

    /// How many steps each task does.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// The task with this index begins. `None` if there is none.
    pub fn begin(&self, task: usize) -> Option<Entry<'_>> {
        let record = self.records.get(task)?;
        if record.phase.swap(STARTED, Ordering::Relaxed) != NOT_STARTED {
            record.overlaps.fetch_add(1, Ordering::Relaxed);
        }
        Some(Entry { ledger: self, record })
    }

    /// The task with this index does nothing any more. If it has not returned, it was unwound, perhaps before it ever ran.
    pub fn gone(&self, task: usize) {
        if let Some(record) = self.records.get(task)
            && record.phase.load(Ordering::Relaxed) != RETURNED
        {
            record.phase.store(UNWOUND, Ordering::Release);
        }
    }

    /// When the last task that returned did so, on the clock that was handed to [`Entry::returned`]; 0 for never.
    pub fn finished_ns(&self) -> u64 {
        self.finished_ns.load(Ordering::Relaxed)
    }

    /// Reads all records. What is not finished now counts as lost.
    pub fn judge(&self) -> Verdict {
        let mut verdict = Verdict { expected_steps: self.steps, ..Verdict::default() };
        for (index, record) in self.records.iter().enumerate() {
            // Acquire: pairs with the release at the task's end, so that its words are seen.
            let phase = record.phase.load(Ordering::Acquire);
            let steps = record.steps.load(Ordering::Relaxed);
            verdict.tasks += 1;
            verdict.steps += u64::from(steps);
            verdict.cores |= record.cores.load(Ordering::Relaxed);
            let overlaps = record.overlaps.load(Ordering::Relaxed);
            let misplaced = record.misplaced.load(Ordering::Relaxed);
            let mut wrong = |what| verdict.wrong.push(Wrong { task: index, steps, what });
            match phase {
                RETURNED if steps != self.steps => wrong(What::WrongSteps),
                RETURNED => {}
                UNWOUND => wrong(What::Unwound),
                NOT_STARTED => wrong(What::NeverRan),
                _ => wrong(What::NotFinished),
            }
            if overlaps > 0 {
                wrong(What::TwiceAtOnce(overlaps));
            }
            if misplaced > 0 {
                wrong(What::Misplaced(misplaced));
            }
        }
        verdict
    }
}

impl Entry<'_> {
    /// A step begins on the core with this index.
    pub fn enter(&self, core: usize) {
        // Relaxed: each word is judged on its own; a second core inside is seen by the atomicity of the swap.
        if self.record.occupied.swap(1, Ordering::Relaxed) != 0 {
            self.record.overlaps.fetch_add(1, Ordering::Relaxed);
        }
        self.record.cores.fetch_or(1u64.unbounded_shl(core as u32), Ordering::Relaxed);
    }

    /// The step with this number, counted from 0, ends.
    pub fn leave(&self, step: u32) {
        let done = step.wrapping_add(1);
        if self.record.steps.compare_exchange(step, done, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            self.record.misplaced.fetch_add(1, Ordering::Relaxed);
        }
        if self.record.occupied.swap(0, Ordering::Relaxed) == 0 {
            self.record.overlaps.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The task has done all its steps.
    pub fn returned(self, now_ns: u64) {
        self.ledger.finished_ns.fetch_max(now_ns, Ordering::Relaxed);
        self.record.phase.store(RETURNED, Ordering::Release);
    }
}

/// What a ledger says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Tasks of the load.
    pub tasks: usize,
    /// Steps done by all of them.
    pub steps: u64,
    /// Steps that each should have done.
    pub expected_steps: u32,
    /// Bit per core on which a step began.
    pub cores: u64,
    /// What is wrong, in the order of the tasks. Empty if all is well.
    pub wrong: Vec<Wrong>,
}

/// One thing that is wrong with one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The task's index in the load.
    pub task: usize,
    /// How many steps it has done.
    pub steps: u32,
    /// What is wrong.
    pub what: What,
}

/// What can be wrong with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It was spawned and never ran.
    NeverRan,
    /// It ran, has not finished and did not end: lost, or stuck.
    NotFinished,
    /// It was unwound: a panic, a fault or a kill.
    Unwound,
    /// It returned with another number of steps than it should have done.
    WrongSteps,
    /// Two cores were inside it, this many times.
    TwiceAtOnce(u32),
    /// This many steps were done a second time or out of order.
    Misplaced(u32),
}

impl Verdict {
    /// Whether every task did exactly what it should.
    pub fn is_good(&self) -> bool {
        self.wrong.is_empty()
    }

    /// How many tasks have something wrong with them.
    pub fn wrong_tasks(&self) -> usize {
        self.wrong.chunk_by(|a, b| a.task == b.task).count()
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "load task {} ", self.task)?;
        match self.what {
            What::NeverRan => f.write_str("was lost before it ever ran"),
            What::NotFinished => write!(f, "was lost or is stuck after step {}", self.steps),
            What::Unwound => write!(f, "was unwound after step {}", self.steps),
            What::WrongSteps => write!(f, "returned after {} steps", self.steps),
            What::TwiceAtOnce(times) => write!(f, "was found running on two cores at once, {times} times"),
            What::Misplaced(steps) => write!(f, "did {steps} steps twice or out of order"),
        }
    }
}
