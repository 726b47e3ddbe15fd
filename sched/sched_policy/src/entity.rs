//! A task as a policy sees it, and the right to run one.

use alloc::borrow::Cow;
use core::fmt;
use core::mem;
use core::ptr::NonNull;

use core_local::{CoreId, CoreSet};
use inbox::{Handle, Link};

use crate::Params;

/// The part of a task that policies see. The mechanism's task begins with it.
pub struct Entity {
    link: Link<Entity>,
    id: u64,
    name: Cow<'static, str>,
    params: Params,
    allowed: CoreSet,
    /// Where a right goes that a policy dropped. A field rather than a global, so that this crate has no
    /// state and a test can bring its own.
    dropped: fn(Ready),
}

impl Entity {
    /// A task's visible part. `dropped` takes a [`Ready`] that a policy dropped; it must not drop it in turn.
    pub const fn new(
        id: u64,
        name: Cow<'static, str>,
        params: Params,
        allowed: CoreSet,
        dropped: fn(Ready),
    ) -> Self {
        Entity { link: Link::new(), id, name, params, allowed, dropped }
    }

    /// The task's number, never used again for another task.
    #[inline]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The name it was spawned with.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its scheduling parameters.
    #[inline]
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The cores on which it may run.
    pub fn allowed(&self) -> CoreSet {
        self.allowed
    }
}

/// The right to run one ready task: there is exactly one for each task that is ready, and none for a task
/// that runs or waits. Not `Clone`.
///
/// Dropping it does not lose the task: the right goes back to the mechanism.
///
/// ```compile_fail
/// fn twice(task: sched_policy::Ready) -> (sched_policy::Ready, sched_policy::Ready) {
///     (task, task) // error: use of moved value
/// }
/// ```
#[repr(transparent)]
pub struct Ready(NonNull<Entity>);

// SAFETY: the right moves between cores with the task; everything in `Entity` is immutable or atomic, and
// the link belongs to whoever holds the right.
unsafe impl Send for Ready {}
// SAFETY: through `&Ready` only the immutable and atomic parts of the entity can be reached.
unsafe impl Sync for Ready {}

impl Ready {
    /// The task.
    #[inline]
    pub fn entity(&self) -> &Entity {
        // SAFETY: a task in state ready cannot end before it has run, and it cannot run while this right is
        // held here; so the entity outlives `self` (`from_raw`'s contract).
        unsafe { self.0.as_ref() }
    }

    /// Where the entity is, for the mechanism, whose task begins with it. It may be used for the whole task.
    #[inline]
    pub fn as_ptr(&self) -> NonNull<Entity> {
        self.0
    }

    /// The task's number.
    #[inline]
    pub fn id(&self) -> u64 {
        self.entity().id
    }

    /// The task's name.
    pub fn name(&self) -> &str {
        &self.entity().name
    }

    /// The task's scheduling parameters.
    #[inline]
    pub fn params(&self) -> &Params {
        &self.entity().params
    }

    /// Whether the task may run on `core`.
    #[inline]
    pub fn allowed_on(&self, core: CoreId) -> bool {
        self.entity().allowed.contains(core)
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        let dropped = self.entity().dropped;
        // The copy is the one that lives on; this one's fields need no dropping.
        dropped(Ready(self.0));
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ready({} {:?})", self.id(), self.name())
    }
}

// SAFETY: 1. `Ready` is not Clone and `into_raw` forgets it, so a node has one handle at most.
// 2. The entity of a ready task stays where it is (contract of `from_raw`, kept by the mechanism, whose
//    tasks are reference counted and hold one count from spawn until they have ended).
// 3. `link` is the entity's own; nobody else touches it.
unsafe impl Handle for Ready {
    type Node = Entity;

    #[inline]
    fn into_raw(self) -> NonNull<Entity> {
        let node = self.0;
        mem::forget(self);
        node
    }

    /// As [`Handle::from_raw`]; and the first right of all is made by the mechanism when it sets a task's
    /// state to ready: then `node` is a valid entity that stays until the task has run and ended.
    #[inline]
    unsafe fn from_raw(node: NonNull<Entity>) -> Self {
        Ready(node)
    }

    #[inline]
    fn link(node: &Entity) -> &Link<Entity> {
        &node.link
    }
}
