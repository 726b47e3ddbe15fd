//! The base image: what must be there before the first cell can be loaded.
//!
//! This crate is the order of things. It owns no mechanism: it calls each subsystem's `init` once what that one
//! relies on is there (`docs/boot.md` has the table), and gives rustc the runtime symbols it expects.
//!
//! Until the scheduler runs, a failure ends the boot with a line that says why (`stop!`): there is nothing to fall back to.
//! From then on everything happens in tasks, and what fails there is reported and left out.
#![no_std]
#![cfg(keel_kernel)]

extern crate alloc;
extern crate mem_functions;

mod cells;
mod cores;
mod machine;
mod memory;
mod report;
mod runtime;

use bootloader_api::config::Mapping;
use bootloader_api::{BootInfo, BootloaderConfig, entry_point};
use core::sync::atomic::{AtomicU64, Ordering};
use core_local::CoreId;
use log::LevelFilter;

static CONFIG: BootloaderConfig = {
    let mut config = BootloaderConfig::new_default();
    config.mappings.physical_memory = Some(Mapping::FixedAddress(boot::PHYSICAL_MEMORY_OFFSET));
    config.kernel_stack_size = 256 * 1024;
    config
};
entry_point!(main, config = &CONFIG);

/// TSC at the kernel's entry.
static ENTERED: AtomicU64 = AtomicU64::new(0);

/// Ends a boot that cannot go on.
macro_rules! stop {
    ($($arg:tt)*) => {{
        serial::emergency(format_args!("KEEL cannot start: {}\n", format_args!($($arg)*)));
        power::off(power::Status::Fatal)
    }};
}
pub(crate) use stop;

/// Time since the kernel's entry, in nanoseconds.
pub(crate) fn since_entry() -> u64 {
    clock::ticks_to_ns(clock::now_ticks().wrapping_sub(ENTERED.load(Ordering::Relaxed)))
}

fn main(info: &'static mut BootInfo) -> ! {
    ENTERED.store(clock::now_ticks(), Ordering::Relaxed);
    // First of all: locks name their holder by it, and a panic its core.
    // SAFETY: the boot core, alone, with interrupts off; each of the two happens once.
    unsafe {
        core_local::install(CoreId::BOOT, machine::initial_apic_id());
        cpu::init_boot_core();
    }
    unwind::init();
    let has_console = serial::init();
    let options = options::init(boot::command_line());
    if has_console {
        // The first logger stays; this is the first.
        let _ = serial::init_log(options.log.unwrap_or(LevelFilter::Info));
    }
    serial::println!("\nKeel {} on {}", env!("CARGO_PKG_VERSION"), machine::Name);
    for problem in &options.problems {
        serial::println!("command line: {problem}");
    }

    let physical_end = memory::bring_up(info);
    let platform = machine::discover(info, physical_end);
    machine::bring_up_clock_and_interrupts(&platform);
    scheduler::set_idle_polls(options.idle_polls);
    // SAFETY: the boot context's stack is a static, and it ends in `enter_idle` below.
    if let Err(error) = unsafe { scheduler::init() } {
        stop!("{error}");
    }
    cpu::set_task_hooks(&cpu::TaskHooks {
        preempt: scheduler::preempt,
        stack_overflow: scheduler::stack_overflow,
        is_writable: memory::is_writable,
        in_task: scheduler::in_task,
        report: report::fault,
    });
    core_local::set_online(CoreId::BOOT);
    cores::start_others(&platform);

    let archive = cells::archive(info);
    if let Err(error) = scheduler::Builder::new("init").spawn(move || cells::bring_up(archive)) {
        stop!("the first task could not be spawned: {error}");
    }
    scheduler::enter_idle()
}
