//! One entry of a page table (Intel SDM volume 3, section 5.5.4, tables 5-15 to 5-20), and what Keel keeps in
//! the bits that the processor ignores.
//!
//! An entry of a page is in one of four states. The frame stays named in all but the first, so the entry
//! itself is the record of which frame the page owns: a mapping needs no list of its frames, and its frames need
//! not be contiguous.
//!
//! ```text
//!   empty ──attach──▶ present ◀──protect──┐          bit 9   owned: the frame is freed with the mapping
//!     │                  │  └─────────────┘          bit 10  reserve: not present yet, frame held ready
//!     └─attach─▶ reserve │                           bit 11  stale: no longer present, TLBs not flushed yet
//!                  │     ▼
//!                  └──▶ stale ──(flushed)──▶ empty, the frame is free
//! ```

use memory_types::{Caching, Permissions, PhysAddr};
use x86_64::structures::paging::PageTableFlags as Flags;

const ADDRESS: u64 = 0x000f_ffff_ffff_f000;
const OWNED: Flags = Flags::BIT_9;
const RESERVE: Flags = Flags::BIT_10;
const STALE: Flags = Flags::BIT_11;

/// The value of an entry. Building one that is writable and executable is not possible from here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry(pub(crate) u64);

/// What an entry of a 4 KiB page means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EntryState {
    /// Nothing.
    Empty,
    /// The processor translates through it.
    Present,
    /// A frame is held ready, and the page is not accessible yet.
    Reserve,
    /// The page is not accessible any more, and its frame may still be in a TLB.
    Stale,
}

impl Entry {
    /// No mapping.
    pub const EMPTY: Self = Self(0);

    /// A reference to a lower table. It grants everything: the leaf decides.
    #[must_use]
    pub fn table(at: PhysAddr) -> Self {
        Self(at.as_u64() | (Flags::PRESENT | Flags::WRITABLE | Flags::ACCESSED).bits())
    }

    /// A leaf of a 4 KiB page. Accessed and dirty are set at once, so that the processor never writes the
    /// entry, and software may update it without a race. All are global: there is one address space.
    #[must_use]
    pub fn page(frame: PhysAddr, permissions: Permissions, caching: Caching, owned: bool) -> Self {
        let mut flags =
            Flags::PRESENT | Flags::ACCESSED | Flags::DIRTY | Flags::GLOBAL | permission_bits(permissions);
        flags.set(OWNED, owned);
        // PWT and PCD select PAT entry 3, which is "uncacheable" after reset.
        flags.set(Flags::NO_CACHE | Flags::WRITE_THROUGH, caching == Caching::Uncached);
        Self(frame.as_u64() | flags.bits())
    }

    /// The same for a 2 MiB or 1 GiB leaf.
    #[must_use]
    pub fn huge(frame: PhysAddr, permissions: Permissions) -> Self {
        Self(Self::page(frame, permissions, Caching::WriteBack, false).0 | Flags::HUGE_PAGE.bits())
    }

    /// This present leaf as a page that holds its frame ready, inaccessible for now.
    #[must_use]
    pub fn into_reserve(self) -> Self {
        self.with(RESERVE, Flags::PRESENT)
    }

    /// A reserve made accessible; any other entry unchanged.
    #[must_use]
    pub fn opened(self) -> Self {
        if self.state() == EntryState::Reserve { self.with(Flags::PRESENT, RESERVE) } else { self }
    }

    /// This leaf made inaccessible, its frame still named.
    #[must_use]
    pub fn into_stale(self) -> Self {
        self.with(STALE, Flags::PRESENT | RESERVE)
    }

    /// The same frame with other permissions.
    #[must_use]
    pub fn with_permissions(self, permissions: Permissions) -> Self {
        self.with(permission_bits(permissions), Flags::WRITABLE | Flags::NO_EXECUTE)
    }

    /// The same leaf, forgotten when CR3 is loaded.
    #[must_use]
    pub fn not_global(self) -> Self {
        self.with(Flags::empty(), Flags::GLOBAL)
    }

    fn with(self, set: Flags, cleared: Flags) -> Self {
        Self(self.0 & !cleared.bits() | set.bits())
    }

    /// What it means, as the entry of a 4 KiB page.
    #[must_use]
    pub fn state(self) -> EntryState {
        if self.is_present() {
            EntryState::Present
        } else if self.has(RESERVE) {
            EntryState::Reserve
        } else if self.has(STALE) {
            EntryState::Stale
        } else {
            EntryState::Empty
        }
    }

    fn has(self, flag: Flags) -> bool {
        self.0 & flag.bits() != 0
    }

    /// The frame or table that it names.
    #[must_use]
    pub fn address(self) -> PhysAddr {
        PhysAddr::new(self.0 & ADDRESS)
    }

    /// The frame of a leaf of `size` bytes (a large leaf has flags in its low address bits).
    #[must_use]
    pub fn frame(self, size: u64) -> PhysAddr {
        PhysAddr::new(self.0 & ADDRESS & !(size - 1))
    }

    /// Whether the processor uses it.
    #[must_use]
    pub fn is_present(self) -> bool {
        self.has(Flags::PRESENT)
    }

    /// Whether it ends the walk above the lowest level.
    #[must_use]
    pub fn is_huge(self) -> bool {
        self.has(Flags::HUGE_PAGE)
    }

    /// Whether the frame is freed with the mapping.
    #[must_use]
    pub fn is_owned(self) -> bool {
        self.has(OWNED)
    }

    /// Whether stores are allowed as far as this level is concerned.
    #[must_use]
    pub fn is_writable(self) -> bool {
        self.has(Flags::WRITABLE)
    }

    /// Whether execution is allowed as far as this level is concerned.
    #[must_use]
    pub fn is_executable(self) -> bool {
        !self.has(Flags::NO_EXECUTE)
    }

    /// Whether ring 3 may use it, as far as this level is concerned. Nothing of Keel's is.
    #[must_use]
    pub fn is_user(self) -> bool {
        self.has(Flags::USER_ACCESSIBLE)
    }

    /// How it is cached.
    #[must_use]
    pub fn caching(self) -> Caching {
        if self.has(Flags::NO_CACHE) { Caching::Uncached } else { Caching::WriteBack }
    }
}

fn permission_bits(permissions: Permissions) -> Flags {
    match permissions {
        Permissions::ReadOnly => Flags::NO_EXECUTE,
        Permissions::ReadWrite => Flags::WRITABLE | Flags::NO_EXECUTE,
        Permissions::ReadExecute => Flags::empty(),
    }
}
