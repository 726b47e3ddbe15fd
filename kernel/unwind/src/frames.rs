//! Where the unwinder finds frame descriptions: the base image's table, and one region per loaded cell.
//!
//! The unwinder may run in any task on any core at any moment, also right after a fault, so lookups take no lock. A
//! region is published by one pointer store and withdrawn by another. A reader has interrupts off while it looks; who withdraws
//! a region waits for a grace period (every core took an interrupt) before freeing it and what it describes.

use alloc::boxed::Box;
use core::fmt;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use unwinding::custom_eh_frame_finder::{
    EhFrameFinder, FrameInfo, FrameInfoKind, set_custom_eh_frame_finder,
};

/// Code with its frame descriptions.
#[derive(Debug)]
pub struct FrameRegion {
    /// First address of the code.
    pub text_start: usize,
    /// One past the last address of the code.
    pub text_end: usize,
    /// Address of its `.eh_frame`, which ends in a 4-byte zero.
    pub eh_frame: usize,
}

/// As many cells as can be loaded at once.
const MAX_REGIONS: usize = 256;

static REGIONS: [AtomicPtr<FrameRegion>; MAX_REGIONS] = [const { AtomicPtr::new(null_mut()) }; MAX_REGIONS];
/// One past the highest slot that was ever used, to keep lookups short.
static USED: AtomicUsize = AtomicUsize::new(0);

/// All [`MAX_REGIONS`] slots are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FramesFull;

impl fmt::Display for FramesFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {MAX_REGIONS} cells have code; unload some")
    }
}

/// The right to withdraw a region.
#[must_use]
#[derive(Debug)]
pub struct Registration {
    slot: usize,
}

/// Publishes a cell's frame descriptions.
///
/// # Errors
/// [`FramesFull`] if there is no slot left.
///
/// # Safety
/// The addresses stay mapped, and the table at `eh_frame` stays valid and describes this code, until a grace period
/// after [`Registration::withdraw`].
pub unsafe fn register(region: FrameRegion) -> Result<Registration, FramesFull> {
    let region = Box::into_raw(Box::new(region));
    for (slot, entry) in REGIONS.iter().enumerate() {
        // Release: a reader that sees the pointer sees the region.
        if entry.compare_exchange(null_mut(), region, Ordering::Release, Ordering::Relaxed).is_ok() {
            USED.fetch_max(slot + 1, Ordering::Release);
            return Ok(Registration { slot });
        }
    }
    // SAFETY: just leaked, published nowhere.
    drop(unsafe { Box::from_raw(region) });
    Err(FramesFull)
}

impl Registration {
    /// Withdraws the region. Lookups that began earlier may still read it: drop what is returned, and unmap what it
    /// describes, only after a grace period.
    pub fn withdraw(self) -> Box<FrameRegion> {
        let region = REGIONS[self.slot].swap(null_mut(), Ordering::AcqRel);
        // SAFETY: the slot is this registration's alone, and held the box that `register` leaked.
        unsafe { Box::from_raw(region) }
    }
}

struct Finder;

unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __eh_frame_hdr: u8;
}

// SAFETY: `find` returns tables that describe the code at `pc`: the linker's for the base image, and for cells what
// `register`'s caller vouched for.
unsafe impl EhFrameFinder for Finder {
    fn find(&self, pc: usize) -> Option<FrameInfo> {
        let base = (&raw const __text_start as usize)..(&raw const __text_end as usize);
        if base.contains(&pc) {
            return Some(FrameInfo {
                text_base: Some(base.start),
                kind: FrameInfoKind::EhFrameHdr(&raw const __eh_frame_hdr as usize),
            });
        }
        let used = USED.load(Ordering::Acquire);
        let irq = core_local::irq_disable();
        let found = REGIONS[..used].iter().find_map(|entry| {
            // SAFETY: null, or a region that stays alive for a grace period after it is withdrawn; this core cannot pass
            // through one while its interrupts are off.
            let region = unsafe { entry.load(Ordering::Acquire).as_ref() }?;
            (region.text_start..region.text_end).contains(&pc).then_some(FrameInfo {
                text_base: Some(region.text_start),
                kind: FrameInfoKind::EhFrame(region.eh_frame),
            })
        });
        // Not a place to be rescheduled: the caller may be the trap layer.
        irq.restore_only();
        found
    }
}

/// Whether the unwinder knows the code at this address. Lock-free, for the trap layer.
pub fn is_code(address: usize) -> bool {
    Finder.find(address).is_some()
}

/// Makes the base image's frames known. Called once, before anything can panic usefully.
pub fn init() {
    // A second call is harmless: the first finder stays.
    let _ = set_custom_eh_frame_finder(&Finder);
}
