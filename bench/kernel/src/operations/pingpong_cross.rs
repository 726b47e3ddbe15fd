//! A wake there and a wake back: the round trip of `pingpong`, with the two tasks on two cores.
//!
//! Neither polls: each waits for the other, and its core has nothing else to do meanwhile. So a round trip has two wakes
//! from idle in it. Boot with `idle=poll` for the same without the halts.

use crate::{meter::SUBTRACTED, operations::pingpong::round_trip};
use cell_api::Bench;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "pingpong_cross",
    "wake a task on another, idle core with a semaphore and wait until it wakes this one",
    |context| {
        let other = context.other()?;
        round_trip(context, other)
    },
)
.cores(2)
.subtracted(SUBTRACTED)];
