//! `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp`, `strlen`: what compiled code calls without being asked.
//!
//! The `compiler_builtins` of the host target leaves them to libc, so the kernel brings its own. They move 16 bytes at
//! a time with SSE2, which every x86-64 CPU has, and finish with an access that overlaps the last one, so that no
//! loop ever handles single bytes of a long range. `rep movsb` would be shorter, and as fast on hardware with ERMS,
//! but an emulator executes it byte by byte.
//!
//! `no_builtins` keeps the compiler from turning these loops back into calls to themselves.
#![no_std]
#![no_builtins]

use core::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_set1_epi8, _mm_storeu_si128};

/// Loads any `T` from any address.
///
/// # Safety
/// `at` is readable for the size of `T`, and any bytes are a `T`.
#[inline(always)]
unsafe fn load<T>(at: *const u8) -> T {
    // SAFETY: the caller's promise.
    unsafe { at.cast::<T>().read_unaligned() }
}

/// # Safety
/// `at` is writable for the size of `T`.
#[inline(always)]
unsafe fn store<T>(at: *mut u8, value: T) {
    // SAFETY: the caller's promise.
    unsafe { at.cast::<T>().write_unaligned(value) }
}

/// # Safety
/// 16 bytes at `at` are readable.
#[inline(always)]
unsafe fn load16(at: *const u8) -> __m128i {
    // SAFETY: the caller's promise.
    unsafe { _mm_loadu_si128(at.cast()) }
}

/// # Safety
/// 16 bytes at `at` are writable.
#[inline(always)]
unsafe fn store16(at: *mut u8, value: __m128i) {
    // SAFETY: the caller's promise.
    unsafe { _mm_storeu_si128(at.cast(), value) }
}

/// Copies up to 32 bytes that may overlap: everything is read before anything is written.
///
/// # Safety
/// `count` ≤ 32, `from` is readable and `to` writable for `count` bytes.
#[inline(always)]
unsafe fn copy_short(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: each branch touches the first and the last `size` bytes of a range at least `size` long.
    unsafe {
        macro_rules! both_ends {
            ($kind:ty) => {{
                let end = count - size_of::<$kind>();
                let (first, last) = (load::<$kind>(from), load::<$kind>(from.add(end)));
                store(to, first);
                store(to.add(end), last);
            }};
        }
        match count {
            16.. => {
                let (first, last) = (load16(from), load16(from.add(count - 16)));
                store16(to, first);
                store16(to.add(count - 16), last);
            }
            8.. => both_ends!(u64),
            4.. => both_ends!(u32),
            2.. => both_ends!(u16),
            1 => store(to, load::<u8>(from)),
            0 => {}
        }
    }
}

/// Copies `count` bytes between ranges that do not overlap (C11 7.24.2.1).
///
/// # Safety
/// `from` is readable and `to` writable for `count` bytes; they do not overlap.
#[cfg_attr(keel_kernel, unsafe(no_mangle))]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: a special case of what `memmove` allows.
    unsafe {
        if count <= 32 {
            copy_short(to, from, count);
        } else {
            copy_upwards(to, from, count);
        }
    }
    to
}

/// Copies `count` bytes between ranges that may overlap (C11 7.24.2.2).
///
/// # Safety
/// `from` is readable and `to` writable for `count` bytes.
#[cfg_attr(keel_kernel, unsafe(no_mangle))]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: the caller's promise; upwards is right unless `to` starts inside the source.
    unsafe {
        if count <= 32 {
            copy_short(to, from, count);
        } else if to.addr().wrapping_sub(from.addr()) >= count {
            copy_upwards(to, from, count);
        } else {
            copy_downwards(to, from, count);
        }
    }
    to
}

/// # Safety
/// `count` > 32; ranges as for `memmove`, with `to` not inside the source beyond its start.
#[inline(always)]
unsafe fn copy_upwards(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: the loop stays below count - 16; the tail is the last 16 bytes, read before the loop may overwrite them.
    unsafe {
        let tail = load16(from.add(count - 16));
        let mut at = 0;
        while at + 32 <= count - 16 {
            let (first, second) = (load16(from.add(at)), load16(from.add(at + 16)));
            store16(to.add(at), first);
            store16(to.add(at + 16), second);
            at += 32;
        }
        while at < count - 16 {
            let block = load16(from.add(at));
            store16(to.add(at), block);
            at += 16;
        }
        store16(to.add(count - 16), tail);
    }
}

/// # Safety
/// `count` > 32; ranges as for `memmove`.
#[inline(always)]
unsafe fn copy_downwards(to: *mut u8, from: *const u8, count: usize) {
    // SAFETY: the loop stays above 16; the head is the first 16 bytes, read before the loop may overwrite them.
    unsafe {
        let head = load16(from);
        let mut at = count;
        while at >= 16 {
            at -= 16;
            let block = load16(from.add(at));
            store16(to.add(at), block);
        }
        store16(to, head);
    }
}

/// Sets `count` bytes to the low byte of `value` (C11 7.24.6.1).
///
/// # Safety
/// `to` is writable for `count` bytes.
#[cfg_attr(keel_kernel, unsafe(no_mangle))]
pub unsafe extern "C" fn memset(to: *mut u8, value: i32, count: usize) -> *mut u8 {
    let byte = value as u8;
    // SAFETY: every access lies within the first or the last 8 or 16 bytes, or below the last 16.
    unsafe {
        if count >= 16 {
            let block = _mm_set1_epi8(byte as i8);
            let mut at = 0;
            while at < count - 16 {
                store16(to.add(at), block);
                at += 16;
            }
            store16(to.add(count - 16), block);
        } else if count >= 8 {
            let word = u64::from_ne_bytes([byte; 8]);
            store(to, word);
            store(to.add(count - 8), word);
        } else {
            let mut at = 0;
            while at < count {
                store(to.add(at), byte);
                at += 1;
            }
        }
    }
    to
}

/// Compares `count` bytes: negative, zero or positive as the first differing byte of `a` is (C11 7.24.4.1).
///
/// # Safety
/// `a` and `b` are readable for `count` bytes.
#[cfg_attr(keel_kernel, unsafe(no_mangle))]
pub unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    let mut at = 0;
    // SAFETY: `at` stays below `count`.
    unsafe {
        while at + 8 <= count {
            let (x, y) = (load::<u64>(a.add(at)), load::<u64>(b.add(at)));
            if x != y {
                // The first byte in memory is the least significant: compare as big-endian numbers.
                return if x.swap_bytes() < y.swap_bytes() { -1 } else { 1 };
            }
            at += 8;
        }
        while at < count {
            let (x, y) = (load::<u8>(a.add(at)), load::<u8>(b.add(at)));
            if x != y {
                return i32::from(x) - i32::from(y);
            }
            at += 1;
        }
    }
    0
}

/// Zero if `count` bytes are equal, something else if not.
///
/// # Safety
/// As for [`memcmp`].
#[cfg_attr(keel_kernel, unsafe(no_mangle))]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, count: usize) -> i32 {
    // SAFETY: the same contract.
    unsafe { memcmp(a, b, count) }
}

/// Length of a string up to its zero byte (C11 7.24.6.3).
///
/// # Safety
/// `string` is readable up to and including a zero byte.
#[cfg_attr(keel_kernel, unsafe(no_mangle))]
pub unsafe extern "C" fn strlen(string: *const u8) -> usize {
    let mut length = 0;
    // SAFETY: the zero byte has not been passed.
    while unsafe { load::<u8>(string.add(length)) } != 0 {
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    proptest! {
        #[test]
        fn memmove_is_copy_within(bytes in prop::collection::vec(any::<u8>(), 0..300), a in 0usize..300, b in 0usize..300, n in 0usize..300) {
            let n = n.min(bytes.len().saturating_sub(a.max(b)));
            let (a, b) = (a.min(bytes.len()), b.min(bytes.len()));
            let mut expected = bytes.clone();
            expected.copy_within(a..a + n.min(bytes.len() - a), b.min(bytes.len() - n));
            let to = b.min(bytes.len() - n);
            let mut got = bytes.clone();
            // SAFETY: both ranges lie inside the vector.
            unsafe { memmove(got.as_mut_ptr().add(to), got.as_ptr().add(a), n) };
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn memcpy_and_memset_touch_exactly_their_range(n in 0usize..200, at in 0usize..40, byte in any::<u8>()) {
            let source: Vec<u8> = (0..n).map(|i| i as u8).collect();
            let mut got = std::vec![0xAA; 300];
            // SAFETY: 40 + 200 < 300.
            unsafe { memcpy(got.as_mut_ptr().add(at), source.as_ptr(), n) };
            prop_assert_eq!(&got[at..at + n], &source[..]);
            prop_assert!(got[..at].iter().chain(&got[at + n..]).all(|&b| b == 0xAA));
            // SAFETY: as above.
            unsafe { memset(got.as_mut_ptr().add(at), i32::from(byte), n) };
            prop_assert!(got[at..at + n].iter().all(|&b| b == byte));
            prop_assert!(got[..at].iter().chain(&got[at + n..]).all(|&b| b == 0xAA));
        }

        #[test]
        fn memcmp_orders_like_slices(a in prop::collection::vec(0u8..3, 0..40), b in prop::collection::vec(0u8..3, 0..40)) {
            let n = a.len().min(b.len());
            // SAFETY: both are at least `n` long.
            let order = unsafe { memcmp(a.as_ptr(), b.as_ptr(), n) };
            prop_assert_eq!(order.cmp(&0), a[..n].cmp(&b[..n]));
        }
    }

    #[test]
    fn strlen_stops_at_zero() {
        // SAFETY: zero-terminated.
        assert_eq!(unsafe { strlen(c"keel".as_ptr().cast()) }, 4);
    }
}
