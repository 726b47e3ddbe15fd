//! A page that no core can reach any more: unmapped, forgotten by every core, its address free again.
//!
//! Twice: while a task computes on each of the other cores, so that none wakes from a halt to answer; and while the others halt, which
//! on a host with fewer cores than the guest is the figure that says something. (Booted with `idle=poll` they poll instead: then
//! `shootdown_idle` says nothing of halts, and nothing here can tell.) What is mapped for it, and what becomes of the frame, is not in
//! the figure. All cores that are online must forget the page, so neither runs on a choice of cores.

use crate::{meter, tasks};
use cell_api::{Bench, BenchContext, BenchError};
use core::hint::black_box;
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions};

/// What this file offers.
pub(crate) const BENCHES: &[Bench] = &[
    Bench::new(
        "shootdown",
        "unmap one page and make all cores, which compute, forget it; free its address",
        |context| {
            let (cores, home) = tasks::all_cores(context)?;
            tasks::with_busy_cores(cores, home, || unmap_often(context, SAMPLES, || Ok(())))
        },
    )
    .cores(2)
    .subtracted(meter::SUBTRACTED_READINGS),
    Bench::new(
        "shootdown_idle",
        "unmap one page and make all cores, the others of which halt, forget it; free its address",
        |context| {
            let (cores, home) = tasks::all_cores(context)?;
            let others = cores.without(home);
            unmap_often(context, SAMPLES_IDLE, || tasks::wait_until_idle(others))
        },
    )
    .cores(2)
    .subtracted(meter::SUBTRACTED_READINGS),
];

/// How many samples unless the caller wants another number: few, for where cores outnumber the host's, each waits until the host
/// has run all of them.
const SAMPLES: usize = 50;
/// The same where nobody computes.
const SAMPLES_IDLE: usize = 500;
/// How many come first, uncounted.
const WARM_UP: usize = 8;

/// Unmaps as many pages as there are samples; before each, `prepare` is called, untimed.
fn unmap_often(
    context: &mut BenchContext,
    samples: usize,
    prepare: impl Fn() -> Result<(), BenchError>,
) -> Result<(), BenchError> {
    let samples = context.samples_wanted(samples);
    let overhead = meter::overhead(0);
    for round in 0..WARM_UP + samples {
        meter::kill_point();
        prepare()?;
        let cycles = unmap_one()?;
        if round >= WARM_UP {
            context.record(cycles.saturating_sub(overhead));
        }
    }
    Ok(())
}

/// Maps a page, uses it, and times how it goes.
fn unmap_one() -> Result<u64, BenchError> {
    let mut page = MappedPages::allocate(PAGE_SIZE, Permissions::ReadWrite).map_err(BenchError::failed)?;
    black_box(page.bytes_mut().map_err(BenchError::failed)?)[0] = 1;
    let (address, mut frame) = (page.start(), None);
    let start = clock::now_ticks_fenced();
    let pages = page.unmap().map_err(BenchError::failed)?.release(|owned| frame = Some(owned));
    drop(pages);
    let cycles = clock::now_ticks_fenced().wrapping_sub(start);
    match frame {
        // The frame is still ours. Another task may have got the address meanwhile, but for another frame.
        Some(owned) if paging::translate(address).is_none_or(|found| found.address != owned.start()) => {
            Ok(cycles)
        }
        Some(_) => Err(BenchError::failed("the page is still mapped after it was unmapped")),
        None => Err(BenchError::failed("the page that was unmapped had no frame")),
    }
}
