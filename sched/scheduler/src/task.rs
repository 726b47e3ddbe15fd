//! A task, and the handle by which others know it.
//!
//! Who owns a task: an `Arc<Task>`. One count is the *life count*: it begins at spawn, travels unseen with the task
//! through queues and cores, and ends when the task has ended and no core stands on its stack any more (`reap`). So
//! the queues and the core that runs the task need no counting of their own, and no wake or switch touches the count.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::fmt;
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering::*, fence};

use core_local::{CoreSet, irq_disable};
use inbox::Handle;
use sched_policy::{Entity, Params, Ready};
use task_state::{Phase, TaskState};

use crate::local::Core;
use crate::platform::Stack;
use crate::timers::TimerNode;

/// What a task runs: everything from its first instruction to its result's delivery.
pub type Main = Box<dyn FnOnce() + Send>;

/// A task. `repr(C)` with the entity first, because a policy's [`Ready`] points to the entity and is the task.
#[repr(C)]
pub struct Task {
    pub entity: Entity,
    pub state: TaskState,
    /// The core to whose policy it was handed last: it runs there, or ran there last, or will. Its context is saved by
    /// that core, so that core alone may hand it on. Written by the core that takes it out of its inbox.
    home: AtomicPtr<Core>,
    /// Its saved rsp while it does not run. Written by its own core, with interrupts off.
    pub context: UnsafeCell<usize>,
    /// What it has run, in ticks of the clock. Written by its own core.
    pub run_ticks: AtomicU64,
    /// How often it was switched to. Written by its own core.
    pub switches: AtomicU64,
    pub timer: TimerNode,
    /// Its last timed wait was ended by the deadline. Written by its core.
    pub timed_out: AtomicBool,
    /// It runs the caller's closure: a kill can be delivered. Written by the task.
    pub killable: AtomicBool,
    /// It was killed where it could not be unwound: there is no result, and its stack stays.
    pub abandoned: AtomicBool,
    /// How many [`crate::Shield`]s keep it from being killed. Its own.
    pub shields: AtomicU32,
    /// The run time (clock ticks) at which a pending kill is carried out by force; 0 until it has been seen.
    pub kill_after: AtomicU64,
    /// It is one of the scheduler's own and is not to be killed.
    pub system: bool,
    /// It is a core's idle task: never in a queue, never parked.
    pub idle: bool,
    /// Size of its stack in bytes; 0 for an idle task, which stands on the core's boot stack.
    pub stack_bytes: usize,
    /// Its stack overflowed, so the reserve is open: the stack is not used again.
    pub overflowed: AtomicBool,
    /// Its stack. Set at spawn, taken by `reap`, in between only read.
    pub stack: UnsafeCell<Option<Stack>>,
    /// What it runs. Set at spawn, taken by the task itself when it starts.
    pub main: UnsafeCell<Option<Main>>,
    #[cfg(keel_kernel)]
    pub unwinding: unwind::State,
}

// SAFETY: shared fields are atomics, or immutable, or `UnsafeCell`s and cells with one writer at a time:
// `context` belongs to the core that has claimed the task (hand-over by the state word), `timer` to the home core
// with interrupts off, `main` to the task, `stack` to spawn and then to `reap`, which comes after the last use.
unsafe impl Sync for Task {}
// SAFETY: as above.
unsafe impl Send for Task {}

/// What a new task is made from.
pub struct Blueprint {
    pub name: Cow<'static, str>,
    pub params: Params,
    pub allowed: CoreSet,
    pub system: bool,
    pub stack: Option<Stack>,
    pub stack_bytes: usize,
    pub main: Option<Main>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Task {
    /// A new task: ready, on no queue. One without a stack is an idle task.
    pub fn new(blueprint: Blueprint, home: &'static Core) -> Arc<Task> {
        let id = NEXT_ID.fetch_add(1, Relaxed); // 2^64 tasks are not reached
        let Blueprint { name, params, allowed, system, stack, stack_bytes, main } = blueprint;
        Arc::new(Task {
            entity: Entity::new(id, name, params, allowed, crate::faulty::dropped),
            state: TaskState::new(),
            home: AtomicPtr::new(core::ptr::from_ref(home).cast_mut()),
            context: UnsafeCell::new(0),
            run_ticks: AtomicU64::new(0),
            switches: AtomicU64::new(0),
            timer: TimerNode::new(),
            timed_out: AtomicBool::new(false),
            killable: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            shields: AtomicU32::new(0),
            kill_after: AtomicU64::new(0),
            system,
            idle: stack.is_none(),
            stack_bytes,
            overflowed: AtomicBool::new(false),
            stack: UnsafeCell::new(stack),
            main: UnsafeCell::new(main),
            #[cfg(keel_kernel)]
            unwinding: unwind::State::new(),
        })
    }

    /// The core it runs on, or last ran on, or waits for.
    #[inline]
    pub fn home(&self) -> &'static Core {
        // SAFETY: only `&'static Core`s are ever stored.
        unsafe { &*self.home.load(Relaxed) }
    }

    /// The core that takes the task in becomes its home.
    #[inline]
    pub fn set_home(&self, core: &'static Core) {
        let core = core::ptr::from_ref(core).cast_mut();
        // Most often it is the same, and then the line need not be written.
        if self.home.load(Relaxed) != core {
            self.home.store(core, Relaxed);
        }
    }
}

/// A task that cannot go away while the pointer is used: the current one, or one whose right to run is held here.
/// Private to the mechanism; never kept across the task's end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TaskPtr(NonNull<Task>);

impl TaskPtr {
    /// The task that runs on this core; `None` on a core (or host thread) that schedules nothing yet.
    #[inline]
    pub fn current() -> Option<TaskPtr> {
        NonNull::new(core_local::current_task().cast::<Task>().cast_mut()).map(TaskPtr)
    }

    /// The task that this right is for.
    #[inline]
    pub fn of(ready: &Ready) -> TaskPtr {
        // The entity of every `Ready` in the kernel is the first field of a `Task` (`repr(C)`), and the pointer
        // was made from one to the whole task (`TaskPtr::ready`).
        TaskPtr(ready.as_ptr().cast())
    }

    /// Makes the right to run this task.
    ///
    /// # Safety
    /// The caller has just made the task ready (spawn, release, unpark, expire, kill), or has given up the right.
    #[inline]
    pub unsafe fn ready(self) -> Ready {
        // SAFETY: the task's life count outlives its being ready; the caller vouches that this is the only right.
        unsafe { Ready::from_raw(self.0.cast()) }
    }

    pub fn from_arc(task: &Arc<Task>) -> TaskPtr {
        // SAFETY: an Arc's pointer is not null. It is made by `as_ptr`, so it may be used for the whole allocation.
        TaskPtr(unsafe { NonNull::new_unchecked(Arc::as_ptr(task).cast_mut()) })
    }

    /// # Safety
    /// `task` is not null and points to a task that stays as long as the pointer is used.
    #[inline]
    pub unsafe fn from_raw(task: *mut Task) -> TaskPtr {
        // SAFETY: the caller's.
        TaskPtr(unsafe { NonNull::new_unchecked(task) })
    }

    /// The task whose timer node this is.
    ///
    /// # Safety
    /// `node` is the `timer` field of a task that stays as long as the pointer is used, and may be used for all of it.
    pub unsafe fn of_timer(node: NonNull<TimerNode>) -> TaskPtr {
        // SAFETY: the node is inside a task, that many bytes from its start.
        TaskPtr(unsafe { node.byte_sub(core::mem::offset_of!(Task, timer)).cast() })
    }

    /// The task's timer node, by a pointer that may be used for the whole task.
    pub fn timer(self) -> NonNull<TimerNode> {
        // SAFETY: the offset of a field stays inside the task.
        unsafe { self.0.byte_add(core::mem::offset_of!(Task, timer)).cast() }
    }

    /// The task's entity, by a pointer that may be used for the whole task.
    pub fn entity_ptr(self) -> NonNull<Entity> {
        self.0.cast()
    }

    #[inline]
    pub fn as_ptr(self) -> *const Task {
        self.0.as_ptr()
    }

    /// A counted handle.
    pub fn to_ref(self) -> TaskRef {
        // SAFETY: the pointer is that of an Arc, whose count is at least one as long as a `TaskPtr` is used.
        unsafe {
            Arc::increment_strong_count(self.0.as_ptr());
            TaskRef(Arc::from_raw(self.0.as_ptr()))
        }
    }
}

impl Deref for TaskPtr {
    type Target = Task;

    #[inline]
    fn deref(&self) -> &Task {
        // SAFETY: see the type.
        unsafe { self.0.as_ref() }
    }
}

/// A counted handle to a task, running or ended. Holding it keeps only the task's record, not its stack.
#[derive(Clone)]
pub struct TaskRef(pub(crate) Arc<Task>);

impl TaskRef {
    /// The task's number, never used again for another task.
    pub fn id(&self) -> u64 {
        self.0.entity.id()
    }

    /// The name it was spawned with.
    pub fn name(&self) -> &str {
        self.0.entity.name()
    }

    /// Its scheduling parameters, which may be changed at any time.
    pub fn params(&self) -> &Params {
        self.0.entity.params()
    }

    /// Whether it has ended.
    pub fn is_dead(&self) -> bool {
        self.0.state.phase() == Phase::Dead
    }

    /// Wakes the task: ends its [`crate::park`], or makes its next one return at once. May be called anywhere,
    /// interrupt handlers included. Takes no lock and allocates nothing.
    #[inline]
    pub fn unpark(&self) {
        // From the change of state to the poke nothing may come in between: a waker that is preempted there, or killed
        // by force, would leave a ready task in no queue, or a core that sleeps before a full inbox.
        let irq = irq_disable();
        if self.0.state.unpark() {
            // SAFETY: `unpark` has just made it ready.
            crate::wake::wake(unsafe { TaskPtr::from_arc(&self.0).ready() }, irq);
        } else {
            irq.restore_only();
        }
    }

    /// Whether what it was spawned for is over, by return or by unwinding; it may have a few steps to go, and may even wait.
    /// Asked before an [`unpark`](TaskRef::unpark) it says whether the wake may be for nothing and belongs to the next who waits.
    // The fence pairs with that in `spawn::wake_everybody`.
    pub fn is_over(&self) -> bool {
        fence(SeqCst);
        !self.0.killable.load(Relaxed)
    }

    /// Whether both are the same task.
    pub fn same(&self, other: &TaskRef) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for TaskRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskRef({} {:?})", self.id(), self.name())
    }
}
