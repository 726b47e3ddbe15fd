//! The lock on threads that stand for cores.
#![cfg(not(loom))]

use irq_lock::{AbandonedLock, IrqLock, assert_none_held, first_held, release_abandoned};

#[test]
fn excludes_and_counts() {
    let lock = IrqLock::new("counter", 0u64);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    let mut value = lock.lock();
                    assert!(!core_local::irqs_enabled());
                    *value += 1;
                }
                assert!(core_local::irqs_enabled());
            });
        }
    });
    assert_eq!(lock.into_inner(), 40_000);
}

#[test]
fn try_lock_fails_on_a_held_lock_and_restores_interrupts() {
    let lock = IrqLock::new("held", ());
    let guard = lock.lock();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            assert!(lock.try_lock().is_none());
            assert!(core_local::irqs_enabled());
        });
    });
    drop(guard);
    assert!(lock.try_lock().is_some());
}

#[test]
#[should_panic(
    expected = "asks for the lock `outer`, which it already holds; the lock it took last is `inner`"
)]
fn locking_twice_names_both_locks() {
    let (outer, inner) = (IrqLock::new("outer", ()), IrqLock::new("inner", ()));
    let _outer = outer.lock();
    let _inner = inner.lock();
    let _again = outer.lock();
}

#[test]
fn the_list_of_held_locks_survives_any_order() {
    let locks = [IrqLock::new("a", ()), IrqLock::new("b", ()), IrqLock::new("c", ())];
    assert_none_held("test");
    let (a, b, c) = (locks[0].lock(), locks[1].lock(), locks[2].lock());
    assert_eq!(first_held(), Some("c"));
    drop(b);
    assert_eq!(first_held(), Some("c"));
    drop(c);
    assert_eq!(first_held(), Some("a"));
    drop(a);
    assert_eq!(first_held(), None);
}

#[test]
#[should_panic(expected = "dropped before that of a lock taken later")]
fn interrupts_never_go_on_under_a_held_lock() {
    let (outer, inner) = (IrqLock::new("outer", ()), IrqLock::new("inner", ()));
    let outer = outer.lock();
    let _inner = inner.lock();
    drop(outer);
}

#[test]
fn a_lock_that_goes_while_it_is_held_leaves_the_list() {
    let below = IrqLock::new("below", ());
    let guard = below.lock();
    {
        let gone = IrqLock::new("gone", ());
        std::mem::forget(gone.lock());
        assert_eq!(first_held(), Some("gone"));
    }
    assert_eq!(first_held(), Some("below"));
    drop(guard);
    assert_eq!(first_held(), None);
}

#[test]
#[should_panic(expected = "waiting for cores while holding the lock `heap`")]
fn waiting_with_a_lock_is_refused() {
    let lock = IrqLock::new("heap", ());
    let _guard = lock.lock();
    assert_none_held("waiting for cores");
}

#[test]
fn abandoned_locks_are_released_and_poisoned() {
    static FIRST: IrqLock<u32> = IrqLock::new("first", 1);
    static SECOND: IrqLock<u32> = IrqLock::new("second", 2);
    std::mem::forget(FIRST.lock());
    std::mem::forget(SECOND.lock());
    let mut names = Vec::new();
    // SAFETY: both guards were forgotten and both locks are statics.
    unsafe { release_abandoned(|AbandonedLock(name)| names.push(name)) };
    assert_eq!(names, ["second", "first"]);
    assert!(FIRST.is_poisoned() && SECOND.is_poisoned());
    assert_eq!(*SECOND.lock(), 2);
    SECOND.clear_poison();
    assert!(!SECOND.is_poisoned());
    assert_eq!(first_held(), None);
}
