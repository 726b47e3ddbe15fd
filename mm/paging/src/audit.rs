//! The W^X audit: a walk over every entry, as the processor would read it.

use core::fmt;

use arrayvec::ArrayVec;
use memory_types::{Region, VirtAddr};

use crate::entry::{Entry, EntryState};
use crate::table::{ENTRIES, Level, Table, TableMemory};
use crate::walk::Mapper;

/// How many pages of each size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Count {
    /// 4 KiB.
    pub small: usize,
    /// 2 MiB.
    pub mebibyte: usize,
    /// 1 GiB.
    pub gibibyte: usize,
}

impl Count {
    /// Bytes in all.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.small as u64 * Level::One.span()
            + self.mebibyte as u64 * Level::Two.span()
            + self.gibibyte as u64 * Level::Three.span()
    }

    fn add(&mut self, level: Level) {
        match level {
            Level::One => self.small += 1,
            Level::Two => self.mebibyte += 1,
            Level::Three | Level::Four => self.gibibyte += 1,
        }
    }
}

/// What an audit found. Permissions are the effective ones: those that all levels agree on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Audit {
    /// Tables, the top one included.
    pub tables: usize,
    /// Pages that can only be read.
    pub read_only: Count,
    /// Pages that can be written.
    pub read_write: Count,
    /// Pages that can be executed.
    pub read_execute: Count,
    /// Pages that can be written *and* executed. Must be none.
    pub write_execute: Count,
    /// The first pages of these.
    pub write_execute_at: ArrayVec<VirtAddr, 8>,
    /// Writable pages that reach memory which must have no writable page: the image's text and rodata. Must be none.
    pub writable_aliases: usize,
    /// The first pages of these.
    pub writable_alias_at: ArrayVec<VirtAddr, 8>,
    /// Pages that ring 3 could use. Must be none.
    pub user: usize,
    /// Pages held in reserve under stacks, inaccessible for now.
    pub reserve: usize,
    /// Pages that were unmapped and whose flush has not been completed, for now or for ever.
    pub stale: usize,
}

impl Audit {
    /// Whether nothing is writable and executable, nothing that must be constant is writable, and nothing is
    /// open to ring 3.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.write_execute == Count::default() && self.writable_aliases == 0 && self.user == 0
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} page tables: {} KiB read-only, {} KiB read-write, {} KiB read-execute",
            self.tables,
            self.read_only.bytes() >> 10,
            self.read_write.bytes() >> 10,
            self.read_execute.bytes() >> 10
        )?;
        if self.is_sound() {
            return f.write_str("; none writable and executable");
        }
        for page in &self.write_execute_at {
            write!(f, "; page {page:#x} is writable and executable")?;
        }
        for page in &self.writable_alias_at {
            write!(f, "; page {page:#x} makes code or constants writable")?;
        }
        if self.user > 0 {
            write!(f, "; {} pages are open to ring 3", self.user)?;
        }
        Ok(())
    }
}

/// Permissions so far on the way down.
#[derive(Clone, Copy)]
struct Grants {
    writable: bool,
    executable: bool,
    user: bool,
}

impl<M: TableMemory> Mapper<M> {
    /// Walks every table. `protected` is physical memory that no page may make writable.
    ///
    /// Other cores may change entries meanwhile; each is judged as it is read.
    #[must_use]
    pub fn audit(&self, protected: &[Region]) -> Audit {
        let mut audit = Audit::default();
        let grants = Grants { writable: true, executable: true, user: true };
        self.audit_table(self.root(), Level::Four, 0, grants, protected, &mut audit);
        audit
    }

    fn audit_table(
        &self,
        table: &Table,
        level: Level,
        base: u64,
        grants: Grants,
        protected: &[Region],
        audit: &mut Audit,
    ) {
        audit.tables += 1;
        for index in 0..ENTRIES {
            let entry = table.get(index);
            let address = base + index as u64 * level.span();
            if !entry.is_present() {
                if level == Level::One {
                    match entry.state() {
                        EntryState::Reserve => audit.reserve += 1,
                        EntryState::Stale => audit.stale += 1,
                        EntryState::Present | EntryState::Empty => {}
                    }
                }
                continue;
            }
            let grants = Grants {
                writable: grants.writable && entry.is_writable(),
                executable: grants.executable && entry.is_executable(),
                user: grants.user && entry.is_user(),
            };
            match level.below() {
                Some(below) if !entry.is_huge() => {
                    self.audit_table(self.below(entry), below, address, grants, protected, audit);
                }
                _ => audit.judge(entry, level, VirtAddr::new_truncate(address), grants, protected),
            }
        }
    }
}

impl Audit {
    fn judge(&mut self, entry: Entry, level: Level, page: VirtAddr, grants: Grants, protected: &[Region]) {
        match (grants.writable, grants.executable) {
            (false, false) => self.read_only.add(level),
            (true, false) => self.read_write.add(level),
            (false, true) => self.read_execute.add(level),
            (true, true) => {
                self.write_execute.add(level);
                // Full: the first few are enough to find the culprit.
                let _ = self.write_execute_at.try_push(page);
            }
        }
        self.user += usize::from(grants.user);
        let start = entry.frame(level.span()).as_u64();
        let block = Region { start, end: start + level.span() };
        if grants.writable && protected.iter().any(|region| region.overlaps(&block)) {
            self.writable_aliases += 1;
            let _ = self.writable_alias_at.try_push(page);
        }
    }
}
