//! Ready tasks for the host tests of policies, which may not use `unsafe` themselves.
//!
//! The tasks are leaked (a test is short) and do nothing. What a policy drops is counted per thread.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::cell::RefCell;
use core::ptr::NonNull;
use std::thread_local;
use std::vec::Vec;

use core_local::CoreSet;
use inbox::Handle;

use crate::{Entity, Params, Ready};

thread_local! {
    static DROPPED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// A ready task with this number, allowed on every core.
pub fn ready(id: u64) -> Ready {
    ready_with(id, Params::default(), CoreSet::ALL)
}

/// A ready task with this number, these parameters and these cores.
pub fn ready_with(id: u64, params: Params, allowed: CoreSet) -> Ready {
    let entity = Entity::new(id, Cow::Borrowed("test"), params, allowed, |task| {
        DROPPED.with_borrow_mut(|dropped| dropped.push(task.id()));
        let _ = task.into_raw();
    });
    // SAFETY: the entity is leaked, so it stays; this is its first and only right.
    unsafe { Ready::from_raw(NonNull::from(Box::leak(Box::new(entity)))) }
}

/// The task has run and is no more: gives its right up for good and returns its number.
pub fn retire(task: Ready) -> u64 {
    let id = task.id();
    let _ = task.into_raw();
    id
}

/// The numbers of the tasks whose rights were dropped on this thread since the last call.
pub fn dropped() -> Vec<u64> {
    DROPPED.take()
}
