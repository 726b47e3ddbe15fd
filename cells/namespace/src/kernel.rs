//! The machine's side, and the one namespace of the kernel.
//!
//! Each function below is that of the same name of [`Namespace`]; see there. They are calls of their own, not inlined, so that a
//! cell built against this crate depends on their addresses alone.

#![allow(unsafe_code, reason = "what the mapping holds becomes code and statics here")]

use crate::SwapError;
use crate::live::Location;
use crate::load::ArchiveReport;
use crate::names::readable;
use crate::pin::{CellPin, Pinned};
use crate::platform::{Committed, Platform, Write};
use crate::space::{CellInfo, Namespace, PolicyInfo};
use crate::swap::{SwapFailure, SwapReport};
use alloc::{boxed::Box, format, string::String, vec::Vec};
use cell_api::{Bench, Cell, Command, PolicyFactory};
use core::sync::atomic::{AtomicU64, Ordering};
use mapped_pages::MappedPages;
use memory_types::Permissions;
use object_linker::{Bases, Images, Layout, Part};
use symbol_map::SymbolMap;

/// How long the cores get to come to a rendezvous or to answer a call, in nanoseconds. An emulated core may be off its host's
/// processor for a good part of a second.
const TIMEOUT_NS: u64 = 2_000_000_000;
/// How long a load or swap sleeps before it looks again whether another one is done, in nanoseconds.
const TURN_NS: u64 = 1_000_000;

static NAMESPACE: Namespace<Kernel> = Namespace::new();

/// The real machine. It has no value: it is only a choice of operations.
#[derive(Debug)]
pub enum Kernel {}

/// The three mappings of a cell, in the area that reaches the image with 32-bit displacements.
#[derive(Debug)]
pub struct Memory {
    text: MappedPages,
    rodata: MappedPages,
    data: MappedPages,
}

impl Memory {
    fn bases(&self) -> Bases {
        let start = |part: &MappedPages| part.start().as_u64();
        Bases { text: start(&self.text), rodata: start(&self.rodata), data: start(&self.data) }
    }
}

fn map(bytes: u64) -> Result<MappedPages, String> {
    // An empty part takes a page, so that every cell looks alike.
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).max(1);
    MappedPages::allocate_at_cell_area(bytes, Permissions::ReadWrite)
        .map_err(|error| format!("no memory for it: {error}"))
}

fn bytes(part: &mut MappedPages) -> Result<&mut [u8], String> {
    let length = part.len();
    part.as_slice_mut(0, length).map_err(|error| format!("its memory cannot be written: {error}"))
}

// SAFETY: `grace` calls every other core and waits until each has run the call in an interrupt handler, which it takes only with
// interrupts on; this core has them on, or it could not wait. `entry` reads the mapping that it is given.
unsafe impl Platform for Kernel {
    type Memory = Memory;
    type Frames = unwind::Registration;
    type Withdrawn = Box<unwind::FrameRegion>;
    type Shield = scheduler::Shield;

    fn is_own(map: &SymbolMap<'_>) -> bool {
        // A map of another build has another function, or none, where this one is.
        let address = load_archive as fn(&'static [u8]) -> ArchiveReport as usize as u64;
        map.at(address).is_some_and(|(symbol, offset)| {
            offset == 0 && readable::<64>(symbol.name).as_str() == "namespace::kernel::load_archive"
        })
    }

    fn map(layout: &Layout) -> Result<Memory, String> {
        Ok(Memory { text: map(layout.text)?, rodata: map(layout.rodata)?, data: map(layout.data)? })
    }

    fn bases(memory: &Memory) -> Bases {
        memory.bases()
    }

    fn images(memory: &mut Memory) -> Result<Images<'_>, String> {
        let Memory { text, rodata, data } = memory;
        Ok(Images { text: bytes(text)?, rodata: bytes(rodata)?, data: bytes(data)? })
    }

    fn protect(memory: &mut Memory) -> Result<(), String> {
        let failed = |error| format!("its memory cannot be protected: {error}");
        memory.text.protect(Permissions::ReadExecute).map_err(failed)?;
        memory.rodata.protect(Permissions::ReadOnly).map_err(failed)
    }

    fn entry(memory: &Memory, part: Part, offset: u64) -> &'static Cell {
        let address = memory.bases().address(part, offset) as *const Cell;
        // SAFETY:
        // 1. The symbol has the size and alignment of `Cell` and lies in this part, which is mapped readable.
        // 2. It begins as a `Cell` does, and the cell was built by this compiler against this very `cell_api`, so the
        //    rest is a `Cell` too; its pointers were relocated.
        // 3. Nobody writes to it: it is an immutable static without interior mutability.
        // 4. `'static` means as long as the cell is loaded: the namespace lends it with a pin only.
        unsafe { &*address }
    }

    fn register(memory: &Memory, layout: &Layout) -> Result<Option<unwind::Registration>, String> {
        if layout.eh_frame.is_empty() {
            return Ok(None);
        }
        let bases = memory.bases();
        let region = unwind::FrameRegion {
            text_start: bases.text as usize,
            text_end: bases.address(Part::Text, layout.text) as usize,
            eh_frame: bases.address(Part::Rodata, layout.eh_frame.start) as usize,
        };
        // SAFETY: the table was linked for this text, is framed well and ends in zero; it stays mapped until a grace period after
        // the registration was withdrawn (`Namespace::dispose`).
        unsafe { unwind::register(region) }.map(Some).map_err(|error| format!("{error}"))
    }

    fn withdraw(frames: unwind::Registration) -> Box<unwind::FrameRegion> {
        frames.withdraw()
    }

    fn swap_policy(factory: &'static PolicyFactory) -> Result<Committed, String> {
        let done = scheduler::swap_policy(factory, TIMEOUT_NS).map_err(|error| format!("{error}"))?;
        for core in &done.mismatched {
            log::warn!(
                "policy {} on {core}: not every task came over at once; all were put back",
                factory.name
            );
        }
        Ok(Committed { pauses: done.pauses_ns.iter().map(|&(_, ns)| ns).collect(), moved: done.tasks_moved })
    }

    fn rewrite(writes: &[Write]) -> Result<Committed, String> {
        let store = |_: &ipi::Stopped| writes.iter().filter(|write| store(write)).count();
        let (moved, pauses) = ipi::rendezvous(store, None, TIMEOUT_NS).map_err(|error| format!("{error}"))?;
        Ok(Committed { pauses: pauses.iter().map(|(_, ns)| ns).collect(), moved })
    }

    fn grace() -> Result<(), String> {
        fn nothing(_: usize) {}
        ipi::call(core_local::online(), nothing, 0, TIMEOUT_NS).map_err(|error| format!("{error}"))
    }

    fn now_ns() -> u64 {
        clock::now_ns()
    }

    fn shield() -> scheduler::Shield {
        scheduler::shield()
    }

    fn wait() {
        scheduler::sleep(TURN_NS);
    }
}

/// Stores one word, unless its cell has changed it since; says whether it did.
fn store(write: &Write) -> bool {
    // SAFETY: the address is that of an aligned word in the writable part of a live cell, which cannot go while the
    // turn is held; all cores stand still, and the word is otherwise only read by the code of that cell.
    let word = unsafe { AtomicU64::from_ptr(write.address as *mut u64) };
    // Relaxed: letting the cores go is a release, and their going on an acquire.
    word.compare_exchange(write.old, write.new, Ordering::Relaxed, Ordering::Relaxed).is_ok()
}

/// See [`Namespace::load_archive`].
#[inline(never)]
pub fn load_archive(bytes: &'static [u8]) -> ArchiveReport {
    NAMESPACE.load_archive(bytes)
}

/// See [`Namespace::symbolize`].
#[inline(never)]
#[must_use]
pub fn symbolize(address: usize) -> Option<Location> {
    NAMESPACE.symbolize(address)
}

/// See [`Namespace::commands`].
#[inline(never)]
#[must_use]
pub fn commands() -> Vec<Pinned<Command>> {
    NAMESPACE.commands()
}

/// See [`Namespace::find_command`].
#[inline(never)]
#[must_use]
pub fn find_command(name: &str) -> Option<Pinned<Command>> {
    NAMESPACE.find_command(name)
}

/// See [`Namespace::benches`].
#[inline(never)]
#[must_use]
pub fn benches() -> Vec<Pinned<Bench>> {
    NAMESPACE.benches()
}

/// See [`Namespace::programs`].
#[inline(never)]
#[must_use]
pub fn programs() -> Vec<Pinned<Cell>> {
    NAMESPACE.programs()
}

/// See [`Namespace::policies`].
#[inline(never)]
#[must_use]
pub fn policies() -> Vec<PolicyInfo> {
    NAMESPACE.policies()
}

/// See [`Namespace::cells`].
#[inline(never)]
#[must_use]
pub fn cells() -> Vec<CellInfo> {
    NAMESPACE.cells()
}

/// See [`Namespace::pin`].
#[inline(never)]
#[must_use]
pub fn pin(name: &str) -> Option<CellPin> {
    NAMESPACE.pin(name)
}

/// See [`Namespace::archive_names`].
#[inline(never)]
#[must_use]
pub fn archive_names() -> Vec<String> {
    NAMESPACE.archive_names()
}

/// See [`Namespace::bytes_mapped`].
#[inline(never)]
#[must_use]
pub fn bytes_mapped() -> u64 {
    NAMESPACE.bytes_mapped()
}

/// See [`Namespace::swap`].
///
/// # Errors
/// See there.
#[inline(never)]
pub fn swap(old: &str, new: &str) -> Result<SwapReport, Box<SwapFailure>> {
    NAMESPACE.swap(old, new)
}

/// See [`Namespace::use_policy`].
///
/// # Errors
/// See there.
#[inline(never)]
pub fn use_policy(name: &str) -> Result<Committed, SwapError> {
    NAMESPACE.use_policy(name)
}

/// See [`Namespace::reap`].
#[inline(never)]
pub fn reap() -> usize {
    NAMESPACE.reap()
}
