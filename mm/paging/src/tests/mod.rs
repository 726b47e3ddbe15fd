//! Tests of the walker over simulated memory, judged by a second walker that shares no code with it.

mod build;
mod machine;
mod operations;

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::boxed::Box;
use std::vec::Vec;

use frame_allocator::OutOfFrames;
use memory_types::PhysAddr;

use crate::table::{ENTRIES, Table, TableMemory};

/// Where the simulated tables lie.
const BASE: u64 = 0x7_0000_0000;

/// Memory for some tables, which counts what is given back.
pub(super) struct Simulated {
    tables: Vec<Box<Table>>,
    used: AtomicUsize,
    discarded: AtomicUsize,
}

impl Simulated {
    pub(super) fn new(tables: usize) -> Self {
        let table = || Box::new(Table([const { AtomicU64::new(0) }; ENTRIES]));
        Self {
            tables: (0..tables).map(|_| table()).collect(),
            used: AtomicUsize::new(0),
            discarded: AtomicUsize::new(0),
        }
    }

    fn word(&self, table: u64, index: u64) -> u64 {
        self.tables[((table - BASE) / 4096) as usize].0[index as usize].load(Ordering::Relaxed)
    }

    /// The second walker: what the manual says, in plain numbers. Returns the physical address, and whether
    /// all levels allow writing and execution.
    pub(super) fn walk(&self, root: u64, address: u64) -> Option<(u64, bool, bool)> {
        let pml4e = self.word(root, (address >> 39) & 511);
        if pml4e & 1 == 0 {
            return None;
        }
        let pdpte = self.word(pml4e & 0x000f_ffff_ffff_f000, (address >> 30) & 511);
        if pdpte & 1 == 0 {
            return None;
        }
        let (write, no_execute) = (pml4e & pdpte & 2, (pml4e | pdpte) >> 63);
        if pdpte & 0x80 != 0 {
            return Some((
                (pdpte & 0x000f_ffff_c000_0000) | (address & 0x3fff_ffff),
                write != 0,
                no_execute == 0,
            ));
        }
        let pde = self.word(pdpte & 0x000f_ffff_ffff_f000, (address >> 21) & 511);
        if pde & 1 == 0 {
            return None;
        }
        let (write, no_execute) = (write & pde, no_execute | pde >> 63);
        if pde & 0x80 != 0 {
            return Some((
                (pde & 0x000f_ffff_ffe0_0000) | (address & 0x1f_ffff),
                write != 0,
                no_execute == 0,
            ));
        }
        let pte = self.word(pde & 0x000f_ffff_ffff_f000, (address >> 12) & 511);
        if pte & 1 == 0 {
            return None;
        }
        Some((
            (pte & 0x000f_ffff_ffff_f000) | (address & 0xfff),
            write & pte != 0,
            no_execute | pte >> 63 == 0,
        ))
    }
}

// SAFETY: each table is handed out once, zeroed, and lives as long as `self`.
unsafe impl TableMemory for &Simulated {
    unsafe fn table(&self, at: PhysAddr) -> &Table {
        &self.tables[((at.as_u64() - BASE) / 4096) as usize]
    }

    fn new_table(&self) -> Result<PhysAddr, OutOfFrames> {
        let number = self.used.fetch_add(1, Ordering::Relaxed);
        if number >= self.tables.len() {
            return Err(OutOfFrames::Exhausted { count: 1, align: 1 });
        }
        Ok(PhysAddr::new(BASE + number as u64 * 4096))
    }

    unsafe fn discard(&self, _at: PhysAddr) {
        self.discarded.fetch_add(1, Ordering::Relaxed);
    }
}
