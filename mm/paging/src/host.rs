//! A machine for host tests: real memory behind simulated page tables.
//!
//! A memory file stands for physical memory. It is mapped at the host's `PHYS_OFFSET`, so the allocators and the
//! walker run over it unchanged, and pages that the walker maps are mapped from the same file with the same
//! permissions at the same addresses. So a test may use what `MappedPages` lends, across frames that are not
//! contiguous, and a use of memory that it ought not to reach is a real fault.
//!
//! The process's mappings stand for the TLB: unmapping takes effect at the flush, not before.

use core::sync::atomic::{AtomicBool, Ordering};

use std::sync::Once;

use core_local::{CoreId, CoreSet};
use memory_types::layout::{CELLS, DYNAMIC, HEAP, PHYS_OFFSET};
use memory_types::range::AddressRange;
use memory_types::{PAGE_SIZE, PageRange, Region};

use crate::flush::Unanswered;
use crate::space;
use crate::table::Window;

/// Bytes of simulated physical memory.
pub const MEMORY: u64 = 64 << 20;

static START: Once = Once::new();
static DEAF: AtomicBool = AtomicBool::new(false);
/// The descriptor of the memory file.
static FILE: core::sync::atomic::AtomicI32 = core::sync::atomic::AtomicI32::new(-1);

/// Sets physical memory, both allocators and the page tables up, once for the process. Call it first in a test.
///
/// # Panics
/// If the host refuses a mapping: then no test can run.
pub fn start() {
    START.call_once(|| {
        // SAFETY: a constant, terminated name; no memory is passed besides.
        let file = unsafe { libc::memfd_create(c"keel-memory".as_ptr(), 0) };
        assert!(file >= 0, "the host has no memory files");
        // SAFETY: no memory is passed.
        assert_eq!(unsafe { libc::ftruncate(file, MEMORY as libc::off_t) }, 0);
        FILE.store(file, Ordering::Relaxed);
        map(PHYS_OFFSET, MEMORY, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_FIXED_NOREPLACE, Some(0));
        for AddressRange { start, end } in [DYNAMIC, HEAP, CELLS] {
            map(start, end - start, libc::PROT_NONE, libc::MAP_FIXED_NOREPLACE, None);
        }
        let usable = [Region { start: 0x1000, end: 0xa_0000 }, Region { start: 1 << 20, end: MEMORY }];
        // SAFETY: the memory was made just now, for this, and all of it is mapped.
        unsafe { frame_allocator::init(usable.into_iter(), core::iter::empty(), MEMORY) }
            .expect("the map above is a good one");
        page_allocator::init().expect("there is memory, and this runs once");
        let mapper = crate::build::empty(Window, MEMORY).expect("there is memory");
        space::set_root(mapper.root_address());
    });
}

/// Lets the next flushes fail, as if core 1 did not answer, or succeed again.
pub fn set_deaf(deaf: bool) {
    DEAF.store(deaf, Ordering::Relaxed);
}

/// Makes the process's mappings of `range` those of the page tables.
pub(crate) fn sync(range: PageRange) {
    for page in range.iter() {
        match space::translate(page) {
            Some(found) => {
                let mut protection = libc::PROT_READ;
                if found.writable {
                    protection |= libc::PROT_WRITE;
                }
                if found.executable {
                    protection |= libc::PROT_EXEC;
                }
                // Device registers are not simulated.
                if found.address.as_u64() < MEMORY {
                    map(
                        page.as_u64(),
                        PAGE_SIZE as u64,
                        protection,
                        libc::MAP_FIXED,
                        Some(found.address.as_u64()),
                    );
                }
            }
            None => map(page.as_u64(), PAGE_SIZE as u64, libc::PROT_NONE, libc::MAP_FIXED, None),
        }
    }
}

/// The flush of every "core".
pub(crate) fn flush(range: PageRange) -> Result<(), Unanswered> {
    if DEAF.load(Ordering::Relaxed) {
        let mut cores = CoreSet::EMPTY;
        cores.insert(CoreId::new(1).expect("there are cores besides the first"));
        return Err(Unanswered { cores });
    }
    sync(range);
    Ok(())
}

fn map(start: u64, len: u64, protection: i32, fixed: i32, offset: Option<u64>) {
    let (kind, file) = match offset {
        Some(_) => (libc::MAP_SHARED, FILE.load(Ordering::Relaxed)),
        None => (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1),
    };
    // SAFETY: the address is in one of the ranges that `start` reserved for this module (or reserves just now,
    // without replacing anything), and the pages are those of the caller.
    let got = unsafe {
        libc::mmap(
            start as *mut _,
            len as usize,
            protection,
            kind | fixed,
            file,
            offset.unwrap_or(0) as libc::off_t,
        )
    };
    assert_eq!(got as u64, start, "the host refused a mapping at {start:#x}");
}
