//! A page that no core can reach any more: unmapped, forgotten by every core, its address free again.
//!
//! A task computes on each of the other cores, so all of them must answer, and none wakes from a halt to do so. What is mapped for it,
//! and what becomes of the frame, is not in the figure.

use crate::{meter, tasks};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[Bench::new(
    "shootdown",
    "unmap one page and make all cores, which compute, forget it; free its address",
    shootdown,
)
.cores(2)
.subtracted(meter::SUBTRACTED_READINGS)];

/// How many samples unless the caller wants another number: few, for where cores outnumber the host's, each waits until the host
/// has run all of them.
const SAMPLES: usize = 50;
/// How many come first, uncounted.
const WARM_UP: usize = 8;

fn shootdown(context: &mut BenchContext) -> Result<(), BenchError> {
    let (cores, home) = (context.cores(), context.home()?);
    context.other()?;
    let samples = context.samples_wanted(SAMPLES);
    let overhead = meter::overhead(0);
    tasks::with_busy_cores(cores, home, &mut || {
        for round in 0..WARM_UP + samples {
            let cycles = unmap_one()?;
            if round >= WARM_UP {
                context.record(cycles.saturating_sub(overhead));
            }
        }
        Ok(())
    })
}

/// Maps a page, uses it, and times how it goes.
fn unmap_one() -> Result<u64, BenchError> {
    let mut page = MappedPages::allocate(PAGE_SIZE, Permissions::ReadWrite).map_err(BenchError::failed)?;
    black_box(page.bytes_mut().map_err(BenchError::failed)?)[0] = 1;
    let mut frame = None;
    let start = clock::now_ticks_fenced();
    let pages = page.unmap().map_err(BenchError::failed)?.release(|owned| frame = Some(owned));
    drop(pages);
    let cycles = clock::now_ticks_fenced().wrapping_sub(start);
    match frame {
        Some(_) => Ok(cycles),
        None => Err(BenchError::failed("the page that was unmapped had no frame")),
    }
}
