//! `MappedPages` on the simulated machine: the views are of real memory, in scattered frames.

extern crate std;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

use memory_types::layout::CELLS;
use memory_types::{Caching, Permissions, PhysAddr};
use proptest::prelude::*;

use crate::{MapError, MappedPages, UnmapError, ViewError};

/// One test at a time: they count free frames.
fn machine() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    paging::host::start();
    guard
}

fn free() -> usize {
    frame_allocator::stats().free
}

#[test]
fn memory_is_zeroed_whoever_had_it_before() {
    let _machine = machine();
    let mut old = MappedPages::allocate(64 * 4096, Permissions::ReadWrite).unwrap();
    old.bytes_mut().unwrap().fill(0xaa);
    drop(old);
    let new = MappedPages::allocate(128 * 4096, Permissions::ReadOnly).unwrap();
    assert!(new.bytes().unwrap().iter().all(|&byte| byte == 0));
}

#[test]
fn scattered_frames_look_contiguous() {
    let _machine = machine();
    // Every second frame is in someone else's hands.
    let mut held: Vec<_> = (0..400).map(|_| frame_allocator::allocate(1, 1).unwrap()).collect();
    let mut number = 0;
    held.retain(|_| {
        number += 1;
        number % 2 == 0
    });
    let mut memory = MappedPages::allocate(100 * 4096, Permissions::ReadWrite).unwrap();
    let words = memory.as_slice_mut::<u64>(8, 100 * 512 - 1).unwrap();
    for (number, word) in words.iter_mut().enumerate() {
        *word = number as u64;
    }
    let frames: Vec<_> =
        (0..100).map(|page| paging::translate(memory.start() + page * 4096).unwrap().address).collect();
    assert!(frames.windows(2).any(|pair| pair[1] != pair[0] + 4096));
    for number in [0usize, 510, 511, 512, 51198] {
        assert_eq!(*memory.as_type::<u64>(8 + number * 8).unwrap(), number as u64);
    }
}

#[test]
fn dropping_returns_everything() {
    let _machine = machine();
    drop(MappedPages::allocate(600 * 4096, Permissions::ReadWrite).unwrap());
    let before = free();
    for bytes in [1, 4096, 4097, 600 * 4096] {
        let memory = MappedPages::allocate(bytes, Permissions::ReadWrite).unwrap();
        assert_eq!(memory.len(), bytes);
        assert_eq!(free(), before - bytes.div_ceil(4096));
        drop(memory);
        assert_eq!(free(), before);
        drop(MappedPages::allocate(bytes, Permissions::ReadWrite).unwrap().unmap().unwrap());
        assert_eq!(free(), before, "what was flushed is freed when it is dropped");
    }
}

#[test]
fn given_frames_keep_what_they_hold_and_belong_to_the_mapping() {
    let _machine = machine();
    drop(MappedPages::allocate(4 * 4096, Permissions::ReadWrite).unwrap());
    let before = free();
    let frames = frame_allocator::allocate(3, 1).unwrap();
    let start = frames.start();
    let mut memory = MappedPages::map(frames, Permissions::ReadWrite).unwrap();
    assert_eq!((memory.len(), free()), (3 * 4096, before - 3));
    memory.bytes_mut().unwrap().fill(0x5a);
    for page in 0..3 {
        let place = paging::translate(memory.start() + page * 4096).unwrap();
        assert_eq!(place.address, start + page * 4096);
    }
    let mut back = Vec::new();
    drop(memory.unmap().unwrap().release(|frame| back.push(frame)));
    assert_eq!((back.len(), free()), (3, before - 3));
    for frame in back {
        let moved = MappedPages::map(frame, Permissions::ReadOnly).unwrap();
        assert!(moved.bytes().unwrap().iter().all(|&byte| byte == 0x5a));
    }
    assert_eq!(free(), before, "dropping a mapping frees the frames that it was given");
}

#[test]
fn exhaustion_is_an_error_and_leaves_nothing_behind() {
    let _machine = machine();
    let before = free();
    let error = MappedPages::allocate((before + 1) * 4096, Permissions::ReadWrite).unwrap_err();
    assert!(matches!(error, MapError::Map(_)), "{error}");
    assert_eq!(free(), before, "what can never be met takes nothing");
    // There are enough frames, but not for the page tables as well, which are made and stay.
    let error = MappedPages::allocate(before * 4096, Permissions::ReadWrite).unwrap_err();
    assert!(matches!(error, MapError::Map(_)), "{error}");
    assert!((1..=before / 512 + 2).contains(&(before - free())));
    assert!(matches!(MappedPages::allocate(usize::MAX, Permissions::ReadOnly), Err(MapError::OutOfPages(_))));
    assert!(matches!(MappedPages::allocate(0, Permissions::ReadOnly), Err(MapError::Empty)));
}

#[test]
fn permissions_hold_for_views_and_for_the_processor() {
    let _machine = machine();
    let mut memory = MappedPages::allocate_at_cell_area(4096, Permissions::ReadWrite).unwrap();
    assert!(CELLS.contains(memory.start().as_u64()));
    // mov eax, 42; ret
    memory.as_slice_mut::<u8>(0, 6).unwrap().copy_from_slice(&[0xb8, 42, 0, 0, 0, 0xc3]);
    memory.protect(Permissions::ReadExecute).unwrap();
    assert_eq!(memory.bytes_mut().unwrap_err(), ViewError::NotWritable(Permissions::ReadExecute));
    // SAFETY: the bytes above are a function of this type, in executable memory.
    let code: extern "C" fn() -> u32 = unsafe { core::mem::transmute(memory.start().as_ptr::<u8>()) };
    assert_eq!(code(), 42);
    assert_eq!(memory.as_type::<u8>(0), Ok(&0xb8));
    memory.protect(Permissions::ReadOnly).unwrap();
    assert!(memory.as_type_mut::<u8>(0).is_err());
    assert!(paging::audit().unwrap().is_sound());
}

#[test]
fn a_deaf_core_costs_the_memory_and_not_more() {
    let _machine = machine();
    drop(MappedPages::allocate(4096, Permissions::ReadWrite).unwrap());
    let before = free();
    let memory = MappedPages::allocate(4096, Permissions::ReadWrite).unwrap();
    paging::host::set_deaf(true);
    let result = memory.unmap();
    paging::host::set_deaf(false);
    assert!(matches!(result, Err(UnmapError::Unanswered(_))));
    assert_eq!(free(), before - 1);
    let mut memory = MappedPages::allocate(4096, Permissions::ReadWrite).unwrap();
    paging::host::set_deaf(true);
    assert!(memory.protect(Permissions::ReadExecute).is_err());
    paging::host::set_deaf(false);
    assert_eq!(memory.permissions(), Permissions::ReadOnly);
}

#[test]
fn devices_have_registers_and_no_views() {
    let _machine = machine();
    let before = free();
    // SAFETY: beyond the simulated memory there is nothing; the registers are not accessed below.
    let mut device = unsafe { MappedPages::map_device(PhysAddr::new(0xfed0_0010), 0x3f0) }.unwrap();
    assert_eq!(
        (device.start().as_u64() % 4096, device.len(), device.caching()),
        (0x10, 0x3f0, Caching::Uncached)
    );
    let found = paging::translate(device.start()).unwrap();
    assert_eq!(
        (found.address.as_u64(), found.caching, found.executable),
        (0xfed0_0010, Caching::Uncached, false)
    );
    assert_eq!(device.bytes(), Err(ViewError::WrongKind));
    assert_eq!(device.read_register::<u32>(2), Err(ViewError::Misaligned { offset: 2, align: 4 }));
    assert!(matches!(device.read_register::<u64>(0x3ec), Err(ViewError::OutOfBounds { .. })));
    assert!(device.read_register::<u64>(usize::MAX).is_err());
    device.protect(Permissions::ReadOnly).unwrap();
    assert_eq!(device.write_register(0, 1u32), Err(ViewError::NotWritable(Permissions::ReadOnly)));
    drop(device);
    assert!(before - free() <= 3, "a device's registers are not frames");
    let memory = MappedPages::allocate(8, Permissions::ReadWrite).unwrap();
    assert_eq!(memory.read_register::<u8>(0), Err(ViewError::WrongKind));
    let end = PhysAddr::new((1 << 52) - 4096);
    for (start, bytes) in [(PhysAddr::new(2 << 20), 4096), (end, 1 << 20), (end, usize::MAX)] {
        // SAFETY: refused before anything is mapped.
        let result = unsafe { MappedPages::map_device(start, bytes) };
        assert_eq!(result.unwrap_err(), MapError::NotADevice(start));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn views_are_inside_and_aligned_or_refused(len in 1..9000usize, offset in prop_oneof![0..9100usize, any::<usize>()],
                                               count in prop_oneof![0..1200usize, any::<usize>()]) {
        let _machine = machine();
        let mut memory = MappedPages::allocate(len, Permissions::ReadWrite).unwrap();
        let fits = offset.checked_add(count.saturating_mul(8)).is_some_and(|end| end <= len);
        let expected = fits && offset.is_multiple_of(8);
        prop_assert_eq!(memory.as_slice::<u64>(offset, count).is_ok(), expected);
        prop_assert_eq!(memory.as_slice_mut::<u64>(offset, count).is_ok(), expected);
        let one = offset.checked_add(8).is_some_and(|end| end <= len) && offset.is_multiple_of(8);
        prop_assert_eq!(memory.as_type::<u64>(offset).is_ok(), one);
        if let Ok(view) = memory.as_type_mut::<u64>(offset) {
            *view = u64::MAX;
            prop_assert_eq!(memory.bytes().unwrap().iter().filter(|&&byte| byte == 0xff).count(), 8);
        }
    }
}
