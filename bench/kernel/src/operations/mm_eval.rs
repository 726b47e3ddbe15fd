//! Does the price of a mapping depend on how many there are? Theseus's `mm_eval`: N mappings of one page each are
//! made, then the permission of each is changed, then each is unmapped, by Keel's [`MappedPages`] and by a
//! conventional mapper that keeps a tree of areas ([`vma_mapper`]). Frames, zeroing, page tables and shootdown are
//! the same code in both.
//!
//! N is 100, 1,000, 10,000 and 100,000, with one page to a mapping, as in Theseus. The areas of the tree are told not
//! to merge: they stand for N unrelated mappings, and merging would leave a tree of one. Each mapper gives
//! addresses as it likes; mappings are changed and unmapped in the order in which they were made.
//!
//! A sample is a pass over all N, divided by N. Passes make at most [`MOST_MAPPINGS`] mappings in all, whatever
//! `--samples` says, but one is always made: 100,000 mappings take some 420 MiB of memory and, where cores must be told,
//! 100,000 or 200,000 shootdowns: many seconds in an emulator with many cores.
//!
//! More than [`MOST_WARM_UP`] mappings have no pass to warm up. Then the tree's nodes would be the first to need so much heap, and the
//! heap's growth would fall into the rows of `vma_tree` alone. So as many bytes as they take are held before either mapper is
//! measured, and freed again: the heap keeps what it has grown by.

use crate::meter;
use alloc::vec::Vec;
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions, VirtAddr};
use vma_mapper::{AddressSpace, Merging};

/// Six benchmarks for each number of mappings.
macro_rules! rows {
    ($($mappings:literal),*) => {
        &[$(
            row!(Map, "map", "map a zeroed page", Owners, "mapped_pages", $mappings),
            row!(Map, "map", "map a zeroed page", VmaTree, "vma_tree", $mappings),
            row!(Remap, "remap", "make a mapped page read-only on all cores", Owners, "mapped_pages", $mappings),
            row!(Remap, "remap", "make a mapped page read-only on all cores", VmaTree, "vma_tree", $mappings),
            row!(Unmap, "unmap", "unmap a page on all cores and free it", Owners, "mapped_pages", $mappings),
            row!(Unmap, "unmap", "unmap a page on all cores and free it", VmaTree, "vma_tree", $mappings),
        )*]
    };
}

/// One of them.
macro_rules! row {
    ($phase:ident, $operation:literal, $what:literal, $mapper:ident, $name:literal, $mappings:literal) => {
        Bench::new(
            concat!("mm_eval_", $operation, "_", $name, "_", $mappings),
            concat!($what, ", one of ", $mappings, " mappings of ", $name),
            |context| run::<$mapper>(context, Phase::$phase, $mappings),
        )
        .subtracted("two TSC readings a pass: fastest of 32 empty pairs, same run; the loop stays in")
    };
}

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = rows!(100, 1000, 10000, 100000);

/// Passes unless the caller wants another number, or [`MOST_MAPPINGS`] allows fewer.
const PASSES: usize = 10;
/// How many mappings all counted passes together make at most, unless one pass is of more: with many cores each of them
/// costs one or two shootdowns.
const MOST_MAPPINGS: usize = 5_000;
/// Up to so many mappings, a pass that does not count comes first. More are not worth the time.
const MOST_WARM_UP: usize = 1_000;

/// Heap that a mapping takes at most, in bytes. A leaf of the tree of areas has room for 11 areas of 24 bytes and their keys of 8, and is
/// at least 5 full: some 75 bytes to an area. The rest is for inner nodes and for what the heap adds.
const HEAP_BYTES: usize = 128;

/// What is timed; the others are done too where they must be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Map,
    Remap,
    Unmap,
}

/// Whoever makes mappings of a page.
trait Mapper: Sized {
    /// What its user keeps of a mapping.
    type Mapping;
    /// One with room for so many mappings.
    fn new(mappings: usize) -> Result<Self, BenchError>;
    fn map(&self) -> Result<Self::Mapping, BenchError>;
    fn remap(&self, mapping: &mut Self::Mapping, permissions: Permissions) -> Result<(), BenchError>;
    fn unmap(&self, mapping: Self::Mapping) -> Result<(), BenchError>;
    fn address(mapping: &Self::Mapping) -> VirtAddr;
}

/// Keel: each mapping is an owner, and nobody else knows of it.
struct Owners;

impl Mapper for Owners {
    type Mapping = MappedPages;

    fn new(_mappings: usize) -> Result<Self, BenchError> {
        Ok(Self)
    }

    #[inline]
    fn map(&self) -> Result<MappedPages, BenchError> {
        MappedPages::allocate(PAGE_SIZE, Permissions::ReadWrite).map_err(BenchError::failed)
    }

    #[inline]
    fn remap(&self, mapping: &mut MappedPages, permissions: Permissions) -> Result<(), BenchError> {
        mapping.protect(permissions).map_err(BenchError::failed)
    }

    #[inline]
    fn unmap(&self, mapping: MappedPages) -> Result<(), BenchError> {
        mapping.unmap().map(drop).map_err(BenchError::failed)
    }

    fn address(mapping: &MappedPages) -> VirtAddr {
        mapping.start()
    }
}

/// The baseline: the address space knows all mappings, its user an address of each.
struct VmaTree(AddressSpace);

impl Mapper for VmaTree {
    type Mapping = VirtAddr;

    fn new(mappings: usize) -> Result<Self, BenchError> {
        AddressSpace::new(mappings).map(Self).map_err(BenchError::failed)
    }

    #[inline]
    fn map(&self) -> Result<VirtAddr, BenchError> {
        self.0.map_with(1, Permissions::ReadWrite, Merging::Never).map_err(BenchError::failed)
    }

    #[inline]
    fn remap(&self, start: &mut VirtAddr, permissions: Permissions) -> Result<(), BenchError> {
        self.0.protect(*start, 1, permissions).map_err(BenchError::failed)
    }

    #[inline]
    fn unmap(&self, start: VirtAddr) -> Result<(), BenchError> {
        self.0.unmap(start, 1).map_err(BenchError::failed)
    }

    fn address(start: &VirtAddr) -> VirtAddr {
        *start
    }
}

fn run<M: Mapper>(context: &mut BenchContext, phase: Phase, mappings: usize) -> Result<(), BenchError> {
    let passes = context.samples_wanted(PASSES).clamp(1, (MOST_MAPPINGS / mappings).max(1));
    check_memory(mappings)?;
    let mapper = M::new(mappings)?;
    let mut held = Vec::with_capacity(mappings);
    drop(black_box(Vec::<u8>::with_capacity(mappings * HEAP_BYTES)));
    let overhead = meter::overhead(0);
    let warm_up = usize::from(mappings <= MOST_WARM_UP);
    for number in 0..warm_up + passes {
        meter::kill_point();
        let cycles = pass(&mapper, phase, mappings, &mut held)?;
        if number >= warm_up {
            context.record_batch(cycles, overhead, mappings as u64);
        }
    }
    Ok(())
}

/// Makes and unmaps all mappings, and says how long `phase` of it took.
fn pass<M: Mapper>(
    mapper: &M,
    phase: Phase,
    mappings: usize,
    held: &mut Vec<M::Mapping>,
) -> Result<u64, BenchError> {
    let mapped = timed(|| {
        for _ in 0..mappings {
            held.push(mapper.map()?);
        }
        Ok(())
    })?;
    check_tables::<M>(held, true)?;
    meter::kill_point();
    let mut remapped = 0;
    if phase == Phase::Remap {
        remapped =
            timed(|| held.iter_mut().try_for_each(|mapping| mapper.remap(mapping, Permissions::ReadOnly)))?;
        check_tables::<M>(held, false)?;
    }
    meter::kill_point();
    let free = frame_allocator::stats().free;
    let unmapped = timed(|| held.drain(..).try_for_each(|mapping| mapper.unmap(mapping)))?;
    // Others may have taken some meanwhile, but not that many.
    let freed = frame_allocator::stats().free.saturating_sub(free);
    if freed < mappings / 2 {
        return Err(BenchError::failed(format_args!("unmapping {mappings} pages freed {freed} frames")));
    }
    Ok(match phase {
        Phase::Map => mapped,
        Phase::Remap => remapped,
        Phase::Unmap => unmapped,
    })
}

fn timed(work: impl FnOnce() -> Result<(), BenchError>) -> Result<u64, BenchError> {
    let start = clock::now_ticks_fenced();
    let result = work();
    let cycles = clock::now_ticks_fenced().wrapping_sub(start);
    result.map(|()| cycles)
}

/// Whether the page tables say of all mappings what they should.
fn check_tables<M: Mapper>(held: &[M::Mapping], writable: bool) -> Result<(), BenchError> {
    let wrong = held.iter().map(M::address).find(|&address| {
        paging::translate(address).is_none_or(|found| found.writable != writable || found.executable)
    });
    wrong.map_or(Ok(()), |address| {
        Err(BenchError::failed(format_args!("the page at {address:#x} is not mapped as it was asked to be")))
    })
}

/// Says beforehand what cannot work, instead of taking all memory first.
fn check_memory(mappings: usize) -> Result<(), BenchError> {
    // A page each, and some for page tables and for what is kept of them.
    let (needed, free) = (mappings + mappings / 16 + 256, frame_allocator::stats().free);
    if free < needed {
        let mib = |frames: usize| frames.div_ceil((1 << 20) / PAGE_SIZE);
        return Err(BenchError::failed(format_args!(
            "it needs {} MiB of free memory, and {} are free; start Keel with --mem 1G",
            mib(needed),
            mib(free)
        )));
    }
    Ok(())
}
