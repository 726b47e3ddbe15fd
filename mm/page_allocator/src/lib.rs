//! Virtual memory, and who owns it.
//!
//! [`Pages`] is an affine owner of a run of virtual pages in one of two areas, with its state in its type.
//! Whoever holds it is the only one to touch the page-table entries of these pages, which is why mapping and
//! unmapping need no lock.
//!
//! A bit per page says whether it has an owner ([`bitmap`]). In the dynamic area each core starts its search
//! in a slice of its own, so that two cores neither write the same line of the bitmap nor share a page table.
//! The bitmaps are the largest things here (512 KiB for 16 GiB) and come from the frame allocator.
#![no_std]

mod area;
mod pages;

use core::fmt;
use core::mem;

use bitmap::{AtomicWord, words_for};
use frame_allocator::OutOfFrames;
use memory_types::layout::{CELLS, DYNAMIC, PHYS_OFFSET};
use memory_types::range::AddressRange;
use memory_types::{PAGE_SIZE, VirtAddr};
use spin::Once;

pub use area::AreaAllocator;
pub use pages::Pages;

static AREAS: Once<Areas> = Once::new();

struct Areas {
    dynamic: AreaAllocator<'static>,
    cells: AreaAllocator<'static>,
}

/// Which part of the address space pages come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Area {
    /// Mappings, stacks, device registers.
    Dynamic,
    /// Sections of loaded cells: within 2 GiB of the kernel image.
    Cells,
}

/// Why no pages were handed out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutOfPages {
    /// The area has no run of `count` free pages.
    Exhausted {
        /// The area asked.
        area: Area,
        /// Pages asked for.
        count: usize,
    },
    /// [`init`] has not run.
    NotInitialised,
}

impl fmt::Display for OutOfPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted { area, count } => write!(
                f,
                "no run of {count} free pages in the {} area of the address space; unmap something, or map less at once",
                match area {
                    Area::Dynamic => "dynamic",
                    Area::Cells => "cells",
                }
            ),
            Self::NotInitialised => {
                f.write_str("the page allocator is not initialised; call page_allocator::init first")
            }
        }
    }
}

impl core::error::Error for OutOfPages {}

/// Why the allocator could not be set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InitError {
    /// It was set up before.
    AlreadyInitialised,
    /// There is no memory for the bitmaps.
    OutOfFrames(OutOfFrames),
}

impl fmt::Display for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyInitialised => f.write_str("the page allocator was initialised before"),
            Self::OutOfFrames(error) => write!(f, "no memory for the page allocator's bitmaps: {error}"),
        }
    }
}

impl core::error::Error for InitError {}

/// Sets the two areas up, all of them free. Needs the frame allocator.
///
/// # Errors
/// If there is no memory, or if it was called before.
pub fn init() -> Result<(), InitError> {
    if AREAS.is_completed() {
        return Err(InitError::AlreadyInitialised);
    }
    let areas = Areas {
        dynamic: AreaAllocator::new(storage(DYNAMIC)?, DYNAMIC, true),
        cells: AreaAllocator::new(storage(CELLS)?, CELLS, false),
    };
    AREAS.call_once(|| areas);
    Ok(())
}

/// Memory for the bits of `range`, for ever.
fn storage(range: AddressRange) -> Result<&'static [AtomicWord], InitError> {
    let words = words_for(range.pages());
    let frames = (words * size_of::<AtomicWord>()).div_ceil(PAGE_SIZE);
    let frames = frame_allocator::allocate(frames, 1).map_err(InitError::OutOfFrames)?;
    let start = (PHYS_OFFSET + frames.start().as_u64()) as *const AtomicWord;
    mem::forget(frames);
    // SAFETY: these frames are ours and never given back; they are reached through the window onto physical
    // memory, page-aligned, and any bytes are a valid `AtomicWord`.
    Ok(unsafe { core::slice::from_raw_parts(start, words) })
}

/// Hands out `count` successive pages, none of them mapped, of which the first is a multiple of
/// `align_pages` pages from the area's start.
///
/// # Errors
/// If the area has no such run.
pub fn allocate(area: Area, count: usize, align_pages: usize) -> Result<Pages, OutOfPages> {
    let areas = AREAS.get().ok_or(OutOfPages::NotInitialised)?;
    let allocator = match area {
        Area::Dynamic => &areas.dynamic,
        Area::Cells => &areas.cells,
    };
    let range = allocator
        .claim(count, align_pages, core_local::current())
        .ok_or(OutOfPages::Exhausted { area, count })?;
    // SAFETY: the allocator has just claimed this range for us.
    Ok(unsafe { Pages::from_claimed(range) })
}

fn release(start: VirtAddr, count: usize) {
    let Some(areas) = AREAS.get() else { return };
    let allocator = if CELLS.contains(start.as_u64()) { &areas.cells } else { &areas.dynamic };
    if let Err(error) = allocator.release(start, count) {
        log::error!("page allocator: {error}");
    }
}

/// How much of an area is in use, in pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Pages in the area.
    pub total: usize,
    /// Pages with an owner, guard pages and pages lost to failed shootdowns included.
    pub used: usize,
}

/// Counts the pages in use. Takes tens of microseconds: it reads the whole bitmap.
#[must_use]
pub fn stats(area: Area) -> Stats {
    AREAS.get().map_or_else(Stats::default, |areas| match area {
        Area::Dynamic => areas.dynamic.stats(),
        Area::Cells => areas.cells.stats(),
    })
}
