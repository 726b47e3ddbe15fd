//! Loom models of the bitmap's words. Run: `RUSTFLAGS="--cfg loom" cargo test -p bitmap --release`.
#![cfg(loom)]

use bitmap::{AtomicWord, Bitmap};
use loom::cell::UnsafeCell;
use loom::thread;

/// A bitmap of two words, and for each unit a cell that only its holder may touch.
struct Shared {
    bitmap: Bitmap<'static>,
    data: Vec<UnsafeCell<u32>>,
}

// SAFETY: a cell is touched only by the holder of the unit of its number, which is what loom checks here.
unsafe impl Sync for Shared {}

/// Two threads claim `counts` units of which `free` are free, from 60 on: the run crosses into the second word.
fn contend(counts: [usize; 2], free: usize) {
    loom::model(move || {
        // Leaked, so that threads can borrow it: some kilobytes for each interleaving, for the test's life.
        let words: &'static [AtomicWord] = Box::leak(Box::new([AtomicWord::new(), AtomicWord::new()]));
        let shared: &'static Shared = Box::leak(Box::new(Shared {
            bitmap: Bitmap::all_claimed(words, 128).unwrap(),
            data: (0..128).map(|_| UnsafeCell::new(0)).collect(),
        }));
        shared.bitmap.release(60, free).unwrap();
        let threads = counts.map(|count| {
            thread::spawn(move || {
                let Some(start) = shared.bitmap.claim(count, 1, 0..128, 60) else { return false };
                for unit in start..start + count {
                    // SAFETY: the unit is ours; loom reports a race if another thread has it too.
                    shared.data[unit].with_mut(|value| unsafe { *value += 1 });
                }
                shared.bitmap.release(start, count).unwrap();
                true
            })
        });
        let won = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|won| *won).count();
        assert!(won >= 1, "both claims failed: no progress");
        assert_eq!(shared.bitmap.free_in(0..128), free);
    });
}

#[test]
fn single_units_are_exclusive() {
    contend([1, 1], 1);
}

#[test]
fn long_claims_roll_back_without_a_trace() {
    contend([8, 6], 8);
}
