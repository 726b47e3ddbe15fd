//! From an address to a cell and a function, at any moment.
//!
//! Backtraces are wanted in fault handlers and on the panic path, so a lookup takes no lock and allocates nothing. Each live
//! cell has one immutable index behind an atomic pointer. A reader has interrupts off while it uses one; who
//! withdraws one waits for a grace period (every core answered an interrupt) before dropping it.

#![allow(unsafe_code, reason = "the one lock-free structure of this crate")]

use crate::names::{LONGEST_NAME, readable};
use crate::platform::Platform;
use alloc::{boxed::Box, string::String, vec::Vec};
use arrayvec::ArrayString;
use core::fmt;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use object_linker::LinkPlan;

/// As many cells as can be live at once.
pub const MOST_CELLS: usize = 256;

/// What an address belongs to. Prints as `cell: function+0x1f`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Location {
    /// The cell's name.
    pub cell: ArrayString<64>,
    /// The function's demangled name, cut if it is very long; empty if unknown.
    pub function: ArrayString<LONGEST_NAME>,
    /// Offset into the function, or into the cell's text if the function is unknown.
    pub offset: u64,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let function = if self.function.is_empty() { "?" } else { self.function.as_str() };
        write!(f, "{}: {function}+{:#x}", self.cell, self.offset)
    }
}

/// A cell name that fits: names are checked to be at most 64 bytes, so nothing is lost.
pub(crate) fn short(name: &str) -> ArrayString<64> {
    let mut text = ArrayString::new();
    let end = name.floor_char_boundary(64);
    let _ = text.try_push_str(&name[..end]);
    text
}

/// The functions of one cell, sorted by offset.
#[derive(Debug)]
pub(crate) struct Index {
    cell: ArrayString<64>,
    start: u64,
    end: u64,
    /// Offset and size in text, and where the name is.
    functions: Box<[(u32, u32, u32, u32)]>,
    names: Box<str>,
}

impl Index {
    pub fn new(cell: &str, text_start: u64, plan: &LinkPlan<'_>) -> Self {
        let mut names = String::new();
        // The linker bounds a cell's text to 16 MiB; names lie in the object, whose size it bounds too.
        let word = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let mut functions: Vec<_> = plan
            .functions()
            .map(|f| {
                let at = names.len() as u64;
                names.push_str(f.name);
                (word(f.offset), word(f.size), word(at), word(f.name.len() as u64))
            })
            .collect();
        functions.sort_unstable();
        let end = text_start + plan.layout().text;
        Self {
            cell: short(cell),
            start: text_start,
            end,
            functions: functions.into_boxed_slice(),
            names: names.into_boxed_str(),
        }
    }

    fn find(&self, address: u64) -> Option<Location> {
        if !(self.start..self.end).contains(&address) {
            return None;
        }
        let offset = address - self.start;
        let after = self.functions.partition_point(|f| u64::from(f.0) <= offset);
        let found =
            self.functions[..after].last().filter(|f| offset - u64::from(f.0) < u64::from(f.1).max(1));
        let name = found.and_then(|f| self.names.get(f.2 as usize..f.2 as usize + f.3 as usize));
        Some(Location {
            cell: self.cell,
            function: readable(name.unwrap_or_default()),
            offset: found.map_or(offset, |f| offset - u64::from(f.0)),
        })
    }
}

/// The indices of all live cells.
#[derive(Debug)]
pub(crate) struct LiveCells {
    slots: [AtomicPtr<Index>; MOST_CELLS],
    used: AtomicUsize,
}

/// The right to withdraw an index.
#[derive(Debug)]
#[must_use]
pub(crate) struct Published(usize);

impl LiveCells {
    pub const fn new() -> Self {
        Self { slots: [const { AtomicPtr::new(null_mut()) }; MOST_CELLS], used: AtomicUsize::new(0) }
    }

    /// Publishes `index`; gives it back if all slots are taken.
    pub fn publish(&self, index: Box<Index>) -> Result<Published, Box<Index>> {
        let pointer = Box::into_raw(index);
        for (i, slot) in self.slots.iter().enumerate() {
            // Release: whoever sees the pointer sees the index.
            if slot.compare_exchange(null_mut(), pointer, Ordering::Release, Ordering::Relaxed).is_ok() {
                self.used.fetch_max(i + 1, Ordering::Release);
                return Ok(Published(i));
            }
        }
        // SAFETY: made from a box above and published nowhere.
        Err(unsafe { Box::from_raw(pointer) })
    }

    /// Withdraws an index. To be dropped after a grace period.
    pub fn withdraw(&self, published: Published) -> Option<Withdrawn> {
        let pointer = self.slots.get(published.0)?.swap(null_mut(), Ordering::AcqRel);
        (!pointer.is_null()).then_some(Withdrawn(pointer))
    }

    /// What `address` belongs to.
    pub fn find(&self, address: u64) -> Option<Location> {
        // No grace period ends while this core's interrupts are off.
        let _pinned = core_local::irq_disable();
        let used = self.used.load(Ordering::Acquire);
        self.slots.iter().take(used).find_map(|slot| {
            // SAFETY: null, or an index that is alive for a grace period after it was withdrawn, which cannot have ended
            // since this load because interrupts are off.
            unsafe { slot.load(Ordering::Acquire).as_ref() }?.find(address)
        })
    }
}

/// An index that no new reader finds. It leaks unless [`Withdrawn::free_after_grace`] is called.
#[derive(Debug)]
#[must_use]
pub(crate) struct Withdrawn(*mut Index);

impl Withdrawn {
    /// Waits for a grace period and frees the index.
    ///
    /// # Errors
    /// What [`Platform::grace`] says; the index leaks.
    pub fn free_after_grace<P: Platform>(self) -> Result<(), String> {
        P::grace()?;
        // SAFETY: the pointer came from a box and was withdrawn once; readers have interrupts off, and since then, as
        // `Platform` promises, every core has had them on.
        drop(unsafe { Box::from_raw(self.0) });
        Ok(())
    }
}
