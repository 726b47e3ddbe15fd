//! Making tasks, and waiting for their results.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::mem;
use core::sync::atomic::{AtomicU64, Ordering::*, fence};

use core_local::{CoreId, CoreSet, irq_disable};
use sched_policy::Params;
use task_state::{Completed, Registered, ResultReceiver, result_slot};
use unwind::Cause;

use crate::local::{self, Core};
use crate::platform::{self, StackError};
use crate::reap::spare_stack;
use crate::registry;
use crate::root::run_killable;
use crate::switch::prepare;
use crate::task::{Blueprint, Main, Task, TaskPtr, TaskRef};

/// The stack of a task that asked for no size, in bytes.
pub const DEFAULT_STACK_BYTES: usize = 64 * 1024;
/// The smallest stack, in bytes: room for a trap frame and for the unwinder.
pub const MIN_STACK_BYTES: usize = 16 * 1024;
/// The largest stack, in bytes.
pub const MAX_STACK_BYTES: usize = 64 * 1024 * 1024;

/// Why a task ended without a result.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Death {
    /// It panicked, with this message and place.
    Panicked(String),
    /// It caused a CPU exception, described here.
    Fault(String),
    /// Somebody killed it.
    Killed,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Death::Panicked(message) => write!(f, "panicked: {message}"),
            Death::Fault(what) => f.write_str(what),
            Death::Killed => f.write_str("killed"),
        }
    }
}

impl core::error::Error for Death {}

impl From<Cause> for Death {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Panic(message) => Death::Panicked(message),
            Cause::Fault(fault) => Death::Fault(alloc::format!("{fault}")),
            Cause::Killed => Death::Killed,
        }
    }
}

/// Why a task could not be spawned. Nothing is left of it.
#[derive(Debug)]
pub enum SpawnError {
    /// The scheduler runs on no core yet.
    NotStarted,
    /// None of the cores that the task may run on takes part in scheduling.
    NoSuchCore {
        /// The cores that were asked for.
        asked: CoreSet,
        /// The cores that there are.
        present: CoreSet,
    },
    /// The stack size is outside of [`MIN_STACK_BYTES`] to [`MAX_STACK_BYTES`].
    StackSize {
        /// The size that was asked for, in bytes.
        bytes: usize,
    },
    /// There is no memory for the stack.
    Stack(StackError),
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => f.write_str("no core runs tasks yet; spawn after the scheduler was started"),
            Self::NoSuchCore { asked, present } => {
                write!(f, "the task asks for {asked}, but tasks run on {present}")
            }
            Self::StackSize { bytes } => write!(
                f,
                "a stack of {bytes} bytes was asked for; from {MIN_STACK_BYTES} to {MAX_STACK_BYTES} is possible"
            ),
            Self::Stack(error) => write!(f, "no memory for the task's stack: {error}"),
        }
    }
}

impl core::error::Error for SpawnError {}

/// How many tasks were spawned since boot.
pub static SPAWNED: AtomicU64 = AtomicU64::new(0);
/// How many tasks have ended since boot.
pub static ENDED: AtomicU64 = AtomicU64::new(0);

/// What a task is to be like.
#[derive(Debug)]
#[must_use = "a builder does nothing until `spawn`"]
pub struct Builder {
    name: Cow<'static, str>,
    allowed: CoreSet,
    stack_bytes: usize,
    priority: u8,
    weight: u32,
    deadline_ns: u64,
    system: bool,
}

impl Builder {
    /// A task with this name, allowed on all cores, with a stack of [`DEFAULT_STACK_BYTES`] and default parameters.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Builder {
            name: name.into(),
            allowed: CoreSet::ALL,
            stack_bytes: DEFAULT_STACK_BYTES,
            priority: Params::DEFAULT_PRIORITY,
            weight: Params::DEFAULT_WEIGHT,
            deadline_ns: 0,
            system: false,
        }
    }

    /// It runs on this core only.
    pub fn core(self, core: CoreId) -> Self {
        self.cores(CoreSet::single(core))
    }

    /// It runs on these cores only.
    pub fn cores(mut self, cores: CoreSet) -> Self {
        self.allowed = cores;
        self
    }

    /// Size of its stack in bytes, rounded up to whole pages.
    pub fn stack(mut self, bytes: usize) -> Self {
        self.stack_bytes = bytes;
        self
    }

    /// Its [`Params::priority`].
    pub fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// Its [`Params::weight`].
    pub fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// Its [`Params::deadline_ns`].
    pub fn deadline(mut self, ns: u64) -> Self {
        self.deadline_ns = ns;
        self
    }

    /// It is the scheduler's own and cannot be killed.
    pub(crate) fn system(mut self) -> Self {
        self.system = true;
        self
    }

    /// Spawns a task that runs `f` and then ends. It is ready when this returns, on a core that sleeps if there is
    /// one, else on the one with the shortest queue.
    ///
    /// # Errors
    /// [`SpawnError`]; then `f` was dropped and nothing else has happened.
    pub fn spawn<T, F>(self, f: F) -> Result<JoinHandle<T>, SpawnError>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let home = place(self.allowed)?;
        if !(MIN_STACK_BYTES..=MAX_STACK_BYTES).contains(&self.stack_bytes) {
            return Err(SpawnError::StackSize { bytes: self.stack_bytes });
        }
        let spare = if self.stack_bytes == DEFAULT_STACK_BYTES { spare_stack() } else { None };
        let stack = match spare {
            Some(stack) => stack,
            None => platform::new_stack(self.stack_bytes).map_err(SpawnError::Stack)?,
        };
        let (sender, receiver) = result_slot::<Result<T, Death>, TaskRef>();
        let main: Main = Box::new(move || {
            let Some(task) = TaskPtr::current() else { return }; // a task is current while it runs
            let result = run_killable(task, f).map_err(Death::from);
            match &result {
                Ok(_) => {}
                Err(Death::Killed) => {
                    log::info!("task {} ({}): killed", task.entity.id(), task.entity.name())
                }
                Err(death) => log::error!("task {} ({}): {death}", task.entity.id(), task.entity.name()),
            }
            note_end(task);
            if matches!(result, Err(Death::Fault(_))) {
                wake_everybody();
            }
            match sender.complete(result) {
                Completed::Delivered => {}
                Completed::Wake(joiner) => joiner.unpark(),
                Completed::Detached(result) => drop_result(task, result),
            }
        });
        let top = platform::stack_top(&stack);
        let blueprint = Blueprint {
            name: self.name,
            params: Params::new(self.priority, self.weight, self.deadline_ns),
            allowed: self.allowed,
            system: self.system,
            stack: Some(stack),
            stack_bytes: self.stack_bytes,
            main: Some(main),
        };
        let task = Task::new(blueprint, home);
        // SAFETY: the top of its own new stack; nobody runs the task yet.
        unsafe { *task.context.get() = prepare(top, Arc::as_ptr(&task)) };
        let handle = TaskRef(task.clone());
        // As in `TaskRef::unpark`: a task that is known is on its way.
        let irq = irq_disable();
        registry::add(handle.clone());
        SPAWNED.fetch_add(1, Relaxed);
        let task_ptr = TaskPtr::from_arc(&task);
        mem::forget(task); // the life count, taken back by `reap`
        // SAFETY: a new task is ready, and this is its first right.
        crate::wake::wake(unsafe { task_ptr.ready() }, irq);
        Ok(JoinHandle { receiver, task: handle })
    }
}

/// Takes the running task out of the books.
pub fn note_end(task: TaskPtr) {
    registry::remove(task.entity.id());
    ENDED.fetch_add(1, Relaxed);
}

/// A task that a fault, or a kill that abandons it, has stopped between a change and the wake that goes with it takes that wake to its
/// grave. So everybody who waits looks again. (A park may return without a wake.)
pub fn wake_everybody() {
    fence(SeqCst); // see `TaskRef::is_over`
    let mut last = 0;
    while let Some(next) = registry::after(last) {
        last = next.id();
        next.unpark();
    }
}

/// A result that nobody wants is dropped by the task that made it, and may panic as it goes.
fn drop_result<T>(task: TaskPtr, result: Option<T>) {
    if let Err(cause) = unwind::catch(|| drop(result)) {
        log::error!("task {} ({}), dropping its result: {cause}", task.entity.id(), task.entity.name());
    }
}

/// The core for a new task: an idle one, else the one with the shortest queue; of equals the caller's own.
fn place(allowed: CoreSet) -> Result<&'static Core, SpawnError> {
    let present = local::started();
    if present.is_empty() {
        return Err(SpawnError::NotStarted);
    }
    let me = core_local::current();
    let cost = |core: &CoreId| {
        let state = local::core(*core);
        let busy = !state.alertness.hint().is_idle();
        (busy, state.load.load(Relaxed), *core != me)
    };
    match present.intersection(allowed).iter().min_by_key(cost) {
        Some(best) => Ok(local::core(best)),
        None => Err(SpawnError::NoSuchCore { asked: allowed, present }),
    }
}

/// Spawns a task with default properties; see [`Builder::spawn`].
///
/// # Errors
/// [`SpawnError`].
pub fn spawn<T, F>(name: impl Into<Cow<'static, str>>, f: F) -> Result<JoinHandle<T>, SpawnError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    Builder::new(name).spawn(f)
}

/// The right to a task's result. Dropping it lets the task go on alone.
#[must_use = "dropping the handle detaches the task; say `drop(..)` if that is meant"]
#[derive(Debug)]
pub struct JoinHandle<T> {
    receiver: ResultReceiver<Result<T, Death>, TaskRef>,
    task: TaskRef,
}

impl<T> JoinHandle<T> {
    /// Waits until the task has ended, and takes its result.
    ///
    /// # Errors
    /// Why it ended without one.
    ///
    /// # Panics
    /// As [`crate::park`].
    pub fn join(mut self) -> Result<T, Death> {
        loop {
            if let Some(result) = self.receiver.take() {
                // There is no result only if the task was dropped before it began.
                return result.unwrap_or(Err(Death::Killed));
            }
            if self.task.0.abandoned.load(Acquire) {
                return Err(Death::Killed);
            }
            if self.receiver.register(crate::current) == Registered::Waiting {
                crate::park();
            }
        }
    }

    /// Whether the task has ended: then [`JoinHandle::join`] does not wait.
    pub fn is_finished(&self) -> bool {
        self.receiver.is_done() || self.task.0.abandoned.load(Acquire)
    }

    /// The task.
    pub fn task(&self) -> TaskRef {
        self.task.clone()
    }
}
