//! Whole scenarios on the host: threads stand for cores, everything else is the kernel's own code.

mod bad_policies;
mod killing;
mod polling;
mod tasks;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The policy is one for all cores, so tests that change it, or that count on it, take turns.
fn policy_turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets a flag when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn core(index: u32) -> crate::CoreId {
    crate::CoreId::new(index).unwrap()
}

/// Lets others run, and an interrupt in: a stop of all cores waits for everyone.
fn give_way() {
    crate::host::poll();
    crate::yield_now();
}
