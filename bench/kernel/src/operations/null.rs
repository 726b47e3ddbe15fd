//! The cheapest question that a task can ask the kernel: who am I?
//!
//! Where a kernel has system calls, this is the null system call. Here it is a read of one word of
//! the core's block.

use crate::meter::{Meter, SUBTRACTED};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;

/// What this file offers.
pub(crate) const BENCHES: &[Bench] =
    &[Bench::new("null", "ask for the current task's id", null).subtracted(SUBTRACTED)];

fn null(context: &mut BenchContext) -> Result<(), BenchError> {
    Meter::new(1_000).run_sure(context, || {
        black_box(scheduler::current_id());
    })
}
