//! A change of permissions that every core sees before the call returns.
//!
//! A page that was just written to becomes read-only; a task computes on each of the other cores, so all of them must answer. The way
//! back to writable is not in the figure. All cores that are online are told, so it does not run on a choice of cores.

use crate::{meter, tasks};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] =
    &[Bench::new("protect_all", "make a writable page read-only for all cores, which compute", protect_all)
        .cores(2)
        .subtracted(meter::SUBTRACTED_READINGS)];

/// How many samples unless the caller wants another number: few, for where cores outnumber the host's, each waits until the host
/// has run all of them.
const SAMPLES: usize = 50;
/// How many come first, uncounted.
const WARM_UP: usize = 8;

fn protect_all(context: &mut BenchContext) -> Result<(), BenchError> {
    let (cores, home) = tasks::all_cores(context)?;
    let samples = context.samples_wanted(SAMPLES);
    let overhead = meter::overhead(0);
    let mut page = MappedPages::allocate(PAGE_SIZE, Permissions::ReadWrite).map_err(BenchError::failed)?;
    tasks::with_busy_cores(cores, home, || {
        for round in 0..WARM_UP + samples {
            meter::kill_point();
            black_box(page.bytes_mut().map_err(BenchError::failed)?)[0] = 1;
            let start = clock::now_ticks_fenced();
            page.protect(Permissions::ReadOnly).map_err(BenchError::failed)?;
            let cycles = clock::now_ticks_fenced().wrapping_sub(start);
            if round >= WARM_UP {
                context.record(cycles.saturating_sub(overhead));
            }
            // What the tables say, not what the page's owner has written down.
            if paging::translate(page.start()).is_none_or(|found| found.writable) {
                return Err(BenchError::failed("the page tables do not say that the page is read-only"));
            }
            page.protect(Permissions::ReadWrite).map_err(BenchError::failed)?;
        }
        Ok(())
    })
}
