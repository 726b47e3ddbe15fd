//! The typed way through the states, on the simulated machine.

use std::sync::{Mutex, MutexGuard};

use memory_types::{PAGE_SIZE, Permissions};
use page_allocator::{Area, Pages};

use crate::{
    Backing, MapError, ProtectError, attach, detach, host, open_reserve, protect, retire, translate,
};

/// One test at a time: they count free frames.
fn machine() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    host::start();
    guard
}

fn pages(count: usize) -> Pages<memory_types::state::Mapped> {
    page_allocator::allocate(Area::Dynamic, count, 1).unwrap().into_mapped()
}

/// Frames in use, without those of page tables, which stay: the tables of the area's start are made beforehand.
fn free() -> usize {
    let mut warm = pages(8);
    attach(&mut warm, 0..8, Backing::Raw).unwrap();
    retire(warm).unwrap();
    frame_allocator::stats().free
}

#[test]
fn frames_come_back_after_the_flush() {
    let _machine = machine();
    let before = free();
    let mut range = pages(5);
    let used = page_allocator::stats(Area::Dynamic).used;
    attach(&mut range, 1..4, Backing::Zeroed(Permissions::ReadWrite)).unwrap();
    assert_eq!(frame_allocator::stats().free, before - 3);
    let unflushed = detach(range).unwrap();
    assert_eq!(frame_allocator::stats().free, before - 3);
    let mut frames = std::vec::Vec::new();
    let pages = unflushed.flush().unwrap().release(|frame| frames.push(frame));
    assert_eq!(frames.len(), 3);
    assert_eq!(frame_allocator::stats().free, before - 3);
    drop(frames);
    assert_eq!(frame_allocator::stats().free, before);
    drop(pages);
    assert_eq!(page_allocator::stats(Area::Dynamic).used, used - 5);
}

#[test]
fn a_core_that_does_not_answer_keeps_pages_and_frames_out_of_use() {
    let _machine = machine();
    let before = free();
    let mut range = pages(2);
    let start = range.start();
    attach(&mut range, 0..2, Backing::Raw).unwrap();
    host::set_deaf(true);
    let error = retire(range).unwrap_err();
    host::set_deaf(false);
    assert!(std::format!("{error}").contains("core 1"), "{error}");
    assert_eq!(frame_allocator::stats().free, before - 2);
    assert_eq!(translate(start), None);
    // Other ranges are not affected, and the lost pages are not handed out again.
    let other = pages(64);
    assert!(!other.range().contains(start));
    retire(other).unwrap();
}

#[test]
fn memory_runs_out_without_harm() {
    let _machine = machine();
    let before = free();
    let count = before + 1;
    let mut range = pages(count);
    let error = attach(&mut range, 0..count, Backing::Reserve).unwrap_err();
    assert!(matches!(error, MapError::Attach(_)), "{error}");
    retire(range).unwrap();
    // What is missing are page tables, which stay.
    assert!(before - frame_allocator::stats().free <= count.div_ceil(512) + 1);
}

#[test]
fn a_reserve_is_held_ready_and_opened_in_place() {
    let _machine = machine();
    let mut range = pages(3);
    attach(&mut range, 1..2, Backing::Reserve).unwrap();
    attach(&mut range, 2..3, Backing::Raw).unwrap();
    let reserve = range.range().slice(1, 2).unwrap();
    assert_eq!(translate(reserve.start()), None);
    let before = frame_allocator::stats().free;
    // SAFETY: the pages are this test's.
    unsafe { open_reserve(reserve).unwrap() };
    assert_eq!(frame_allocator::stats().free, before);
    assert!(translate(reserve.start()).unwrap().writable);
    // SAFETY: mapped and ours.
    unsafe { (reserve.start().as_u64() as *mut u64).write_volatile(7) };
    assert_eq!(attach(&mut range, 2..4, Backing::Raw), Err(MapError::OutOfRange));
    retire(range).unwrap();
}

#[test]
fn write_and_execute_never_meet() {
    let _machine = machine();
    let mut range = pages(1);
    attach(&mut range, 0..1, Backing::Zeroed(Permissions::ReadWrite)).unwrap();
    let now =
        |range: &Pages<_>| translate(range.start()).map(|found| (found.writable, found.executable)).unwrap();
    assert_eq!(now(&range), (true, false));
    protect(&mut range, Some(Permissions::ReadWrite), Permissions::ReadExecute).unwrap();
    assert_eq!(now(&range), (false, true));
    assert!(crate::audit().unwrap().is_sound());
    protect(&mut range, Some(Permissions::ReadExecute), Permissions::ReadWrite).unwrap();
    host::set_deaf(true);
    let result = protect(&mut range, Some(Permissions::ReadWrite), Permissions::ReadExecute);
    host::set_deaf(false);
    assert!(matches!(result, Err(ProtectError::Unanswered(_))));
    // The core that did not answer may still write: so nobody may execute.
    assert_eq!(now(&range), (false, false));
    host::set_deaf(true);
    assert!(protect(&mut range, Some(Permissions::ReadOnly), Permissions::ReadExecute).is_err());
    host::set_deaf(false);
    assert_eq!(now(&range), (false, false));
    protect(&mut range, None, Permissions::ReadExecute).unwrap();
    assert_eq!(now(&range), (false, true));
    retire(range).unwrap();
}

#[test]
fn starting_cores_get_a_table_of_their_own() {
    let _machine = machine();
    let page = frame_allocator::allocate_low(1).unwrap();
    let root = crate::root_for_ap(page.start()).unwrap();
    assert_eq!(u64::from(root.cr3()) % PAGE_SIZE as u64, 0);
    // SAFETY: the table was built above; tables are never removed while it lives.
    let mapper = unsafe { crate::Mapper::new(crate::Window, memory_types::PhysAddr::new(root.cr3().into())) };
    let found = mapper.translate(memory_types::VirtAddr::new(page.start().as_u64() + 9)).unwrap();
    assert_eq!((found.address, found.writable, found.executable), (page.start() + 9, false, true));
    // The host's regions are in the lower half, so nothing else is there.
    assert_eq!(mapper.audit(&[]).read_execute.small, 1);
    assert!(crate::root_for_ap(memory_types::PhysAddr::new(1 << 20)).is_err());
    assert!(crate::root_for_ap(memory_types::PhysAddr::new(0x8123)).is_err());
}
