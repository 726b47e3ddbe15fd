//! Making every core forget translations (Intel SDM volume 3, sections 5.10.4 and 5.10.5).
//!
//! This is the only place that waits for other cores. Never call it with a spin lock held or, if it can be
//! helped, with interrupts off for long: the others must be able to answer.
//!
//! The range travels in the one word that a cross-core call carries, not behind a pointer: a core that answers
//! after the time-out must not read a stack frame that is gone.

use core::fmt;

use core_local::CoreSet;
use memory_types::PageRange;

/// How long a core may take to answer. It answers from its interrupt handler, so this is only ever reached
/// by a core that is lost; generous because an emulator may not run a virtual core for a while.
pub const TIMEOUT_NS: u64 = 2_000_000_000;

/// Some cores did not flush in time. What they may still translate must never be reused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unanswered {
    /// These.
    pub cores: CoreSet,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = TIMEOUT_NS / 1_000_000_000;
        write!(
            f,
            "{} did not flush its TLB within {seconds} s: hung with interrupts off, or halted",
            self.cores
        )
    }
}

impl core::error::Error for Unanswered {}

/// Flushes `range` on every online core.
#[cfg(keel_kernel)]
pub(crate) fn everywhere(range: PageRange) -> Result<(), Unanswered> {
    // The set of others and this core's own flush must be about the same core.
    let pinned = core_local::preempt_disable();
    // Ours first, and before the set of others is read. Flushing is serialising (SDM volume 3, section 9.3): the
    // entries that were written are visible to all before the read. So of a core that goes online meanwhile, either
    // we see that it is, or the flush with which it begins (`all_here`) comes after our writes. The other way
    // round, our writes could still wait in the store buffer while it flushes and caches the old entry again.
    here(range);
    let result = ipi::call(core_local::online(), kernel::flush_packed, kernel::pack(range), TIMEOUT_NS)
        .map_err(|unanswered| Unanswered { cores: unanswered.cores });
    drop(pinned);
    result
}

/// Flushes `range` on the calling core.
#[cfg(keel_kernel)]
pub(crate) fn here(range: PageRange) {
    if range.count() > kernel::SINGLE_FLUSHES {
        all_here();
    } else {
        for page in range.iter() {
            x86_64::instructions::tlb::flush(page);
        }
    }
}

/// Flushes everything on the calling core, global pages included.
///
/// For a core that has just gone online: it may have used translations while nobody knew to tell it of their end.
#[cfg(keel_kernel)]
pub fn all_here() {
    use x86_64::registers::control::{Cr4, Cr4Flags};

    // Interrupts off: a handler between the two writes would run without global pages, and a move to another
    // core would flush half of each.
    let irqs = core_local::irq_disable();
    let flags = Cr4::read();
    // SAFETY: toggling PGE changes nothing but what the TLB holds (SDM volume 3, section 5.10.4.1).
    unsafe {
        Cr4::write(flags & !Cr4Flags::PAGE_GLOBAL);
        Cr4::write(flags | Cr4Flags::PAGE_GLOBAL);
    }
    drop(irqs);
}

#[cfg(keel_kernel)]
mod kernel {
    use memory_types::{PAGE_SIZE, PageRange, VirtAddr};

    /// Above this, flushing all is faster than page by page: each `invlpg` takes some 100 to 200 cycles, and
    /// refilling a TLB of 1,500 entries not much more than 32 of them (Linux's `tlb_single_page_flush_ceiling` is 33).
    pub(super) const SINGLE_FLUSHES: usize = 32;

    /// Bits for the count; the page's number takes the other 36 of its 48-bit address.
    const COUNT_BITS: u32 = 28;
    const COUNT_MAX: usize = (1 << COUNT_BITS) - 1;

    /// The range in a word. A count that does not fit is as good as any other large one: all is flushed.
    pub(super) fn pack(range: PageRange) -> usize {
        let page = range.start().as_u64() as usize / PAGE_SIZE;
        page << COUNT_BITS | range.count().min(COUNT_MAX)
    }

    /// What every other core runs, in its interrupt handler.
    pub(super) fn flush_packed(word: usize) {
        let count = word & COUNT_MAX;
        let start = VirtAddr::new_truncate((word >> COUNT_BITS) as u64 * PAGE_SIZE as u64);
        match PageRange::new(start, count) {
            Some(range) => super::here(range),
            None => super::all_here(),
        }
    }
}

/// The host has one "TLB": the mappings of the process. See [`crate::host`].
#[cfg(not(keel_kernel))]
pub(crate) fn everywhere(range: PageRange) -> Result<(), Unanswered> {
    crate::host::flush(range)
}
