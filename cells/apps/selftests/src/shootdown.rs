//! `shootdown`: no core reads through a translation that is gone.
//!
//! In turn the task of each core maps pages, stamps them, and lends them to all; every core reads them, and so caches the
//! translation. Then the owner unmaps them, *keeps the frames*, and in its next turn maps the same addresses again: to
//! other frames, with another stamp. A core that missed the shootdown reads the old frame, which still holds the old
//! stamp. The owner's role goes round, sizes change from page-by-page to whole flushes, and every other mapping is
//! made read-only first, so that permissions are shot down too.

use crate::crew::Crew;
use crate::failure::Failure;
use alloc::{format, string::String, sync::Arc, vec::Vec};
use core_local::{CoreId, PerCore};
use frame_allocator::Frames;
use irq_lock::IrqLock;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions, VirtAddr};

/// Pages of the mappings, in turn. The last is above what is flushed page by page.
const SIZES: [usize; 3] = [1, 7, 40];

/// Pages that hold one value each, the same in all.
#[derive(Debug)]
struct Lent {
    memory: MappedPages,
    stamp: u64,
}

/// What each core's task lends at the moment. One unmaps while the next maps, so each has a place of its own.
type Table = PerCore<IrqLock<Option<Arc<Lent>>>>;

/// What one core's task keeps from one turn to the next.
#[derive(Debug, Default)]
struct Owner {
    last: Option<VirtAddr>,
    /// The frames of the last mapping, with their stamps.
    old: Vec<Frames>,
    reused: u64,
}

pub fn run(rounds: u64) -> Result<String, Failure> {
    let table = PerCore::from_fn(|_| IrqLock::new("selftest shootdown", None));
    let counts = Crew::run(move |crew, place| member(crew, place, rounds, &table))?;
    let (reads, reused) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    if reused == 0 {
        return Err(Failure::NothingTested);
    }
    Ok(format!(
        "{} cores, {rounds} mappings, {reused} at an address used before, {reads} reads, none stale",
        counts.len()
    ))
}

fn member(crew: &Crew, place: usize, rounds: u64, table: &Table) -> Result<(u64, u64), Failure> {
    let core = crew.cores()[place];
    let (mut owner, mut reads) = (Owner::default(), 0);
    for round in 0..rounds {
        let turn = round / crew.cores().len() as u64;
        let lender = crew.cores()[(round % crew.cores().len() as u64) as usize];
        let table = table.get(lender);
        if lender == core {
            let lent = owner.map(turn, round + 1)?;
            *table.lock() = Some(Arc::new(lent));
        }
        crew.meet()?;
        // Cloned in a statement of its own: what is done with it is done without the lock.
        let lent = table.lock().clone();
        if let Some(lent) = lent {
            reads += read(core, &lent)?;
        }
        crew.meet()?;
        if lender == core {
            let lent = table.lock().take();
            if let Some(lent) = lent.and_then(Arc::into_inner) {
                owner.unmap(lent)?;
            }
        }
    }
    Ok((reads, owner.reused))
}

fn read(core: CoreId, lent: &Lent) -> Result<u64, Failure> {
    let pages = lent.memory.len() / PAGE_SIZE;
    for page in 0..pages {
        let found = *lent
            .memory
            .as_type::<u64>(page * PAGE_SIZE)
            .map_err(|error| Failure::refused("view a page", error))?;
        if found != lent.stamp {
            let at = lent.memory.start() + (page * PAGE_SIZE) as u64;
            return Err(Failure::Stale { core, at, found, expected: lent.stamp });
        }
    }
    Ok(pages as u64)
}

impl Owner {
    fn map(&mut self, turn: u64, stamp: u64) -> Result<Lent, Failure> {
        let bytes = SIZES[(turn % SIZES.len() as u64) as usize] * PAGE_SIZE;
        let mut memory = MappedPages::allocate(bytes, Permissions::ReadWrite)
            .map_err(|error| Failure::refused("map memory", error))?;
        for offset in (0..bytes).step_by(PAGE_SIZE) {
            let word =
                memory.as_type_mut(offset).map_err(|error| Failure::refused("write to a page", error))?;
            *word = stamp;
        }
        if turn % 2 == 1 {
            memory
                .protect(Permissions::ReadOnly)
                .map_err(|error| Failure::refused("protect memory", error))?;
        }
        self.reused += u64::from(self.last.replace(memory.start()) == Some(memory.start()));
        Ok(Lent { memory, stamp })
    }

    fn unmap(&mut self, lent: Lent) -> Result<(), Failure> {
        let flushed = lent.memory.unmap().map_err(|error| Failure::refused("unmap memory", error))?;
        // The frames before these are free from here on; these stay as they are.
        let mut old = Vec::new();
        drop(flushed.release(|frame| old.push(frame)));
        self.old = old;
        Ok(())
    }
}
