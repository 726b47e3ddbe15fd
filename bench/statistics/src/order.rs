//! Order statistics of a sorted slice.

/// The middle element, or between the two middle ones, rounded down.
pub(crate) fn median(sorted: &[u64]) -> Option<u64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = *sorted.get(sorted.len().checked_sub(1)? / 2)?;
    Some(u64::midpoint(lower, upper))
}

/// The element at rank `⌈percent × n / 100⌉`, counted from 1: the nearest-rank percentile, which is always a
/// value that was measured. `percent` lies in 1..=100.
pub(crate) fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    // A slice of u64 has fewer than 2^60 elements, so the product fits.
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// The median of the distances of all elements from `center`.
///
/// Left of the centre the distances fall, right of it they rise: two sorted runs, whose merge is
/// followed to the middle. So no second array is needed.
pub(crate) fn median_distance(sorted: &[u64], center: u64) -> Option<u64> {
    let split = sorted.partition_point(|&sample| sample < center);
    let (below, above) = sorted.split_at(split);
    let mut left = below.iter().rev().map(|&sample| center - sample).peekable();
    let mut right = above.iter().map(|&sample| sample - center).peekable();
    let mut merged = core::iter::from_fn(|| match (left.peek(), right.peek()) {
        (Some(l), Some(r)) if l <= r => left.next(),
        (_, Some(_)) => right.next(),
        _ => left.next(),
    });
    let lower_index = sorted.len().checked_sub(1)? / 2;
    let lower = merged.nth(lower_index)?;
    let upper = if sorted.len().is_multiple_of(2) { merged.next()? } else { lower };
    Some(u64::midpoint(lower, upper))
}
