//! Reading the firmware's memory map, which is not to be trusted: how far up memory is looked after, and
//! where the bitmap itself goes. Pure arithmetic over regions in any order, without sorting them: there is no
//! memory yet to sort them in.

use core::fmt;

use bitmap::{BITS, words_for};
use memory_types::layout::PHYS_WINDOW;
use memory_types::{PAGE_SIZE, Region};

use crate::allocator::BitmapAllocator;

/// The first frame at or above 1 MiB; those below are kept for real-mode code.
pub(crate) const LOW_FRAMES: u64 = 256;

/// The bitmap reaches at most this many times as high as there is memory. A stray region near the top of the
/// address space then costs itself, not all memory (for a bitmap full of holes).
const SPARSENESS: u64 = 64;

/// Below this the kernel cannot do anything useful: it stops and says so.
const MINIMUM_BYTES: u64 = 4 << 20;

/// Why memory could not be taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InitError {
    /// It was taken over before.
    AlreadyInitialised,
    /// The memory map has too little usable memory.
    TooLittleMemory {
        /// Usable bytes found.
        usable: u64,
        /// Bytes needed at least.
        needed: u64,
    },
    /// No usable region above 1 MiB within reach is large enough for the bitmap.
    NoRoomForBitmap {
        /// Bytes needed in one piece.
        bytes: u64,
    },
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInitialised => f.write_str("the frame allocator was initialised before"),
            Self::TooLittleMemory { usable, needed } => write!(
                f,
                "the memory map has {} KiB of usable memory, and {} KiB are needed; give the machine more",
                usable >> 10,
                needed >> 10
            ),
            Self::NoRoomForBitmap { bytes } => write!(
                f,
                "no usable region above 1 MiB has room for the frame bitmap of {} KiB; the memory map is wrong or too fragmented",
                bytes >> 10
            ),
        }
    }
}

impl core::error::Error for InitError {}

/// What [`init`](crate::init) found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// Frames taken over, low ones included, those of the bitmap not.
    pub frames: usize,
    /// Of these, frames below 1 MiB.
    pub low_frames: usize,
    /// Where the bitmap lies.
    pub bitmap: Region,
    /// End of the memory looked after, as a physical address.
    pub top: u64,
    /// Usable bytes that were left aside because they lie too high.
    pub ignored_bytes: u64,
}

/// How the bitmap will be laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    top: u64,
    storage: Region,
    reachable: u64,
    ignored_bytes: u64,
}

impl Plan {
    /// Plans for the frames of `usable` that no region of `reserved` touches.
    ///
    /// # Errors
    /// If there is too little, or no place for the bitmap.
    pub fn new<U, R>(usable: U, reserved: R, reachable_end: u64) -> Result<Self, InitError>
    where
        U: Iterator<Item = Region> + Clone,
        R: Iterator<Item = Region> + Clone,
    {
        let frame = PAGE_SIZE as u64;
        let total =
            usable.clone().map(|region| frames_of(region, u64::MAX / frame)).fold(0, u64::saturating_add);
        if total < MINIMUM_BYTES / frame {
            return Err(InitError::TooLittleMemory { usable: total * frame, needed: MINIMUM_BYTES });
        }
        let limit = total.saturating_mul(SPARSENESS).min(PHYS_WINDOW / frame);
        let top = usable.clone().map(|region| clip(region, limit)).filter(|(first, end)| first < end);
        let top = top.map(|(_, end)| end).max().unwrap_or(0);
        let kept = usable.clone().map(|region| frames_of(region, top)).fold(0, u64::saturating_add);
        let ignored_bytes = total.saturating_sub(kept).saturating_mul(frame);
        let reachable = (reachable_end / frame).min(top);

        let needed = (words_for(top as usize) * (BITS / 8)).div_ceil(PAGE_SIZE) as u64;
        let first = place(usable, reserved, needed, reachable)
            .ok_or(InitError::NoRoomForBitmap { bytes: needed * frame })?;
        let storage = Region { start: first * frame, end: (first + needed) * frame };
        Ok(Self { top, storage, reachable, ignored_bytes })
    }

    /// Where the bitmap goes.
    #[must_use]
    pub fn storage(&self) -> Region {
        self.storage
    }

    /// How many words the bitmap has.
    #[must_use]
    pub fn words(&self) -> usize {
        words_for(self.frames())
    }

    /// How many frames the bitmap covers, holes included.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.top as usize
    }

    /// The first frame that cannot be reached yet.
    #[must_use]
    pub fn reachable_frames(&self) -> usize {
        self.reachable as usize
    }

    /// What was found, once `allocator` is built.
    #[must_use]
    pub fn summary(&self, allocator: &BitmapAllocator<'_>) -> Summary {
        Summary {
            frames: allocator.total(),
            low_frames: allocator.free_low(),
            bitmap: self.storage,
            top: self.top * PAGE_SIZE as u64,
            ignored_bytes: self.ignored_bytes,
        }
    }
}

/// The frames wholly inside `region` and below `limit`.
fn clip(region: Region, limit: u64) -> (u64, u64) {
    let (first, end) = region.frames_inside();
    let first = first.min(limit);
    (first, end.min(limit).max(first))
}

fn frames_of(region: Region, limit: u64) -> u64 {
    let (first, end) = clip(region, limit);
    end - first
}

/// The first frame of a run of `needed` that is usable, not reserved, above 1 MiB and below `limit`.
///
/// If there is such a run, one begins where a usable region begins, where a reserved one ends, or at 1 MiB:
/// it can be moved down until it meets one of these. So these are all the places to try.
fn place<U, R>(usable: U, reserved: R, needed: u64, limit: u64) -> Option<u64>
where
    U: Iterator<Item = Region> + Clone,
    R: Iterator<Item = Region> + Clone,
{
    let begins = usable.clone().map(|region| region.frames_inside().0);
    let ends = reserved.clone().map(|region| region.frames_touched().1);
    begins.chain(ends).chain(core::iter::once(LOW_FRAMES)).map(|first| first.max(LOW_FRAMES)).find(|&first| {
        let Some(end) = first.checked_add(needed).filter(|&end| end <= limit) else { return false };
        let free = |region: Region| {
            let (reserved_first, reserved_end) = region.frames_touched();
            reserved_first == reserved_end || reserved_end <= first || end <= reserved_first
        };
        usable.clone().any(|region| {
            let (usable_first, usable_end) = region.frames_inside();
            usable_first <= first && end <= usable_end
        }) && reserved.clone().all(free)
    })
}
