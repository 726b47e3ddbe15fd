//! Names for cores: a dense index and a bit set of them.
//!
//! Cores are numbered densely in the order in which bring-up lists them, whatever their APIC ids
//! are, so that a per-core array has no holes and a set of cores is one machine word.

use core::fmt;

/// How many cores the kernel can run: the number of bits in a [`CoreSet`].
pub const MAX_CORES: usize = 64;

/// A core, as a dense index below [`MAX_CORES`]. The core that booted is [`CoreId::BOOT`].
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash, Debug)]
#[repr(transparent)]
pub struct CoreId(u32);

impl CoreId {
    /// The core that the firmware started the kernel on.
    pub const BOOT: Self = Self(0);

    /// The core with this index, or `None` if it is not below [`MAX_CORES`].
    #[inline]
    pub const fn new(index: u32) -> Option<Self> {
        if (index as usize) < MAX_CORES { Some(Self(index)) } else { None }
    }

    /// The index, below [`MAX_CORES`].
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Every core that can exist, in ascending order.
    pub fn all() -> impl DoubleEndedIterator<Item = Self> + ExactSizeIterator {
        const { assert!(MAX_CORES <= u32::MAX as usize) };
        (0..MAX_CORES as u32).map(Self)
    }
}

impl fmt::Display for CoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "core {}", self.0)
    }
}

/// A set of cores, one bit each.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Default)]
#[repr(transparent)]
pub struct CoreSet(u64);

const _: () = assert!(MAX_CORES == u64::BITS as usize);

impl CoreSet {
    /// No core.
    pub const EMPTY: Self = Self(0);
    /// Every core that can exist, whether it does or not.
    pub const ALL: Self = Self(u64::MAX);

    /// The set of this one core.
    #[inline]
    pub const fn single(core: CoreId) -> Self {
        Self(1 << core.0)
    }

    /// The set whose bit `n` stands for the core with index `n`.
    #[inline]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Bit `n` stands for the core with index `n`.
    #[inline]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Adds a core; says whether it was new.
    #[inline]
    pub const fn insert(&mut self, core: CoreId) -> bool {
        let new = !self.contains(core);
        self.0 |= 1 << core.0;
        new
    }

    /// Takes a core out; says whether it was in.
    #[inline]
    pub const fn remove(&mut self, core: CoreId) -> bool {
        let was_in = self.contains(core);
        self.0 &= !(1 << core.0);
        was_in
    }

    /// Whether the core is in the set.
    #[inline]
    pub const fn contains(self, core: CoreId) -> bool {
        self.0 & (1 << core.0) != 0
    }

    /// This set and one core more.
    #[inline]
    pub const fn with(self, core: CoreId) -> Self {
        Self(self.0 | 1 << core.0)
    }

    /// This set but for one core.
    #[inline]
    pub const fn without(self, core: CoreId) -> Self {
        Self(self.0 & !(1 << core.0))
    }

    /// The cores that are in either set.
    #[inline]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The cores that are in both sets.
    #[inline]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The cores of this set that are not in the other.
    #[inline]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// How many cores are in the set.
    #[inline]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether no core is in the set.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The core with the lowest index.
    #[inline]
    pub const fn first(self) -> Option<CoreId> {
        CoreId::new(self.0.trailing_zeros())
    }

    /// The cores in ascending order.
    #[inline]
    pub const fn iter(self) -> CoreSetIter {
        CoreSetIter(self)
    }
}

impl IntoIterator for CoreSet {
    type Item = CoreId;
    type IntoIter = CoreSetIter;
    fn into_iter(self) -> CoreSetIter {
        self.iter()
    }
}

impl FromIterator<CoreId> for CoreSet {
    fn from_iter<I: IntoIterator<Item = CoreId>>(cores: I) -> Self {
        cores.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// The cores of a [`CoreSet`] in ascending order.
#[derive(Clone, Debug)]
pub struct CoreSetIter(CoreSet);

impl Iterator for CoreSetIter {
    type Item = CoreId;

    fn next(&mut self) -> Option<CoreId> {
        let core = self.0.first()?;
        self.0.remove(core);
        Some(core)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len(), Some(self.0.len()))
    }
}

impl ExactSizeIterator for CoreSetIter {}

/// A person reads "core 3", "cores 0 1 5", "no core".
impl fmt::Display for CoreSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len() {
            0 => return f.write_str("no core"),
            1 => f.write_str("core")?,
            _ => f.write_str("cores")?,
        }
        self.iter().try_for_each(|core| write!(f, " {}", core.0))
    }
}

impl fmt::Debug for CoreSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(CoreId::index)).finish()
    }
}
