//! The kernel's one address space, and the safe way to change it.
//!
//! ```text
//!   Pages<Allocated> ─▶ Pages<Mapped> ──detach──▶ Unflushed ──flush──▶ Flushed ──release──▶ Pages<Allocated>
//!                          │    ▲                                         │
//!                     attach, protect                             Frames<Allocated> (one by one)
//! ```
//!
//! Frames come out of a mapping by way of [`Flushed`] alone (dropped, it frees them), and there is no way to make a
//! [`Flushed`] but the flush. If a core does not answer it, [`Unflushed`] is dropped, and with it pages and frames are out
//! of circulation for ever.
//!
//! ```compile_fail
//! // A frame cannot be taken out of a range that was not flushed.
//! fn early(range: paging::Unflushed) {
//!     range.release(|_frame| {});
//! }
//! ```
//! ```compile_fail
//! // Pages that were detached cannot be mapped again before the flush.
//! fn again(mut pages: page_allocator::Pages<memory_types::state::Mapped>) {
//!     let _unflushed = paging::detach(pages);
//!     let _ = paging::attach(&mut pages, 0..1, paging::Backing::Raw);
//! }
//! ```

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use frame_allocator::{Frames, OutOfFrames, OutOfRange};
use memory_types::state::{Mapped, Unmapped};
use memory_types::{Caching, PageRange, Permissions, PhysAddr, Region, VirtAddr};
use page_allocator::Pages;

use crate::audit::Audit;
use crate::build::{self, BuildError, KernelLayout};
use crate::edit::{AttachError, Attributes};
use crate::flush::{self, Unanswered};
use crate::table::{Window, zero};
use crate::walk::{Mapper, Translation, WalkError};

/// Physical address of the kernel's top-level table; 0 before it is built.
static ROOT: AtomicU64 = AtomicU64::new(0);
/// Start and end of the image's text and of its rodata, as physical addresses: never writable.
static PROTECTED: [[AtomicU64; 2]; 2] = [const { [const { AtomicU64::new(0) }; 2] }; 2];

/// Up to so many pages are mapped without asking first whether there is memory for them.
const UNCHECKED_PAGES: usize = 256;

/// Why pages could not be mapped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MapError {
    /// The kernel's page tables are not built yet.
    NotInitialised,
    /// The range has fewer pages than were to be mapped, or not as many as there are frames.
    OutOfRange,
    /// See there.
    Attach(AttachError<OutOfFrames>),
}

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInitialised => f.write_str("the page tables are not built yet; call paging::init first"),
            Self::OutOfRange => f.write_str("the range does not have as many pages as were to be mapped"),
            Self::Attach(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for MapError {}

/// Why permissions could not be changed, or not be made known to all cores.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtectError {
    /// The entries could not be reached.
    Walk(WalkError),
    /// A core did not flush; the pages are left read-only.
    Unanswered(Unanswered),
}

impl fmt::Display for ProtectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Walk(error) => error.fmt(f),
            Self::Unanswered(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ProtectError {}

/// Why pages were not unmapped cleanly. They are not accessible any more, but lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnmapError {
    /// The page tables could not be walked.
    Walk(WalkError),
    /// A core did not flush.
    Unanswered(Unanswered),
}

impl fmt::Display for UnmapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Walk(error) => error.fmt(f),
            Self::Unanswered(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for UnmapError {}

/// What pages are to be backed with. Frames are the range's own in each case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backing {
    /// Frames full of zeros: nothing of an earlier owner shows.
    Zeroed(Permissions),
    /// Frames as they are, read-write. For memory that its user writes before reading: stacks, the heap.
    Raw,
    /// As `Raw`, but inaccessible until [`open_reserve`].
    Reserve,
}

/// Builds the kernel's page tables. They take effect with `install`.
///
/// # Errors
/// If the layout makes no sense, memory runs out, or it was called before.
pub fn init(layout: &KernelLayout) -> Result<(), BuildError> {
    if root().is_some() {
        return Err(BuildError::AlreadyBuilt);
    }
    let mapper = build::build(Window, layout)?;
    for (cell, region) in PROTECTED.iter().zip(layout.read_only()) {
        cell[0].store(region.start, Ordering::Relaxed);
        cell[1].store(region.end, Ordering::Relaxed);
    }
    set_root(mapper.root_address());
    Ok(())
}

pub(crate) fn set_root(root: PhysAddr) {
    ROOT.store(root.as_u64(), Ordering::Release);
}

/// The kernel's top-level table, once it is built.
#[must_use]
pub fn root() -> Option<PhysAddr> {
    match ROOT.load(Ordering::Acquire) {
        0 => None,
        root => Some(PhysAddr::new(root)),
    }
}

pub(crate) fn mapper() -> Option<Mapper<Window>> {
    // SAFETY: the root was built by this crate from tables of the window, and none is ever removed.
    root().map(|root| unsafe { Mapper::new(Window, root) })
}

/// What `address` translates to in the kernel's tables. Takes no lock: usable in a fault handler.
#[must_use]
pub fn translate(address: VirtAddr) -> Option<Translation> {
    mapper()?.translate(address)
}

/// Walks all tables; see [`Audit`]. `None` before [`init`].
#[must_use]
pub fn audit() -> Option<Audit> {
    let protected = PROTECTED.each_ref().map(|[start, end]| Region {
        start: start.load(Ordering::Relaxed),
        end: end.load(Ordering::Relaxed),
    });
    Some(mapper()?.audit(&protected))
}

/// Maps pages `which` of `pages` to fresh frames, wherever in memory they are: the entries record them, so
/// they need not be contiguous and no list of them is kept.
///
/// # Errors
/// At the first page that fails. Pages before it stay mapped; [`detach`] copes with that.
pub fn attach(pages: &mut Pages<Mapped>, which: Range<usize>, backing: Backing) -> Result<(), MapError> {
    let range = pages.range().slice(which.start, which.end).ok_or(MapError::OutOfRange)?;
    // SAFETY: the range is part of `pages`, which we hold exclusively.
    unsafe { attach_owned(range, backing) }
}

/// [`attach`] for pages that no `Pages` stands for: those of the heap's region.
///
/// # Errors
/// As [`attach`].
///
/// # Safety
/// Nobody else has, or will have, a claim to the pages of `range`.
pub unsafe fn attach_owned(range: PageRange, backing: Backing) -> Result<(), MapError> {
    let mapper = mapper().ok_or(MapError::NotInitialised)?;
    // What can never be met must not eat all memory first, from under everybody else. Counting takes time, so small
    // ranges are not checked.
    if range.count() > UNCHECKED_PAGES && range.count() > frame_allocator::stats().free {
        let error = OutOfFrames::Exhausted { count: range.count(), align: 1 };
        return Err(MapError::Attach(AttachError::Frame(error)));
    }
    let (permissions, zeroed) = match backing {
        Backing::Zeroed(permissions) => (permissions, true),
        Backing::Raw | Backing::Reserve => (Permissions::ReadWrite, false),
    };
    let reserve = backing == Backing::Reserve;
    let attributes = Attributes { permissions, caching: Caching::WriteBack, owned: true, reserve };
    let result = mapper.attach(range, attributes, || {
        let frame = frame_allocator::allocate(1, 1)?;
        if zeroed {
            zero(frame.start());
        }
        // SAFETY: the mapper stores every frame that it asks for.
        Ok(unsafe { frame.into_mapped() }.start())
    });
    #[cfg(not(keel_kernel))]
    crate::host::sync(range);
    result.map_err(MapError::Attach)
}

/// Maps all pages of `pages` to `frames`, which keep what they hold and belong to the mapping from now on.
///
/// # Errors
/// If there are not as many frames as pages, or as [`attach`]. The frames that were not mapped are freed.
pub fn attach_frames(
    pages: &mut Pages<Mapped>,
    frames: Frames,
    permissions: Permissions,
) -> Result<(), MapError> {
    let mapper = mapper().ok_or(MapError::NotInitialised)?;
    let range = pages.range();
    if range.count() != frames.count() {
        return Err(MapError::OutOfRange);
    }
    let attributes = Attributes { permissions, caching: Caching::WriteBack, owned: true, reserve: false };
    let mut rest = Some(frames);
    let result = mapper.attach(range, attributes, || {
        let frames = rest.take().ok_or(OutOfFrames::Exhausted { count: 1, align: 1 })?;
        let first = match frames.split_at(1) {
            Ok((first, others)) => {
                rest = Some(others);
                first
            }
            // There is but one.
            Err(OutOfRange(last)) => last,
        };
        // SAFETY: the mapper stores every frame that it asks for.
        Ok(unsafe { first.into_mapped() }.start())
    });
    #[cfg(not(keel_kernel))]
    crate::host::sync(range);
    result.map_err(MapError::Attach)
}

/// Maps all pages of `pages` to the registers of a device from `start` on: read-write, uncached, not owned.
///
/// # Errors
/// As [`attach`].
///
/// # Safety
/// Physical memory from `start` on, as long as `pages`, is registers of a device, and whoever gets the mapping may
/// use them.
pub unsafe fn attach_device(pages: &mut Pages<Mapped>, start: PhysAddr) -> Result<(), MapError> {
    let mapper = mapper().ok_or(MapError::NotInitialised)?;
    let attributes = Attributes {
        permissions: Permissions::ReadWrite,
        caching: Caching::Uncached,
        owned: false,
        reserve: false,
    };
    let mut frames = (0..pages.count() as u64).map(|page| start.align_down(4096u64) + page * 4096);
    mapper
        .attach(pages.range(), attributes, || {
            frames.next().ok_or(OutOfFrames::Exhausted { count: 1, align: 1 })
        })
        .map_err(MapError::Attach)
}

/// Makes the reserve pages of `range` accessible, on the spot: no lock, no allocation, no flush.
///
/// # Errors
/// If the range is no range of 4 KiB pages.
///
/// # Safety
/// The pages belong to the caller.
pub unsafe fn open_reserve(range: PageRange) -> Result<(), WalkError> {
    if let Some(mapper) = mapper() {
        mapper.open(range)?;
        #[cfg(not(keel_kernel))]
        crate::host::sync(range);
    }
    Ok(())
}

/// Gives all mapped pages of `pages` other permissions, and makes them known to every core. `from` is what they
/// have; `None` if an earlier change failed, so that cores may disagree.
///
/// Between writable and executable it goes by way of read-only, with a flush in between: at no moment can one
/// core write what another executes.
///
/// # Errors
/// If a core does not flush: then the pages are left read-only, as far as cores answer.
pub fn protect(
    pages: &mut Pages<Mapped>,
    from: Option<Permissions>,
    to: Permissions,
) -> Result<(), ProtectError> {
    let Some(mapper) = mapper() else { return Ok(()) };
    let range = pages.range();
    let set = |permissions| {
        mapper.set_permissions(range, permissions).map_err(ProtectError::Walk)?;
        flush::everywhere(range).map_err(ProtectError::Unanswered)
    };
    if from == Some(to) {
        return Ok(());
    }
    if from != Some(Permissions::ReadOnly) && to != Permissions::ReadOnly {
        set(Permissions::ReadOnly)?;
    }
    set(to).inspect_err(|_| {
        // Take back what was granted. Whoever has not heard of the grant need not hear of this; whoever has
        // keeps it until its next flush, and the next change takes nothing for granted.
        let _ = set(Permissions::ReadOnly);
    })
}

/// Pages that are not accessible any more, while TLBs may still know them. Drop it, and they and their frames
/// are lost on purpose.
#[must_use = "pages and frames are lost unless this is flushed"]
#[derive(Debug)]
pub struct Unflushed {
    pages: Pages<Unmapped>,
    was_present: bool,
}

/// Pages that no core can reach any more, with frames to be taken out. Dropping it frees both.
#[derive(Debug)]
pub struct Flushed {
    pages: ManuallyDrop<Pages<Unmapped>>,
}

/// Makes `pages` inaccessible. The frames stay named in the entries: nothing is allocated.
///
/// # Errors
/// If a large page is in the way, which cannot be in pages that the page allocator gave out; the pages are lost.
pub fn detach(pages: Pages<Mapped>) -> Result<Unflushed, WalkError> {
    let was_present = match mapper() {
        Some(mapper) => mapper.detach(pages.range())?,
        None => false,
    };
    Ok(Unflushed { pages: pages.into_unmapped(), was_present })
}

impl Unflushed {
    /// Makes every online core forget the pages, and waits for it. Must not be called with a spin lock held.
    ///
    /// # Errors
    /// If a core does not answer. Pages and frames are then lost on purpose: that core may still use them.
    pub fn flush(self) -> Result<Flushed, Unanswered> {
        // Pages that were never accessible are in no TLB.
        if self.was_present {
            flush::everywhere(self.pages.range())?;
        }
        Ok(Flushed { pages: ManuallyDrop::new(self.pages) })
    }
}

impl Flushed {
    /// Empties the entries, hands each owned frame to `take`, and returns the pages.
    pub fn release(self, take: impl FnMut(Frames)) -> Pages {
        let mut flushed = ManuallyDrop::new(self);
        // SAFETY: `flushed` is not used again, and its destructor does not run.
        let pages = unsafe { ManuallyDrop::take(&mut flushed.pages) };
        // SAFETY: all cores have flushed: there is no other way to make a `Flushed`.
        unsafe { empty(pages, take) }
    }
}

impl Drop for Flushed {
    fn drop(&mut self) {
        // SAFETY: a destructor runs once, and nothing uses the field after it.
        let pages = unsafe { ManuallyDrop::take(&mut self.pages) };
        // SAFETY: as in `release`.
        drop(unsafe { empty(pages, drop) });
    }
}

/// Empties the entries of `pages` and hands each owned frame to `take`.
///
/// # Safety
/// All cores have flushed `pages`.
unsafe fn empty(pages: Pages<Unmapped>, mut take: impl FnMut(Frames)) -> Pages {
    if let Some(mapper) = mapper() {
        let result = mapper.collect(pages.range(), |frame, owned| {
            if owned {
                // SAFETY: the entry was stale, so this crate had put the frame there and made it not present,
                // and it is emptied now, so this happens once. The caller says that all cores have flushed.
                take(unsafe { Frames::from_entry(frame, 1).assume_flushed() });
            }
        });
        debug_assert_eq!(result, Ok(()), "detach has walked the same tables");
    }
    // SAFETY: the entries are empty now, and the caller says that all cores have flushed.
    unsafe { pages.assume_flushed() }
}

/// Unmaps, flushes everywhere, and frees pages and frames: the whole way in one call.
///
/// # Errors
/// If a core does not answer: what it may still reach is lost on purpose, and the log says how much.
pub fn retire(pages: Pages<Mapped>) -> Result<(), UnmapError> {
    let range = pages.range();
    let flushed = detach(pages)
        .map_err(UnmapError::Walk)
        .and_then(|unflushed| unflushed.flush().map_err(UnmapError::Unanswered));
    match flushed {
        Ok(flushed) => {
            drop(flushed);
            Ok(())
        }
        Err(error) => {
            log::error!(
                "paging: {} KiB at {:#x} are kept out of use for ever: {error}",
                range.len() >> 10,
                range.start()
            );
            Err(error)
        }
    }
}
