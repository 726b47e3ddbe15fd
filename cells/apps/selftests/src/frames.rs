//! `frames`: no frame has two owners, and all come back.
//!
//! The tasks of all cores allocate and drop mappings of changing sizes at once. Each enters the frames behind its pages in
//! one common book, where a frame that is entered already would show; writes a value of its own into both ends of every
//! page; and looks whether all of it is as it was before it drops the mapping.

use crate::accounts::Accounts;
use crate::crew::Crew;
use crate::failure::Failure;
use crate::owners::Owners;
use alloc::{format, string::String, sync::Arc, vec::Vec};
use core_local::CoreId;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions};

/// The most mappings that a task holds at once, and the most pages of each.
const HELD: usize = 12;
const PAGES: u64 = 48;
/// Where the second value in each page is.
const LAST_WORD: usize = PAGE_SIZE - size_of::<u64>();

pub fn run(rounds: u64) -> Result<String, Failure> {
    let owners = Arc::new(Owners::new((frame_allocator::top() / PAGE_SIZE as u64) as usize));
    let before = Accounts::now();
    let counts = Crew::run(move |crew, place| member(crew.cores()[place], rounds, &owners))?;
    before.settle(0)?;
    let pages: u64 = counts.iter().sum();
    Ok(format!("{} cores, {pages} pages, each with one owner, all frames back", counts.len()))
}

struct Held {
    memory: MappedPages,
    stamp: u64,
    frames: Vec<u64>,
}

fn member(core: CoreId, rounds: u64, owners: &Owners) -> Result<u64, Failure> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(core.index() as u64 + 1);
    let mut held: Vec<Held> = Vec::with_capacity(HELD);
    let mut pages = 0;
    for round in 0..rounds {
        // xorshift64: Marsaglia, "Xorshift RNGs" (2003).
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if held.len() == HELD || (!held.is_empty() && random.is_multiple_of(2)) {
            let index = (random >> 8) as usize % held.len();
            held.swap_remove(index).give_back(core, owners)?;
        } else {
            let one =
                Held::take(core, 1 + (random >> 8) % PAGES, (core.index() as u64) << 32 | round, owners)?;
            pages += one.frames.len() as u64;
            held.push(one);
        }
    }
    held.into_iter().try_for_each(|one| one.give_back(core, owners))?;
    Ok(pages)
}

impl Held {
    fn take(core: CoreId, pages: u64, stamp: u64, owners: &Owners) -> Result<Self, Failure> {
        let bytes = pages as usize * PAGE_SIZE;
        let mut memory = MappedPages::allocate(bytes, Permissions::ReadWrite)
            .map_err(|error| Failure::refused("map memory", error))?;
        let mut frames = Vec::with_capacity(pages as usize);
        for offset in (0..bytes).step_by(PAGE_SIZE) {
            let at = memory.start() + offset as u64;
            let Some(found) = paging::translate(at) else {
                return Err(Failure::Permissions(at, Permissions::ReadWrite));
            };
            let frame = found.address.as_u64() / PAGE_SIZE as u64;
            if !owners.take(frame, core) {
                return Err(Failure::TwoOwners { frame, core });
            }
            frames.push(frame);
            for offset in [offset, offset + LAST_WORD] {
                let word = memory
                    .as_type_mut::<u64>(offset)
                    .map_err(|error| Failure::refused("write to a page", error))?;
                // Fresh memory is full of zeros.
                if core::mem::replace(word, stamp + offset as u64) != 0 {
                    return Err(Failure::Overwritten { core, at });
                }
            }
        }
        Ok(Self { memory, stamp, frames })
    }

    fn give_back(self, core: CoreId, owners: &Owners) -> Result<(), Failure> {
        for (page, &frame) in self.frames.iter().enumerate() {
            for offset in [page * PAGE_SIZE, page * PAGE_SIZE + LAST_WORD] {
                let word = self
                    .memory
                    .as_type::<u64>(offset)
                    .map_err(|error| Failure::refused("view a page", error))?;
                if *word != self.stamp + offset as u64 {
                    return Err(Failure::Overwritten { core, at: self.memory.start() + offset as u64 });
                }
            }
            if !owners.give_back(frame, core) {
                return Err(Failure::TwoOwners { frame, core });
            }
        }
        Ok(())
    }
}
