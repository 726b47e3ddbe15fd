//! The scheduling mechanism: tasks and how they get on and off the cores.
//!
//! Mechanism and policy are apart (`sched_policy`): this crate decides *that* a task may run, a policy decides *which*.
//!
//! # The rules, and what keeps them
//! 1. *A task never runs on two cores, and never while it waits.* A core runs a task only after it turned the task's
//!    word from ready to running (`task_state`), whatever the policy returned.
//! 2. *A task is never lost.* The right to run it ([`sched_policy::Ready`]) is affine; dropping it puts the task back.
//! 3. *Nobody continues a context that is still being saved.* A woken task goes to its home core's inbox, and only that core
//!    takes it out, between saving contexts.
//! 4. *A core's state is its own.* It is touched by that core with interrupts off. Others leave messages: ready tasks in its inbox, a
//!    request for work, a poke. So yield, wake, park, pick and steal take no lock, allocate nothing, and write no line
//!    that another core writes (but for the message itself).
//! 5. *A stack is not freed while somebody stands on it.* The context that goes on frees it, or has it freed.
//! 6. *A bad policy is survived.* What it returns is checked, what it drops comes back, its panics are caught; then
//!    the built-in policy takes over on that core (`faulty`).
//!
//! ```text
//!    spawn, unpark, time-out, kill                       yield, tick, preemption
//!        │                                                    │
//!        ▼            same core                               ▼
//!      wake ───────────────────────▶ policy.enqueue ◀── exchange ──▶ policy.pick ──▶ claim ──▶ switch
//!        │ other core                      ▲                             ▲
//!        ▼                                 │ drain                       │ park, exit, idle
//!      inbox of the home core ─────────────┘
//! ```
//!
//! # Starting it
//! [`init`] once, on the boot core; [`init_this_core`] on every core; [`enter_idle`] at the end of each core's boot
//! context, which becomes its idle task. The trap layer calls [`preempt`] (see there), and asks
//! [`stack_overflow`] about page faults.
//!
//! # The host
//! Without `cfg(keel_kernel)` threads stand for cores ([`host`]) and the same code runs on them, context switch
//! included; so the crate's tests, and those of crates above, run whole scenarios. Interrupts come only where a host task
//! polls for them.
#![no_std]

extern crate alloc;
#[cfg(not(keel_kernel))]
extern crate std;

mod builtin;
mod faulty;
#[cfg(not(keel_kernel))]
pub mod host;
mod idle;
mod kill;
mod local;
#[cfg(keel_kernel)]
#[path = "platform_kernel.rs"]
mod platform;
#[cfg(not(keel_kernel))]
#[path = "platform_host.rs"]
mod platform;
mod policy_swap;
mod reap;
mod registry;
mod report;
mod root;
mod schedule;
mod spawn;
mod start;
mod switch;
mod task;
mod timers;
mod wake;

#[cfg(test)]
mod tests;

pub use builtin::BUILT_IN;
pub use core_local::{CoreId, CoreSet};
pub use faulty::in_policy;
pub use idle::{enter_idle, set_idle_polls};
pub use kill::{KILL_GRACE_NS, KillError, Shield, kill, shield};
pub use platform::now_ns;
pub use platform::{RendezvousError, StackError};
pub use policy_swap::{PolicySwap, PolicySwapError, current_policy, swap_policy};
pub use registry::{find, is_alive};
pub use report::{CoreInfo, TaskInfo, TaskState, Totals, cores, tasks, totals};
pub use sched_policy::{Params, PolicyFactory};
pub use schedule::{can_park, park, park_timeout, preempt, reschedule, sleep, yield_now};
pub use spawn::{
    Builder, DEFAULT_STACK_BYTES, Death, JoinHandle, MAX_STACK_BYTES, MIN_STACK_BYTES, SpawnError, spawn,
};
pub use start::{InitError, init, init_this_core};
pub use task::TaskRef;

mod current;
pub use current::{
    current, current_id, in_task, is_unwinding, stack_overflow, try_current, with_current_name,
};
