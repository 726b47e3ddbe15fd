//! What a handful of samples look like: least, middle, most.

use alloc::vec::Vec;

/// The least, the middle and the greatest of some samples.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spread {
    /// The least.
    pub min: u64,
    /// The middle one; of an even number, the lower of the two in the middle.
    pub median: u64,
    /// The greatest.
    pub max: u64,
}

impl Spread {
    /// Of these samples; `None` if there are none.
    #[must_use]
    pub fn of(samples: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut sorted: Vec<u64> = samples.into_iter().collect();
        sorted.sort_unstable();
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        Some(Self { min, median: sorted[(sorted.len() - 1) / 2], max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_one_even_odd() {
        assert_eq!(Spread::of([]), None);
        assert_eq!(Spread::of([5]), Some(Spread { min: 5, median: 5, max: 5 }));
        assert_eq!(Spread::of([9, 1, 5, 3]), Some(Spread { min: 1, median: 3, max: 9 }));
        assert_eq!(Spread::of([3, 1, 2]), Some(Spread { min: 1, median: 2, max: 3 }));
    }
}
