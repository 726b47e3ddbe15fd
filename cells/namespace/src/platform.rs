//! What the namespace asks of the machine.
//!
//! The logic of loading and swapping is the same on the host, where tests run it with real objects and make each of these
//! operations fail in turn; `kernel.rs` has the real ones.

#![allow(unsafe_code, reason = "the trait makes promises that the lock-free index relies on")]

use alloc::{string::String, vec::Vec};
use cell_api::{Cell, PolicyFactory};
use object_linker::{Bases, Images, Layout, Part};
use symbol_map::SymbolMap;

/// One word to be turned to a new provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Write {
    /// Address of the word, a multiple of eight, in the data part of a live cell.
    pub address: u64,
    /// What it held when it was linked. A word that holds something else by now was changed by its cell and is left alone.
    pub old: u64,
    /// What it shall hold.
    pub new: u64,
}

/// What a rendezvous took.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Committed {
    /// How long each core stood still, in nanoseconds, by core index.
    pub pauses: Vec<u64>,
    /// How many tasks passed from policy to policy, or how many words were rewritten.
    pub moved: usize,
}

/// The machine. Errors are texts of the operation that failed (`MapError`, `RendezvousError`…), which the namespace's
/// own errors carry on to people; the namespace itself does the same for all: it takes everything back.
///
/// # Safety
/// `grace` returns `Ok` only after every core has been outside any section with interrupts off since the call began: what was
/// withdrawn before the call is then read by nobody. `entry` returns what lies there.
pub unsafe trait Platform: Sized + 'static {
    /// A cell's three mapped parts. Dropping it unmaps them everywhere and frees the memory.
    type Memory: Send + Sync;
    /// A registration of unwind tables.
    type Frames: Send;
    /// What is left of a registration that was withdrawn: to be dropped after a grace period.
    type Withdrawn: Send;
    /// See [`Platform::shield`].
    type Shield;

    /// Whether `map` describes the image that runs.
    fn is_own(map: &SymbolMap<'_>) -> bool;

    /// Maps the parts of a cell, zeroed and writable.
    ///
    /// # Errors
    /// Says why there is no memory.
    fn map(layout: &Layout) -> Result<Self::Memory, String>;
    /// Where the parts lie.
    fn bases(memory: &Self::Memory) -> Bases;
    /// The parts' bytes, while they are writable.
    ///
    /// # Errors
    /// Says why they are not.
    fn images(memory: &mut Self::Memory) -> Result<Images<'_>, String>;
    /// Makes text executable and read-only, and rodata read-only.
    ///
    /// # Errors
    /// Says why not.
    fn protect(memory: &mut Self::Memory) -> Result<(), String>;
    /// The cell's entry, at `offset` in `part`. The namespace has checked the symbol's size and alignment, the magic, and that the
    /// cell was built by this compiler against this `cell_api`.
    fn entry(memory: &Self::Memory, part: Part, offset: u64) -> &'static Cell;
    /// Makes the unwinder know the cell's frames; `None` if it has none.
    ///
    /// # Errors
    /// Says why not.
    fn register(memory: &Self::Memory, layout: &Layout) -> Result<Option<Self::Frames>, String>;
    /// Makes it forget them.
    fn withdraw(frames: Self::Frames) -> Self::Withdrawn;
    /// Makes every core's scheduler use policies of this factory, moving all tasks.
    ///
    /// # Errors
    /// Says why the old policy goes on.
    fn swap_policy(factory: &'static PolicyFactory) -> Result<Committed, String>;
    /// Stores all words while every core stands still.
    ///
    /// # Errors
    /// Says why nothing was stored.
    fn rewrite(writes: &[Write]) -> Result<Committed, String>;
    /// Returns when every core has been at a point where it looks nothing up and runs no policy (both are done with
    /// interrupts off).
    ///
    /// # Errors
    /// Says which core never was.
    fn grace() -> Result<(), String>;
    /// The time since some fixed moment, in nanoseconds.
    fn now_ns() -> u64;
    /// Keeps the running task from being killed until the result is dropped.
    fn shield() -> Self::Shield;
    /// Lets others run: called while another load or swap is in progress.
    fn wait();
}
