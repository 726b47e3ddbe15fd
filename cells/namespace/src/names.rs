//! Symbol names for people, and the one name that the loader looks for.
//!
//! Rust's v0 names carry a disambiguator per crate; `{:#}` of `rustc-demangle` leaves it out. What is printed or compared here is
//! a stream: nothing is allocated, because backtraces are printed by fault handlers.

use arrayvec::ArrayString;
use core::fmt::{self, Write};
use rustc_demangle::try_demangle;

/// The longest function name that a backtrace shows, in bytes.
pub const LONGEST_NAME: usize = 192;

/// Whether the mangled `name` is that of `<krate>::CELL`.
#[must_use]
pub fn is_entry(name: &str, krate: &str) -> bool {
    // Demangling is dear, and a cell has hundreds of symbols: the last identifier of the path comes last in v0.
    if !name.ends_with("4CELL") {
        return false;
    }
    let Ok(path) = try_demangle(name) else { return false };
    let mut text = ArrayString::<{ 64 + 8 }>::new();
    write!(text, "{path:#}").is_ok() && text.strip_prefix(krate).is_some_and(|rest| rest == "::CELL")
}

/// Fills up, then swallows the rest.
struct Cut<'a, const N: usize>(&'a mut ArrayString<N>);

impl<const N: usize> Write for Cut<'_, N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(self.0.remaining_capacity());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let _ = self.0.try_push_str(&text[..end]);
        // An error stops the demangler early: names can be very long.
        if end < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

/// The demangled `name`, cut to fit.
#[must_use]
pub fn readable<const N: usize>(name: &str) -> ArrayString<N> {
    let mut text = ArrayString::new();
    let _ = match try_demangle(name) {
        Ok(path) => write!(Cut(&mut text), "{path:#}"),
        Err(_) => Cut(&mut text).write_str(name),
    };
    text
}

/// The crate that a symbol most likely comes from: the first path in its name. `None` for names that are not Rust's.
#[must_use]
pub fn home(name: &str) -> Option<ArrayString<64>> {
    let path = try_demangle(name).ok()?;
    let mut text = ArrayString::<LONGEST_NAME>::new();
    let _ = write!(Cut(&mut text), "{path:#}");
    let start = text.find(|c: char| c.is_ascii_alphabetic() || c == '_')?;
    let rest = text.get(start..)?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    ArrayString::from(rest.get(..end)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_is_found_by_its_path() {
        let name = "_RNvCs4Q2Qx8jI5j6_11round_robin4CELL";
        assert!(is_entry(name, "round_robin"));
        assert!(!is_entry(name, "round"));
        assert!(!is_entry(name, "round_robin2"));
        assert!(!is_entry("_RNvNtCs4Q2Qx8jI5j6_11round_robin1m4CELL", "round_robin"), "in a module");
        assert!(!is_entry("CELL", "CELL"));
    }

    #[test]
    fn names_are_readable_and_cut() {
        let name = "_RNvNtCsgEmfK2I1SDS_4core9panicking18panic_bounds_check";
        assert_eq!(readable::<64>(name).as_str(), "core::panicking::panic_bounds_check");
        assert_eq!(readable::<10>(name).as_str(), "core::pani");
        assert_eq!(readable::<64>("memcpy").as_str(), "memcpy");
        assert_eq!(home(name).as_deref(), Some("core"));
        assert_eq!(
            home("_RNvXsd_NtNtNtCsgEmfK2I1SDS_4core3fmt3num3impyNtB9_7Display3fmt").as_deref(),
            Some("u64")
        );
        assert_eq!(home("memcpy"), None);
    }
}
