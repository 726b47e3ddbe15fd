//! Frames of physical memory: allocating and freeing them, and who does it.
//!
//! All manage [`MEMORY`] bytes, so that cores have room to stay apart; nobody touches the frames themselves. (The
//! kernel's allocator has twice as many, because the baseline in this tree takes its own from there.)

use std::collections::VecDeque;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use buddy_system_allocator::LockedFrameAllocator;
use core_local::CachePadded;
use frame_allocator::Frames;
use locked_buddy::LockedBuddy;
use memory_types::layout::PHYS_OFFSET;
use memory_types::{PAGE_SIZE, PhysAddr, Region};
use spin::Mutex;

/// Physical memory that each allocator manages, in bytes.
pub const MEMORY: u64 = 1 << 30;
/// Its first MiB is set apart, as in the kernel.
const FIRST: usize = 256;
/// The end of memory, in frames.
const END: usize = MEMORY as usize / PAGE_SIZE;
/// Frames in 2 MiB.
pub const LARGE: usize = 512;
/// How many frames a thread holds at once in the bulk work: with two threads, a quarter of memory.
pub const BULK: usize = 32_768;

/// Someone who hands out runs of frames.
pub trait FrameSource: Send + Sync + 'static {
    /// The right to a run.
    type Run: Send;

    /// `count` successive frames (1 or [`LARGE`]), aligned to as many, for the thread with this number.
    fn allocate(&self, thread: usize, count: usize) -> Option<Self::Run>;

    /// The number of the first frame.
    fn first(run: &Self::Run) -> usize;

    /// Takes the run back.
    fn free(&self, thread: usize, count: usize, run: Self::Run);
}

/// The kernel's allocator, as the kernel calls it.
#[derive(Clone, Copy, Debug)]
pub struct Keel(());

impl Keel {
    /// Gives the process's one instance its memory: address space for all of it, of which the bitmap alone is touched.
    ///
    /// # Panics
    /// If the host refuses the address space.
    #[must_use]
    pub fn start() -> Self {
        static START: Once = Once::new();
        START.call_once(|| {
            let flags =
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: a new mapping that replaces none.
            let got = unsafe { libc::mmap(PHYS_OFFSET as *mut _, 2 * MEMORY as usize, access, flags, -1, 0) };
            assert_eq!(got as u64, PHYS_OFFSET, "the host refused 2 GiB of address space");
            let usable = [Region { start: (FIRST * PAGE_SIZE) as u64, end: 2 * MEMORY }];
            // SAFETY: the memory was mapped just now, at the place where it is expected, and is never unmapped.
            let taken = unsafe { frame_allocator::init(usable.into_iter(), core::iter::empty(), 2 * MEMORY) };
            if let Err(error) = taken {
                panic!("{error}");
            }
        });
        Self(())
    }
}

impl FrameSource for Keel {
    type Run = Frames;

    fn allocate(&self, _thread: usize, count: usize) -> Option<Frames> {
        frame_allocator::allocate(count, count).ok()
    }

    fn first(run: &Frames) -> usize {
        run.start().as_u64() as usize / PAGE_SIZE
    }

    fn free(&self, _thread: usize, _count: usize, run: Frames) {
        drop(run);
    }
}

/// `buddy_system_allocator`, behind the spin lock that comes with it.
pub struct RegistryBuddy(LockedFrameAllocator);

impl Default for RegistryBuddy {
    fn default() -> Self {
        let buddy = LockedFrameAllocator::new();
        buddy.lock().add_frame(FIRST, END);
        Self(buddy)
    }
}

impl FrameSource for RegistryBuddy {
    type Run = usize;

    fn allocate(&self, _thread: usize, count: usize) -> Option<usize> {
        self.0.lock().alloc(count)
    }

    fn first(run: &usize) -> usize {
        *run
    }

    fn free(&self, _thread: usize, count: usize, run: usize) {
        self.0.lock().dealloc(run, count);
    }
}

/// The baseline of this tree: a buddy system with intrusive lists behind the kernel's spin lock.
///
/// # Panics
/// If its memory cannot be had: another one holds it.
#[must_use]
pub fn baseline() -> LockedBuddy {
    let _ = Keel::start();
    match frame_allocator::allocate(END, END) {
        Ok(frames) => LockedBuddy::new(frames),
        Err(error) => panic!("there is memory for one buddy system at a time: {error}"),
    }
}

impl FrameSource for LockedBuddy {
    type Run = PhysAddr;

    fn allocate(&self, _thread: usize, count: usize) -> Option<PhysAddr> {
        LockedBuddy::allocate(self, count.ilog2() as usize)
    }

    fn first(run: &PhysAddr) -> usize {
        run.as_u64() as usize / PAGE_SIZE
    }

    fn free(&self, _thread: usize, _count: usize, run: PhysAddr) {
        LockedBuddy::free(self, run).expect("it was allocated here");
    }
}

/// How many frames go between a core's list and the allocator behind it at once.
const BATCH: usize = 64;
/// How many frames a core's list holds at most.
const HIGH: usize = 512;

/// A list of single frames for each core before the [`baseline`], filled and emptied a batch at a time under one
/// lock: what Linux (`rmqueue_bulk`, `free_pcppages_bulk`) and the BSDs do. Larger runs go to the allocator behind it.
/// A list has a lock of its own, which nobody else wants, as in Linux since 5.18: then others may drain it.
pub struct PerCoreLists {
    lists: Vec<CachePadded<Mutex<List>>>,
    behind: LockedBuddy,
}

/// Frames in the order in which they were freed, the last at the back: that one may still be in a cache and goes first.
type List = VecDeque<PhysAddr>;

impl PerCoreLists {
    /// Lists for so many threads.
    ///
    /// # Panics
    /// As [`baseline`].
    #[must_use]
    pub fn new(threads: usize) -> Self {
        let list = || CachePadded::new(Mutex::new(List::with_capacity(HIGH)));
        Self { lists: (0..threads).map(|_| list()).collect(), behind: baseline() }
    }
}

impl FrameSource for PerCoreLists {
    type Run = PhysAddr;

    fn allocate(&self, thread: usize, count: usize) -> Option<PhysAddr> {
        if count != 1 {
            return FrameSource::allocate(&self.behind, thread, count);
        }
        let mut list = self.lists[thread].lock();
        if list.is_empty() {
            // To the front: they are handed out in the order in which they came, as in Linux.
            self.behind.allocate_batch(0, BATCH, |frame| list.push_front(frame));
        }
        list.pop_back()
    }

    fn first(run: &PhysAddr) -> usize {
        LockedBuddy::first(run)
    }

    fn free(&self, thread: usize, count: usize, run: PhysAddr) {
        if count != 1 {
            return FrameSource::free(&self.behind, thread, count, run);
        }
        let mut list = self.lists[thread].lock();
        if list.len() == HIGH {
            // The oldest go. Nothing is moved for that.
            self.behind.free_batch(list.drain(..BATCH)).expect("they were allocated here");
        }
        list.push_back(run);
    }
}

/// Who watches an allocator at work.
pub trait Watch {
    /// A run was handed out.
    fn got(&self, first: usize, count: usize);
    /// A run is about to be given back.
    fn gives(&self, first: usize, count: usize);
}

/// Nobody does: while it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Watch for Nobody {
    fn got(&self, _: usize, _: usize) {}
    fn gives(&self, _: usize, _: usize) {}
}

/// Knows for each frame whether it has an owner.
pub struct Owners(Vec<AtomicBool>);

impl Default for Owners {
    fn default() -> Self {
        Self((0..2 * END).map(|_| AtomicBool::new(false)).collect())
    }
}

impl Watch for Owners {
    fn got(&self, first: usize, count: usize) {
        assert!(first >= FIRST && first + count <= 2 * END, "frames {first}+{count} do not exist");
        assert_eq!(first % count, 0, "frames {first}+{count} are not aligned");
        for frame in first..first + count {
            assert!(!self.0[frame].swap(true, Relaxed), "frame {frame} has two owners");
        }
    }

    fn gives(&self, first: usize, count: usize) {
        for frame in first..first + count {
            assert!(self.0[frame].swap(false, Relaxed), "frame {frame} had no owner");
        }
    }
}

/// What is done with frames.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Work {
    /// Allocate one, free it, and again.
    Repeat,
    /// Allocate [`BULK`] one by one, then free them in the same order.
    Bulk,
    /// Allocate 2 MiB, free them, and again.
    Large,
}

/// One thread's part: `pairs` times allocate and free.
///
/// # Panics
/// If there is no memory, which there is, or if the watcher finds something wrong.
#[inline]
pub fn work<S: FrameSource>(
    source: &S,
    watch: &impl Watch,
    held: &mut Vec<S::Run>,
    thread: usize,
    what: Work,
    pairs: u64,
) {
    let count = if what == Work::Large { LARGE } else { 1 };
    let allocate = || {
        let run = source.allocate(thread, count).expect("a quarter of memory is in use at most");
        watch.got(S::first(&run), count);
        run
    };
    let free = |run: S::Run| {
        watch.gives(S::first(&run), count);
        source.free(thread, count, run);
    };
    if what != Work::Bulk {
        return (0..pairs).for_each(|_| free(std::hint::black_box(allocate())));
    }
    let mut left = pairs;
    while left > 0 {
        let now = left.min(BULK as u64);
        held.extend((0..now).map(|_| allocate()));
        held.drain(..).for_each(free);
        left -= now;
    }
}

/// Does all work on `threads` threads while the owners of frames are watched.
///
/// # Panics
/// If a frame has two owners, lies outside of memory, or is not aligned.
pub fn prove<S: FrameSource>(source: &S, threads: usize, pairs: u64) {
    let owners = Owners::default();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let owners = &owners;
            scope.spawn(move || {
                let mut held = Vec::new();
                for what in [Work::Repeat, Work::Bulk, Work::Large] {
                    work(source, owners, &mut held, thread, what, pairs);
                }
            });
        }
    });
    assert!(owners.0.iter().all(|owned| !owned.load(Relaxed)), "every run was given back");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_a_frame_to_two() {
        prove(&Keel::start(), 3, 2_000);
        prove(&RegistryBuddy::default(), 3, 2_000);
        prove(&baseline(), 3, 2_000);
        prove(&PerCoreLists::new(3), 3, 2_000);
        gives_back_what_is_too_much();
    }

    /// Hands out the same frame always.
    struct Careless;

    impl FrameSource for Careless {
        type Run = usize;
        fn allocate(&self, _: usize, _: usize) -> Option<usize> {
            Some(512)
        }
        fn first(run: &usize) -> usize {
            *run
        }
        fn free(&self, _: usize, _: usize, _: usize) {}
    }

    #[test]
    #[should_panic(expected = "has two owners")]
    fn who_does_is_found_out() {
        let owners = Owners::default();
        work(&Careless, &owners, &mut Vec::new(), 0, Work::Bulk, 2);
    }

    /// Not a test of its own: there is memory for one at a time.
    fn gives_back_what_is_too_much() {
        let lists = PerCoreLists::new(1);
        let all = lists.behind.free_frames();
        let listed = || lists.lists[0].lock().len();
        let runs: Vec<_> = (0..2 * HIGH).map(|_| lists.allocate(0, 1).expect("there is memory")).collect();
        assert_eq!((listed(), lists.behind.free_frames()), (0, all - 2 * HIGH), "batches are used up");
        runs.into_iter().for_each(|run| lists.free(0, 1, run));
        assert_eq!((listed(), lists.behind.free_frames()), (HIGH, all - HIGH));
        let last = lists.allocate(0, 1).expect("there is memory");
        lists.free(0, 1, last);
        assert_eq!(lists.allocate(0, 1), Some(last), "what was freed last is what comes next");
    }
}
