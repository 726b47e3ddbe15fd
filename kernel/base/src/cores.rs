//! All cores: interrupt stacks with guard pages for each, and the start of the others.

use crate::{machine, stop};
use acpi_tables::Platform;
use alloc::vec::Vec;
use ap_start::{ApStart, arrived, roster::Outcome, start_all};
use core::sync::atomic::{AtomicU64, Ordering};
use core_local::{CoreId, CoreSet, MAX_CORES};
use cpu::{IST_COUNT, IST_STACK_BYTES};
use memory_types::{PhysAddr, VirtAddr};
use task_stack::{Stack, StackError};
use topology::{Core, State};

/// Stack of a core's idle context.
const IDLE_STACK_BYTES: usize = 64 * 1024;
/// How long all cores together may take.
const START_TIMEOUT_NS: u64 = 5_000_000_000;

/// Tops of each core's interrupt stacks, for the core itself to install.
static INTERRUPT_STACKS: [[AtomicU64; IST_COUNT]; MAX_CORES] =
    [const { [const { AtomicU64::new(0) }; IST_COUNT] }; MAX_CORES];

/// A stack that is never freed: its core stands on it for ever.
fn permanent_stack(bytes: usize) -> Result<u64, StackError> {
    let stack = Stack::allocate(bytes)?;
    let top = stack.top().as_u64();
    core::mem::forget(stack);
    Ok(top)
}

fn allocate_interrupt_stacks(core: CoreId) -> Result<(), StackError> {
    for top in &INTERRUPT_STACKS[core.index()] {
        top.store(permanent_stack(IST_STACK_BYTES)?, Ordering::Relaxed);
    }
    Ok(())
}

/// Loads the calling core's descriptor tables with its guarded interrupt stacks.
///
/// # Safety
/// The calling core is `core`, with interrupts off, and its stacks have been allocated.
unsafe fn install_tables(core: CoreId) {
    let tops = core::array::from_fn(|index| {
        VirtAddr::new_truncate(INTERRUPT_STACKS[core.index()][index].load(Ordering::Relaxed))
    });
    // SAFETY: the caller's promise; the stacks are this core's alone, for ever.
    unsafe { cpu::install(core, tops) };
}

/// Gives the boot core its guarded stacks, starts the other cores, and says how each came up.
pub fn start_others(platform: &Platform) {
    if let Err(error) = allocate_interrupt_stacks(CoreId::BOOT) {
        stop!("no memory for the boot core's interrupt stacks: {error}");
    }
    // SAFETY: this is the boot core; interrupts are off until the idle loop.
    unsafe { install_tables(CoreId::BOOT) };

    let own_id = lapic::id();
    record(Core { id: CoreId::BOOT, apic_id: own_id, state: State::Online, bringup_ns: 0 });
    let others = platform.cores.iter().filter(|core| core.enabled && core.apic_id != own_id);
    let limit = options::get().smp.unwrap_or(MAX_CORES).min(MAX_CORES);
    let mut starting = Vec::new();
    // Core 0 is this one.
    let mut next = CoreId::all().skip(1);
    for other in others {
        let Some(id) = next.next() else {
            serial::println!("more than {MAX_CORES} cores: the rest is left out");
            break;
        };
        let left_out = Core { id, apic_id: other.apic_id, state: State::LeftOut, bringup_ns: 0 };
        if id.index() >= limit {
            record(left_out);
            continue;
        }
        match allocate_interrupt_stacks(id).and_then(|()| permanent_stack(IDLE_STACK_BYTES)) {
            Ok(top) => starting.push((other.apic_id, id, top)),
            Err(error) => {
                serial::println!("{id} is left out: {error}");
                record(left_out);
            }
        }
    }
    if !starting.is_empty() {
        start(&starting);
    }
}

fn start(starting: &[(u32, CoreId, u64)]) {
    let fail = |why: &dyn core::fmt::Display| {
        serial::println!("the other cores are left out: {why}");
        for &(apic_id, id, _) in starting {
            record(Core { id, apic_id, state: State::LeftOut, bringup_ns: 0 });
        }
    };
    let page = match frame_allocator::allocate_low(1) {
        Ok(page) => page,
        Err(error) => return fail(&error),
    };
    let address: PhysAddr = page.start();
    let root = match paging::root_for_ap(address) {
        Ok(root) => root,
        Err(error) => return fail(&error),
    };
    let config = ApStart {
        trampoline_phys: address.as_u64(),
        trampoline_virt: (boot::PHYSICAL_MEMORY_OFFSET + address.as_u64()) as *mut u8,
        cr3: u64::from(root.cr3()),
        cores: starting,
        entry: enter,
        timeout_ns: START_TIMEOUT_NS,
    };
    let mut expected = CoreSet::EMPTY;
    // SAFETY: the page and the table are ours, as described, and stay if any core may still come; so do the stacks.
    let result = unsafe {
        start_all(&config, |id, apic_id, outcome, bringup_ns| {
            let state = match outcome {
                Outcome::Online(_) => State::Online,
                Outcome::Silent => State::Silent,
                Outcome::Stuck => State::Stuck,
            };
            if state == State::Online {
                expected.insert(id);
            }
            record(Core { id, apic_id, state, bringup_ns });
        })
    };
    if let Err(error) = result {
        return fail(&error);
    }
    // Those that arrived become online within a few instructions of their own.
    while !expected.difference(core_local::online()).is_empty() {
        core::hint::spin_loop();
    }
    // For good: the broadcast reached every core there is, wanted, listed or not. One that is not wanted halts in this
    // page, and one that comes late still has to find out that it must.
    core::mem::forget((page, root));
}

/// Where each other core enters Rust, on its own stack, with interrupts off.
extern "C" fn enter(core: u32) -> ! {
    let Some(id) = CoreId::new(core) else { power::halt() };
    // SAFETY: each step is this core's own, once, in the order that they need; the stacks were allocated for it, and the
    // context ends in `enter_idle`.
    unsafe {
        core_local::install(id, machine::initial_apic_id());
        install_tables(id);
        paging::install();
        lapic::init_this_core();
        arrived(id);
        scheduler::init_this_core();
    }
    core_local::set_online(id);
    // Until now nobody told this core of pages that were unmapped; what it has cached of them goes here.
    paging::flush_all_here();
    scheduler::enter_idle()
}

fn record(core: Core) {
    let Some(mode) = lapic::mode() else { stop!("a core was recorded before the local APIC had a mode") };
    topology::record(core);
    match core.state {
        State::Online if core.id == CoreId::BOOT => {
            serial::println!("{}: APIC id {} ({mode}), booted", core.id, core.apic_id);
        }
        State::Online => serial::println!(
            "{}: APIC id {} ({mode}), up after {} µs",
            core.id,
            core.apic_id,
            core.bringup_ns / 1000
        ),
        other => serial::println!("{}: APIC id {}, {other}", core.id, core.apic_id),
    }
}
