//! The built-in policy: first in, first out, one tick each. It is there before any cell is loaded, and takes over from a
//! policy that failed.

use alloc::boxed::Box;

use sched_policy::{CoreId, Enqueue, Policy, PolicyFactory, Ready, TaskList};

/// First in, first out.
#[derive(Default)]
struct BuiltIn(TaskList);

impl Policy for BuiltIn {
    fn name(&self) -> &'static str {
        BUILT_IN.name
    }

    fn enqueue(&mut self, task: Ready, _why: Enqueue) {
        self.0.push_back(task);
    }

    fn pick(&mut self) -> Option<Ready> {
        self.0.pop_front()
    }

    fn steal(&mut self, thief: CoreId) -> Option<Ready> {
        self.0.pop_first(|task| task.allowed_on(thief))
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

/// The built-in first-in-first-out policy, as a factory like any other.
pub static BUILT_IN: PolicyFactory =
    PolicyFactory { name: "builtin", create: |_| Box::new(BuiltIn::default()) };
