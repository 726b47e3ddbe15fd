//! Every task that lives, by number: for `tasks`, `kill`, and for telling whether a lock's holder is still there.
//!
//! A lock and a tree, although the rest of the scheduler has neither: it is touched when a task is spawned, when it ends, and when
//! a person asks. No wake, yield, park, pick or steal comes near it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use irq_lock::IrqLock;

use crate::local;
use crate::task::TaskRef;

static TASKS: IrqLock<BTreeMap<u64, TaskRef>> = IrqLock::new("tasks", BTreeMap::new());

pub fn add(task: TaskRef) {
    TASKS.lock().insert(task.id(), task);
}

pub fn remove(id: u64) {
    // The handle is dropped after the lock.
    let removed = TASKS.lock().remove(&id);
    drop(removed);
}

/// The task with this number, if it lives.
pub fn find(id: u64) -> Option<TaskRef> {
    TASKS.lock().get(&id).cloned()
}

/// The living task with the lowest number above `id`: to go through all without allocating, and without the lock in between.
pub fn after(id: u64) -> Option<TaskRef> {
    TASKS.lock().range(id.saturating_add(1)..).next().map(|(_, task)| task.clone())
}

/// Whether the task with this number lives. Idle tasks, and the boot context before there are tasks (number 0), always do.
pub fn is_alive(id: u64) -> bool {
    id == 0
        || TASKS.lock().contains_key(&id)
        || local::started().iter().any(|core| local::core(core).idle_id() == id)
}

/// All tasks that live, by number.
pub fn all() -> Vec<TaskRef> {
    // Room is made before the lock is taken; if it is too little, once more.
    let mut tasks = Vec::new();
    loop {
        let wanted = TASKS.lock().len();
        tasks.reserve(wanted + 8);
        let list = TASKS.lock();
        if list.len() <= tasks.capacity() {
            tasks.extend(list.values().cloned());
            return tasks;
        }
    }
}
