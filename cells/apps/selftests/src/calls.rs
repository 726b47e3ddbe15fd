//! `calls`: cross-core calls, rendezvous and shootdowns of all cores at once, against one another.
//!
//! Every call must have run once on every other core when it returns; in a rendezvous every core must have done its part
//! once, and nobody's count of what it has done may move.

use crate::crew::Crew;
use crate::failure::Failure;
use alloc::{format, string::String, sync::Arc};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use core_local::{CoreId, CoreSet, MAX_CORES, PerCore};
use mapped_pages::MappedPages;
use memory_types::{PAGE_SIZE, Permissions};

/// How long a call or a rendezvous may wait, in nanoseconds: all cores stop one another here, and QEMU's cores share the host's.
const TIMEOUT_NS: u64 = 20_000_000_000;
/// For how long the rendezvous watches the others stand still, in nanoseconds.
const WATCH_NS: u64 = 20_000;

type Counts = [AtomicU32; MAX_CORES];

fn counts() -> Counts {
    [const { AtomicU32::new(0) }; MAX_CORES]
}

pub fn run(rounds: u64) -> Result<String, Failure> {
    // How often each core has gone round its loop.
    let progress = Arc::new(PerCore::from_fn(|_| AtomicU32::new(0)));
    let crew = Crew::run(move |crew, place| member(crew, place, rounds, &progress))?.len() as u64;
    let each = crew * rounds;
    Ok(format!(
        "{crew} cores, {} calls, {each} rendezvous, {each} shootdowns, each once on each core",
        each * 4
    ))
}

fn member(crew: &Crew, place: usize, rounds: u64, progress: &PerCore<AtomicU32>) -> Result<(), Failure> {
    let (core, online) = (crew.cores()[place], core_local::online());
    crew.meet()?;
    for _ in 0..rounds {
        for _ in 0..4 {
            progress.get(core).fetch_add(1, Relaxed);
            call(core, online)?;
        }
        progress.get(core).fetch_add(1, Relaxed);
        rendezvous(core, online, progress)?;
        progress.get(core).fetch_add(1, Relaxed);
        MappedPages::allocate(PAGE_SIZE, Permissions::ReadWrite)
            .map_err(|error| Failure::refused("map memory", error))?
            .unmap()
            .map_err(|error| Failure::refused("unmap memory", error))?;
    }
    crew.meet()
}

fn once(counts: &Counts, on: CoreSet) -> Result<(), Failure> {
    CoreId::all().try_for_each(|core| {
        let times = counts[core.index()].load(Relaxed);
        if times == u32::from(on.contains(core)) { Ok(()) } else { Err(Failure::Ran { core, times }) }
    })
}

fn call(core: CoreId, online: CoreSet) -> Result<(), Failure> {
    let ran = counts();
    let count = |on: CoreId| {
        ran[on.index()].fetch_add(1, Relaxed);
    };
    ipi::call_with(online, &count, TIMEOUT_NS).map_err(|error| Failure::refused("call the cores", error))?;
    once(&ran, online.without(core))
}

fn rendezvous(core: CoreId, online: CoreSet, progress: &PerCore<AtomicU32>) -> Result<(), Failure> {
    let ran = counts();
    let count = |on: CoreId| {
        ran[on.index()].fetch_add(1, Relaxed);
    };
    let watch = |_: &ipi::Stopped| {
        let before = counts();
        online.iter().for_each(|on| before[on.index()].store(progress.get(on).load(Relaxed), Relaxed));
        clock::spin_for(WATCH_NS);
        online.iter().find(|&on| before[on.index()].load(Relaxed) != progress.get(on).load(Relaxed))
    };
    let (moved, _) = ipi::rendezvous(watch, Some(&count), TIMEOUT_NS)
        .map_err(|error| Failure::refused("stop the cores", error))?;
    match moved.filter(|&on| on != core) {
        Some(on) => Err(Failure::Moved(on)),
        None => once(&ran, online),
    }
}
