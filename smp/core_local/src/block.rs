//! The block of memory that GS points to, one for each core, and which cores there are.
//!
//! ```text
//!  GS base of core n ──► BLOCKS[n]
//!    gs:0   address of this block        gs:16  preempt_count   gs:24  current_task
//!    gs:8   id     gs:12  apic_id        gs:20  need_resched    gs:32  held_locks
//! ```
//!
//! The layout is fixed (`repr(C)`, asserted below) because assembly stubs use it through
//! [`offsets`]. A core writes its own block only; others may read `id` and `apic_id`.
//! The kernel runs in ring 0 alone, so GS always holds this base: there is no `swapgs`.

use core::mem::offset_of;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::core_id::{CoreId, CoreSet, MAX_CORES};
use crate::local;

/// What a core keeps about itself. Two cache lines, so that neighbours do not share one (nor the
/// pair that the adjacent-line prefetcher fetches).
#[repr(C, align(128))]
pub struct CoreBlock {
    /// The address of this block; 0 until the core has been installed.
    self_address: AtomicUsize,
    /// The core's index.
    id: u32,
    apic_id: AtomicU32,
    /// How many [`crate::PreemptGuard`]s live on this core.
    preempt_count: AtomicU32,
    /// Not 0 when this core should call its scheduler.
    need_resched: AtomicU32,
    /// The task that runs here.
    current_task: AtomicPtr<()>,
    /// Head of the list of IRQ locks that this core holds.
    held_locks: AtomicPtr<()>,
}

/// Byte offsets of the words that assembly reaches through GS.
pub mod offsets {
    /// The block's own address (8 bytes).
    pub const SELF_ADDRESS: usize = 0;
    /// The core's index (4 bytes).
    pub const ID: usize = 8;
    /// The core's APIC id (4 bytes).
    pub const APIC_ID: usize = 12;
    /// The number of live preemption guards (4 bytes).
    pub const PREEMPT_COUNT: usize = 16;
    /// Whether the core should reschedule (4 bytes).
    pub const NEED_RESCHED: usize = 20;
    /// The task that runs on the core (8 bytes).
    pub const CURRENT_TASK: usize = 24;
    /// Head of the list of held IRQ locks (8 bytes).
    pub const HELD_LOCKS: usize = 32;
}

const _: () = {
    assert!(offset_of!(CoreBlock, self_address) == offsets::SELF_ADDRESS);
    assert!(offset_of!(CoreBlock, id) == offsets::ID);
    assert!(offset_of!(CoreBlock, apic_id) == offsets::APIC_ID);
    assert!(offset_of!(CoreBlock, preempt_count) == offsets::PREEMPT_COUNT);
    assert!(offset_of!(CoreBlock, need_resched) == offsets::NEED_RESCHED);
    assert!(offset_of!(CoreBlock, current_task) == offsets::CURRENT_TASK);
    assert!(offset_of!(CoreBlock, held_locks) == offsets::HELD_LOCKS);
    assert!(size_of::<CoreBlock>() == 128);
};

impl CoreBlock {
    const fn new(id: u32) -> Self {
        Self {
            self_address: AtomicUsize::new(0),
            id,
            apic_id: AtomicU32::new(0),
            preempt_count: AtomicU32::new(0),
            need_resched: AtomicU32::new(0),
            current_task: AtomicPtr::new(core::ptr::null_mut()),
            held_locks: AtomicPtr::new(core::ptr::null_mut()),
        }
    }

    /// The core this block belongs to.
    pub fn id(&self) -> CoreId {
        match CoreId::new(self.id) {
            Some(id) => id,
            None => unreachable!("BLOCKS has MAX_CORES entries, numbered from 0"),
        }
    }

    /// The core's APIC id; 0 until the core has been installed.
    pub fn apic_id(&self) -> u32 {
        self.apic_id.load(Ordering::Relaxed)
    }

    /// The task that runs on this core at this moment: a hint for reports, in which the pointer is
    /// not to be followed. Always null on the host, where a thread keeps its own.
    pub fn current_task_hint(&self) -> *const () {
        self.current_task.load(Ordering::Relaxed)
    }
}

static BLOCKS: [CoreBlock; MAX_CORES] = {
    let mut blocks = [const { CoreBlock::new(0) }; MAX_CORES];
    let mut index = 0;
    while index < MAX_CORES {
        blocks[index] = CoreBlock::new(index as u32);
        index += 1;
    }
    blocks
};

static PRESENT: AtomicU64 = AtomicU64::new(0);
static ONLINE: AtomicU64 = AtomicU64::new(0);

/// The block of any core, installed or not.
#[inline]
pub fn block(id: CoreId) -> &'static CoreBlock {
    &BLOCKS[id.index()]
}

/// Makes the calling core `id`: writes `IA32_GS_BASE` and counts the core as [`present`].
/// On the host it makes the calling thread stand for that core.
///
/// # Safety
/// In the kernel: the caller runs in ring 0 with interrupts off, no other core has been installed
/// as `id`, and nothing on this core has used per-core data as another core before.
pub unsafe fn install(id: CoreId, apic_id: u32) {
    let block = block(id);
    block.apic_id.store(apic_id, Ordering::Relaxed);
    block.self_address.store(core::ptr::from_ref(block).addr(), Ordering::Relaxed);
    // SAFETY: the block is a static and lives for ever; the caller promises the rest.
    unsafe { local::install(block) };
    PRESENT.fetch_or(CoreSet::single(id).bits(), Ordering::Release);
}

/// The cores that have been installed.
pub fn present() -> CoreSet {
    CoreSet::from_bits(PRESENT.load(Ordering::Acquire))
}

/// The cores that take interrupts: these answer calls and take tasks.
#[inline]
pub fn online() -> CoreSet {
    CoreSet::from_bits(ONLINE.load(Ordering::Acquire))
}

/// Counts a core as online. The core itself calls this once it can take interrupts; whatever it
/// wrote before is then visible to everyone who sees it in [`online`].
pub fn set_online(core: CoreId) {
    ONLINE.fetch_or(CoreSet::single(core).bits(), Ordering::Release);
}
