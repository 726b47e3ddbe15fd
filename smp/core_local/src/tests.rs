//! The host's half of the contract: guards, sets, and threads as cores.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::format;
use std::sync::Barrier;
use std::vec::Vec;

use crate::*;

fn core(index: u32) -> CoreId {
    CoreId::new(index).expect("below MAX_CORES")
}

#[test]
fn ids_are_dense_and_bounded() {
    assert_eq!(CoreId::new(0), Some(CoreId::BOOT));
    assert_eq!(core(63).index(), 63);
    assert_eq!(CoreId::new(64), None);
    assert_eq!(CoreId::new(u32::MAX), None);
    assert_eq!(CoreId::all().count(), MAX_CORES);
    assert_eq!(format!("{}", core(3)), "core 3");
}

#[test]
fn a_set_is_a_set() {
    let mut set = CoreSet::EMPTY;
    assert!(set.insert(core(5)) && !set.insert(core(5)) && set.insert(core(63)) && set.insert(core(0)));
    assert_eq!(set.iter().map(CoreId::index).collect::<Vec<_>>(), [0, 5, 63]);
    assert_eq!(set.len(), 3);
    assert_eq!(format!("{set}"), "cores 0 5 63");
    assert!(set.remove(core(63)) && !set.remove(core(63)));
    assert_eq!(set.without(core(0)), CoreSet::single(core(5)));
    assert_eq!(format!("{} / {}", CoreSet::single(core(5)), CoreSet::EMPTY), "core 5 / no core");
    assert_eq!(CoreSet::ALL.len(), MAX_CORES);
    assert_eq!(CoreSet::ALL.difference(set).len(), MAX_CORES - 2);
    assert_eq!(set.iter().collect::<CoreSet>(), set);
    assert_eq!(CoreSet::EMPTY.first(), None);
}

#[test]
fn irq_guards_nest_and_restore() {
    assert!(irqs_enabled());
    let outer = irq_disable();
    let inner = irq_disable();
    assert!(!inner.enables_on_drop() && outer.enables_on_drop());
    drop(inner);
    assert!(!irqs_enabled());
    drop(outer);
    assert!(irqs_enabled());
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "out of order")]
fn irq_guards_dropped_out_of_order_are_noticed() {
    let outer = irq_disable();
    let inner = irq_disable();
    drop(outer);
    drop(inner);
}

std::thread_local! { static HOOK_CALLS: Cell<usize> = const { Cell::new(0) }; }

fn hook() {
    assert!(irqs_enabled() && preempt_count() == 0);
    if take_need_resched() {
        HOOK_CALLS.set(HOOK_CALLS.get() + 1);
    }
}

#[test]
fn the_last_guard_reschedules_if_wanted() {
    set_reschedule_hook(hook);
    let outer = preempt_disable();
    let inner = preempt_disable();
    assert_eq!(preempt_count(), 2);
    set_need_resched();
    drop(inner);
    assert_eq!(HOOK_CALLS.get(), 0);
    drop(outer);
    assert_eq!(HOOK_CALLS.get(), 1);
    assert!(!need_resched());

    // Interrupts off: the preemption guard's end is no preemption point, the IRQ guard's is.
    let irq = irq_disable();
    let preempt = preempt_disable();
    set_need_resched();
    drop(preempt);
    assert_eq!(HOOK_CALLS.get(), 1);
    drop(irq);
    assert_eq!(HOOK_CALLS.get(), 2);

    // An IRQ guard inside a preemption guard does not reschedule; the latter does.
    let preempt = preempt_disable();
    let irq = irq_disable();
    set_need_resched();
    drop(irq);
    assert_eq!(HOOK_CALLS.get(), 2);
    drop(preempt);
    assert_eq!(HOOK_CALLS.get(), 3);

    // The scheduler's way out leaves the request alone.
    let irq = irq_disable();
    set_need_resched();
    irq.restore_only();
    assert!(irqs_enabled() && need_resched());
    assert_eq!(HOOK_CALLS.get(), 3);
    reschedule_if_needed();
    assert_eq!(HOOK_CALLS.get(), 4);
}

#[test]
fn threads_are_distinct_cores() {
    static PLACES: PerCore<AtomicUsize> = per_core!(AtomicUsize::new(0));
    let barrier = Barrier::new(8);
    let ids: Vec<(CoreId, u32)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let guard = preempt_disable();
                    PLACES.this(&guard).fetch_add(1, Ordering::Relaxed);
                    barrier.wait();
                    assert_eq!(guard.core(), current());
                    (current(), executor())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    assert_eq!(ids.iter().map(|(id, _)| *id).collect::<CoreSet>().len(), 8);
    for (id, _) in &ids {
        assert_eq!(PLACES.get(*id).load(Ordering::Relaxed), 1);
    }
}

#[test]
fn install_names_the_thread_and_the_block() {
    std::thread::spawn(|| {
        // SAFETY: on the host `install` has no conditions.
        unsafe { install(core(42), 77) };
        assert_eq!(current(), core(42));
        assert_eq!(block(core(42)).apic_id(), 77);
        assert_eq!(block(core(42)).id(), core(42));
        assert!(present().contains(core(42)) && !online().contains(core(42)));
        set_online(core(42));
        assert!(online().contains(core(42)));
        let task = core::ptr::without_provenance(0x1000);
        set_current_task(task);
        assert_eq!(current_task(), task);
    })
    .join()
    .expect("the assertions hold");
    assert!(current_task().is_null());
}
