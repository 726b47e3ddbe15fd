//! Physical memory, and who owns it.
//!
//! [`Frames`] is an affine owner of a run of 4 KiB frames, with its state in its type. The kernel's one
//! instance of [`BitmapAllocator`] stands behind [`allocate`]; a bit per frame says whether it has an owner.
//! No lock is taken anywhere, and no counter is kept: each core starts its search at a place of its own, so that
//! cores write different cache lines of the bitmap until memory runs short.
//!
//! ```text
//!   firmware's map ──▶ Plan (how high, where the bitmap goes) ──▶ BitmapAllocator ──▶ Frames<Allocated>
//! ```
//!
//! Memory below 1 MiB is kept apart for [`allocate_low`]: the start-up code of other cores must lie there.
//! Frame 0 is never handed out.
//!
//! Relies on: the window onto physical memory at [`PHYS_OFFSET`], of which [`init`] is told how far it
//! reaches until the kernel's own page tables are installed.
#![no_std]

mod allocator;
mod frames;
mod plan;

use core::fmt;

use bitmap::AtomicWord;
use memory_types::layout::PHYS_OFFSET;
use memory_types::{PAGE_SIZE, Region};
use spin::Once;

pub use allocator::BitmapAllocator;
pub use frames::{Frames, NotAdjacent, OutOfRange};
pub use plan::{InitError, Plan, Summary};

static ALLOCATOR: Once<BitmapAllocator<'static>> = Once::new();

/// Why no frames were handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutOfFrames {
    /// There is no free run of `count` frames whose first is a multiple of `align`.
    Exhausted {
        /// Frames asked for.
        count: usize,
        /// Alignment asked for, in frames.
        align: usize,
    },
    /// [`init`] has not run.
    NotInitialised,
}

impl fmt::Display for OutOfFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted { count: 1, .. } => {
                f.write_str("no free physical memory; release some, or give the machine more")
            }
            Self::Exhausted { count, align } => write!(
                f,
                "no run of {count} free frames aligned to {align}; ask for fewer at a time, or give the machine more memory"
            ),
            Self::NotInitialised => {
                f.write_str("the frame allocator is not initialised; call frame_allocator::init first")
            }
        }
    }
}

impl core::error::Error for OutOfFrames {}

/// Takes over all physical memory that `usable` describes and `reserved` does not.
///
/// Both lists may be unsorted, overlapping, empty in places and wrong about their ends: usable regions are
/// rounded inwards to whole frames, reserved ones outwards, and where they overlap, reserved wins.
/// Until [`whole_window_mapped`] is called, only memory below `reachable_end` is handed out.
///
/// # Errors
/// If there is too little memory, or no room for the bitmap, or if it was called before.
///
/// # Safety
/// - All frames of `usable` outside of `reserved` are ordinary memory that nobody uses.
/// - Physical memory below `reachable_end` can be read and written at [`PHYS_OFFSET`].
pub unsafe fn init<U, R>(usable: U, reserved: R, reachable_end: u64) -> Result<Summary, InitError>
where
    U: Iterator<Item = Region> + Clone,
    R: Iterator<Item = Region> + Clone,
{
    if ALLOCATOR.is_completed() {
        return Err(InitError::AlreadyInitialised);
    }
    let plan = Plan::new(usable.clone(), reserved.clone(), reachable_end)?;
    let storage = (PHYS_OFFSET + plan.storage().start) as *const AtomicWord;
    // SAFETY:
    // 1. `storage` lies in usable memory that nothing reserves, so by the caller's first promise it is unused,
    //    and the allocator withdraws it from circulation: nobody else ever refers to it.
    // 2. It is below `reachable_end`, so by the second promise it can be accessed there; it is page-aligned.
    // 3. Any bytes are a valid `AtomicWord`, and it is never freed.
    let words = unsafe { core::slice::from_raw_parts(storage, plan.words()) };
    let allocator = BitmapAllocator::new(words, &plan, usable, reserved);
    let summary = plan.summary(&allocator);
    ALLOCATOR.call_once(|| allocator);
    Ok(summary)
}

/// Says that all physical memory is now mapped at [`PHYS_OFFSET`], so that all of it may be handed out.
/// `paging` calls this when it has installed the kernel's page tables.
pub fn whole_window_mapped() {
    if let Some(allocator) = ALLOCATOR.get() {
        allocator.lift_ceiling();
    }
}

/// Hands out `count` successive frames of which the first is a multiple of `align_frames`. Their content is
/// what the previous owner left there.
///
/// # Errors
/// If there is no such run.
pub fn allocate(count: usize, align_frames: usize) -> Result<Frames, OutOfFrames> {
    claim(count, align_frames, |allocator| allocator.claim(count, align_frames, core_local::current()))
}

/// Hands out `count` successive frames below 1 MiB, for code that other cores start with in real mode.
///
/// # Errors
/// If there are none.
pub fn allocate_low(count: usize) -> Result<Frames, OutOfFrames> {
    claim(count, 1, |allocator| allocator.claim_low(count))
}

/// Hands out `count` successive frames that end at or below physical address `limit`.
///
/// # Errors
/// If there are none.
pub fn allocate_below(count: usize, align_frames: usize, limit: u64) -> Result<Frames, OutOfFrames> {
    claim(count, align_frames, |allocator| {
        allocator.claim_below(count, align_frames, (limit / PAGE_SIZE as u64) as usize)
    })
}

fn claim(
    count: usize,
    align: usize,
    claim: impl FnOnce(&BitmapAllocator<'static>) -> Option<usize>,
) -> Result<Frames, OutOfFrames> {
    let allocator = ALLOCATOR.get().ok_or(OutOfFrames::NotInitialised)?;
    let first = claim(allocator).ok_or(OutOfFrames::Exhausted { count, align })?;
    // SAFETY: the allocator has just claimed this run for us.
    Ok(unsafe { Frames::from_claimed(first, count) })
}

fn release(first: usize, count: usize) {
    if let Some(allocator) = ALLOCATOR.get()
        && let Err(error) = allocator.release(first, count, core_local::current())
    {
        // Nothing was changed for the frame that was free already, so going on is sound; but an owner is
        // wrong somewhere.
        log::error!("frame allocator: {error}");
    }
}

/// How much memory there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Frames under the allocator's care.
    pub total: usize,
    /// Of these, how many have no owner.
    pub free: usize,
}

/// Counts the free frames. Takes time in proportion to memory (some microseconds for each GiB).
#[must_use]
pub fn stats() -> Stats {
    ALLOCATOR
        .get()
        .map_or_else(Stats::default, |allocator| Stats { total: allocator.total(), free: allocator.free() })
}

/// The end of the memory that the allocator knows, as a physical address. Some of what is below may be holes.
#[must_use]
pub fn top() -> u64 {
    ALLOCATOR.get().map_or(0, |allocator| (allocator.top() * PAGE_SIZE) as u64)
}

/// Whether a frame that `region` touches is free: then it is memory, and no device's registers.
#[must_use]
pub fn has_free_in(region: Region) -> bool {
    ALLOCATOR.get().is_some_and(|allocator| allocator.has_free_in(region))
}
