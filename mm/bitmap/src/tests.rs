//! The bitmap against a vector of booleans.

extern crate std;

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn words(units: usize) -> Vec<AtomicWord> {
    (0..words_for(units)).map(|_| AtomicWord::new()).collect()
}

#[test]
fn starts_claimed_and_hands_out_what_was_released() {
    let words = words(200);
    let bitmap = Bitmap::all_claimed(&words, 200).unwrap();
    assert_eq!(bitmap.claim(1, 1, 0..200, 0), None);
    bitmap.release(60, 10).unwrap();
    assert_eq!(bitmap.claim(11, 1, 0..200, 0), None);
    assert_eq!(bitmap.claim(10, 1, 0..200, 150), Some(60));
    assert_eq!(bitmap.free_in(0..200), 0);
}

#[test]
fn a_run_may_reach_over_the_hint() {
    let words = words(128);
    let bitmap = Bitmap::all_claimed(&words, 128).unwrap();
    bitmap.release(60, 8).unwrap();
    assert_eq!(bitmap.claim(8, 1, 0..128, 64), Some(60));
}

#[test]
fn double_release_is_told() {
    let words = words(64);
    let bitmap = Bitmap::all_claimed(&words, 64).unwrap();
    bitmap.release(3, 2).unwrap();
    assert_eq!(bitmap.release(2, 4), Err(NotClaimed { unit: 3 }));
    assert_eq!(bitmap.free_in(0..64), 4);
    assert_eq!(bitmap.release(63, 2), Err(NotClaimed { unit: 64 }));
}

#[test]
fn nonsense_is_refused() {
    let words = words(64);
    let bitmap = Bitmap::all_claimed(&words, 64).unwrap();
    bitmap.release(0, 64).unwrap();
    assert_eq!(bitmap.claim(0, 1, 0..64, 0), None);
    assert_eq!(bitmap.claim(1, 3, 0..64, 0), None);
    assert_eq!(bitmap.claim(65, 1, 0..64, 0), None);
    assert_eq!(bitmap.claim(usize::MAX, 1, 0..64, 1), None);
    assert_eq!(bitmap.claim(1, 1 << 63, 1..64, 0), None);
    assert_eq!(bitmap.claim(1, 1, Range { start: 9, end: 3 }, 0), None);
    assert!(
        !bitmap.claim_exactly(usize::MAX, 2) && !bitmap.claim_exactly(64, 1) && !bitmap.claim_exactly(0, 0)
    );
    assert!(Bitmap::all_claimed(&words, 65).is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Claim { count: usize, align: usize, from: usize, to: usize, hint: usize },
    Exactly { start: usize, count: usize },
    Release { pick: usize },
}

fn step(units: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..200usize, 0..8u32, 0..units, 0..=units, 0..units * 2).prop_map(|(count, align, from, to, hint)|
            Step::Claim { count, align: 1 << align, from, to, hint }),
        3 => (0..units).prop_map(move |hint| Step::Claim { count: 1, align: 1, from: 0, to: units, hint }),
        1 => (0..units, 1..130usize).prop_map(|(start, count)| Step::Exactly { start, count }),
        3 => any::<usize>().prop_map(|pick| Step::Release { pick }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn agrees_with_a_vector_of_booleans(steps in proptest::collection::vec(step(500), 1..120)) {
        const UNITS: usize = 500;
        let words = words(UNITS);
        let bitmap = Bitmap::all_claimed(&words, UNITS).unwrap();
        bitmap.release(0, UNITS).unwrap();
        let mut model = [false; UNITS];
        let mut held: Vec<(usize, usize)> = Vec::new();
        for step in steps {
            match step {
                Step::Claim { count, align, from, to, hint } => {
                    let fits = |start: usize| start.is_multiple_of(align) && start + count <= to
                        && model[start..start + count].iter().all(|claimed| !claimed);
                    match bitmap.claim(count, align, from..to, hint) {
                        Some(start) => {
                            prop_assert!(start >= from && fits(start));
                            model[start..start + count].fill(true);
                            held.push((start, count));
                        }
                        None => prop_assert!(!(from..to).any(fits), "a run was there"),
                    }
                }
                Step::Exactly { start, count } => {
                    let free = start + count <= UNITS && model[start..start + count].iter().all(|claimed| !claimed);
                    prop_assert_eq!(bitmap.claim_exactly(start, count), free);
                    if free {
                        model[start..start + count].fill(true);
                        held.push((start, count));
                    }
                }
                Step::Release { pick } if !held.is_empty() => {
                    let (start, count) = held.swap_remove(pick % held.len());
                    prop_assert_eq!(bitmap.release(start, count), Ok(()));
                    model[start..start + count].fill(false);
                }
                Step::Release { .. } => {}
            }
            prop_assert_eq!(bitmap.free_in(0..UNITS), model.iter().filter(|claimed| !**claimed).count());
        }
        for (unit, claimed) in model.iter().enumerate() {
            prop_assert_eq!(bitmap.is_claimed(unit), *claimed);
        }
    }
}

#[test]
fn threads_never_share_a_unit() {
    const UNITS: usize = 1024;
    let words = words(UNITS);
    let bitmap = Bitmap::all_claimed(&words, UNITS).unwrap();
    bitmap.release(0, UNITS).unwrap();
    let owners: Vec<_> = (0..UNITS).map(|_| core::sync::atomic::AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| {
        for thread in 0..4usize {
            let (bitmap, owners) = (&bitmap, &owners);
            scope.spawn(move || {
                for round in 0..5000usize {
                    let count = 1 + (round * 7 + thread * 31) % 100;
                    let Some(start) = bitmap.claim(count, 1, 0..UNITS, thread * 256) else { continue };
                    for owner in &owners[start..start + count] {
                        assert_eq!(owner.swap(thread + 1, core::sync::atomic::Ordering::Relaxed), 0);
                    }
                    for owner in &owners[start..start + count] {
                        assert_eq!(owner.swap(0, core::sync::atomic::Ordering::Relaxed), thread + 1);
                    }
                    bitmap.release(start, count).unwrap();
                }
            });
        }
    });
    assert_eq!(bitmap.free_in(0..UNITS), UNITS);
}
