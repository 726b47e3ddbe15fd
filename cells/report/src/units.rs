//! Figures with a unit, to three digits or so. Whole-number arithmetic: the kernel does without floating point.

use core::fmt;

/// A time in nanoseconds, shown in the unit that suits it: `850 ns`, `12.3 µs`, `4.5 ms`, `1.2 s`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Nanoseconds(pub u64);

/// An amount of memory in bytes, shown in the unit that suits it: `96 B`, `1.5 KiB`, `512.0 MiB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Bytes(pub u64);

/// Writes `value / unit` with one digit behind the point, rounded down.
fn tenths(f: &mut fmt::Formatter<'_>, value: u64, unit: u64, name: &str) -> fmt::Result {
    let tenth = u128::from(value % unit) * 10 / u128::from(unit);
    write!(f, "{}.{tenth} {name}", value / unit)
}

impl fmt::Display for Nanoseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ns @ 0..1_000 => write!(f, "{ns} ns"),
            ns @ 1_000..1_000_000 => tenths(f, ns, 1_000, "µs"),
            ns @ 1_000_000..1_000_000_000 => tenths(f, ns, 1_000_000, "ms"),
            ns => tenths(f, ns, 1_000_000_000, "s"),
        }
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const KIB: u64 = 1 << 10;
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        match self.0 {
            bytes @ 0..KIB => write!(f, "{bytes} B"),
            bytes @ KIB..MIB => tenths(f, bytes, KIB, "KiB"),
            bytes @ MIB..GIB => tenths(f, bytes, MIB, "MiB"),
            bytes => tenths(f, bytes, GIB, "GiB"),
        }
    }
}

/// "1 task", "2 tasks".
#[must_use]
pub fn plural(count: usize, noun: &str) -> impl fmt::Display {
    fmt::from_fn(move |f| write!(f, "{count} {noun}{}", if count == 1 { "" } else { "s" }))
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_unit_at_its_bounds() {
        let times = [0, 999, 1_000, 12_399, 999_999, 1_000_000, 999_999_999, 1_250_000_000];
        let shown = ["0 ns", "999 ns", "1.0 µs", "12.3 µs", "999.9 µs", "1.0 ms", "999.9 ms", "1.2 s"];
        assert_eq!(times.map(|ns| Nanoseconds(ns).to_string()), shown);
        let sizes = [0, 1_023, 1_024, 1_536, (1 << 20) - 1, 512 << 20, u64::MAX];
        let shown = ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1023.9 KiB", "512.0 MiB", "17179869183.9 GiB"];
        assert_eq!(sizes.map(|bytes| Bytes(bytes).to_string()), shown);
        assert_eq!([0, 1, 2].map(|n| plural(n, "task").to_string()), ["0 tasks", "1 task", "2 tasks"]);
    }
}
