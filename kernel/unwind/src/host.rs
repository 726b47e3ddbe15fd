//! The host's stand-in: std's panics carry a [`Cause`].

extern crate std;

use crate::Cause;
use alloc::string::{String, ToString};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

/// Runs `f`; a panic or a [`raise`] inside it becomes an error.
pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Cause> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| match payload.downcast::<Cause>() {
        Ok(cause) => *cause,
        Err(other) => Cause::Panic(match other.downcast::<String>() {
            Ok(message) => *message,
            Err(other) => other.downcast_ref::<&str>().unwrap_or(&"panic").to_string(),
        }),
    })
}

/// Unwinds the calling thread with `cause`.
pub fn raise(cause: Cause) -> ! {
    panic_any(cause)
}

/// Whether the calling thread is unwinding.
pub fn is_unwinding() -> bool {
    std::thread::panicking()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_passes_and_a_cause_is_caught() {
        assert_eq!(catch(|| 7), Ok(7));
        assert_eq!(catch::<()>(|| raise(Cause::Killed)), Err(Cause::Killed));
        assert_eq!(catch::<()>(|| panic!("x {}", 1)), Err(Cause::Panic("x 1".into())));
    }
}
