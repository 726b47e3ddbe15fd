//! The protocols, for any number of cores on any atomics. Not part of the crate's interface: public
//! only so that its models and stress tests reach it.
//!
//! Cores are bits of a `u64` here. What a core does besides reading and writing these words
//! (tell the time, ring another core, relax while it waits) comes in through [`Env`].

mod calls;
mod stops;

pub use calls::{Calls, Work};
pub use stops::{OnEach, StopFailure, Stopped, Stops};

/// What the protocols need of the core that executes them.
pub trait Env {
    /// This core's number.
    fn me(&self) -> usize;
    /// Makes the cores of `targets`, this one not among them, look at their mail soon, if they can. Others may look too.
    fn ring(&self, targets: u64);
    /// Whether the time for the present wait is over. Time in which this core was itself held by a
    /// rendezvous does not count.
    fn expired(&self) -> bool;
    /// Called in each turn of a wait for other cores: serves what is addressed to this core, then relaxes.
    fn serve_and_relax(&self);
    /// Called in each turn of a wait in which nothing may be served.
    fn relax(&self);
    /// Nanoseconds, for measuring how long cores are held.
    fn now_ns(&self) -> u64;
}

/// The bit of a core.
pub(crate) const fn bit(core: usize) -> u64 {
    1 << core
}

/// The cores whose bits are set, in ascending order.
pub(crate) fn members(mut bits: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let core = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (core < 64).then_some(core)
    })
}
