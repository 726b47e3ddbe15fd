//! Model of the lock: run with `RUSTFLAGS="--cfg loom" cargo test -p irq_lock --release --test loom`.
#![cfg(loom)]

use irq_lock::IrqLock;
use loom::sync::Arc;
use loom::thread;

/// No two holders at once, and what one wrote the next one sees (loom's cell checks both).
/// A spin lock has unboundedly many executions, so the number of preemptions is bounded.
fn mutual_exclusion(others: u32, preemptions: usize) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 100_000;
    model.check(move || {
        let lock = Arc::new(IrqLock::new("model", 0u32));
        let threads: Vec<_> = (0..others)
            .map(|_| {
                let lock = Arc::clone(&lock);
                thread::spawn(move || *lock.lock() += 1)
            })
            .collect();
        *lock.lock() += 1;
        for thread in threads {
            thread.join().expect("no panic");
        }
        assert_eq!(*lock.lock(), others + 1);
    });
}

#[test]
fn mutual_exclusion_of_two() {
    mutual_exclusion(1, 4);
}

#[test]
fn mutual_exclusion_of_three() {
    mutual_exclusion(2, 1);
}

/// `try_lock` never blocks and never lets two in.
#[test]
fn try_lock_is_exclusive() {
    loom::model(|| {
        let lock = Arc::new(IrqLock::new("model", 0u32));
        let other = Arc::clone(&lock);
        let thread = thread::spawn(move || other.try_lock().map(|mut value| *value += 1).is_some());
        let mine = lock.try_lock().map(|mut value| *value += 1).is_some();
        let theirs = thread.join().expect("no panic");
        assert!(mine || theirs, "a strong compare-exchange lets one of them in");
        assert_eq!(*lock.lock(), u32::from(mine) + u32::from(theirs));
    });
}
