//! `wx`: nothing is writable and executable, now and at every step of a change of permissions.

use crate::failure::Failure;
use alloc::{format, string::String};
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, PageRange, Permissions};

/// A page more than are flushed one by one.
const PAGES: usize = 33;
/// The ways from each permission to each other one.
const WAY: [Permissions; 7] = [
    Permissions::ReadExecute,
    Permissions::ReadWrite,
    Permissions::ReadOnly,
    Permissions::ReadExecute,
    Permissions::ReadOnly,
    Permissions::ReadWrite,
    Permissions::ReadExecute,
];

pub fn run(rounds: u64) -> Result<String, Failure> {
    let tables = audit()?;
    for _ in 0..rounds {
        // Among the sections of the loaded cells.
        let mut memory = MappedPages::allocate_at_cell_area(PAGES * PAGE_SIZE, Permissions::ReadWrite)
            .map_err(|error| Failure::refused("map memory", error))?;
        for permissions in WAY {
            memory.protect(permissions).map_err(|error| Failure::refused("protect memory", error))?;
            check(&memory, permissions)?;
            audit()?;
        }
    }
    Ok(format!("{rounds} times {} changes of {PAGES} pages; {tables}", WAY.len()))
}

/// The rules hold for all page tables; says what is in them.
fn audit() -> Result<String, Failure> {
    match paging::audit() {
        Some(audit) if audit.is_sound() => Ok(format!("{audit}")),
        Some(audit) => Err(Failure::Unsound(format!("{audit}"))),
        None => Err(Failure::refused("walk the page tables", "there are none")),
    }
}

fn check(memory: &MappedPages, permissions: Permissions) -> Result<(), Failure> {
    let pages = PageRange::new(memory.start(), PAGES).into_iter().flat_map(|range| range.iter());
    for page in pages {
        let right = paging::translate(page).is_some_and(|found| {
            found.writable == permissions.writable()
                && found.executable == permissions.executable()
                && !found.user
        });
        if !right {
            return Err(Failure::Permissions(page, permissions));
        }
    }
    Ok(())
}
