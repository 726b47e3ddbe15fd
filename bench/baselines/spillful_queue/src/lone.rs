//! A right to run a task that no scheduler knows.

use alloc::borrow::Cow;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};

use core_local::CoreSet;
use inbox::Handle;
use sched_policy::{Entity, Params, Ready};

/// The entity of the one such task. A static, so that it stays for as long as any right to it.
static ENTITY: Entity = Entity::new(
    u64::MAX,
    Cow::Borrowed("lone"),
    Params::new(Params::DEFAULT_PRIORITY, Params::DEFAULT_WEIGHT, 0),
    CoreSet::ALL,
    dropped,
);

/// Whether somebody has the right.
static LENT: AtomicBool = AtomicBool::new(false);

/// Lends the right to run a task that does nothing and that no scheduler knows, for a queue to be tried with.
#[derive(Debug)]
pub struct LoneTask;

impl LoneTask {
    /// The task's number, which no other task has.
    pub const ID: u64 = u64::MAX;

    /// The right; `None` while somebody has it. Dropping it gives it back. It must not be handed to a scheduler: there
    /// is nothing to run.
    #[must_use]
    pub fn ready() -> Option<Ready> {
        // Acquire, with the Release of `dropped`: what the last queue did to the link is over.
        if LENT.swap(true, Ordering::Acquire) {
            return None;
        }
        // SAFETY:
        // 1. The entity is valid for ever and does not move.
        // 2. This is its only right: `LENT` was false, so there was none, and it is true until this one is dropped.
        Some(unsafe { Ready::from_raw(NonNull::from(&ENTITY)) })
    }
}

/// Where the entity's right goes when it is dropped.
fn dropped(right: Ready) {
    // Forgets it: dropping it would come here again.
    right.into_raw();
    LENT.store(false, Ordering::Release);
}
