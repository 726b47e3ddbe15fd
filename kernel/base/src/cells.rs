//! The first task: loads the cells, checks the page tables, starts what the cells want started.

use alloc::vec::Vec;
use bootloader_api::BootInfo;
use power::Status;
use scheduler::{Builder, CoreId};

/// The policy that is used unless the command line names one.
const DEFAULT_POLICY: &str = "round_robin";

/// The archive that the loader put into memory; empty if it gave none.
pub fn archive(info: &BootInfo) -> &'static [u8] {
    match info.ramdisk_addr.as_ref() {
        // SAFETY: the loader reserved this memory for the archive, mapped it in the physical window, and nobody writes to it.
        Some(&address) => unsafe {
            core::slice::from_raw_parts(address as *const u8, info.ramdisk_len as usize)
        },
        None => &[],
    }
}

/// Everything that comes after the cores are up. Runs as a task.
pub fn bring_up(archive: &'static [u8]) {
    let report = namespace::load_archive(archive);
    serial::print!("{report}");
    for policy in options::get().policy.into_iter().chain([DEFAULT_POLICY]) {
        match namespace::use_policy(policy) {
            Ok(_) => break,
            Err(error) => serial::println!("policy {policy}: {error}"),
        }
    }
    serial::println!("policy: {}", scheduler::current_policy());
    audit();

    let programs = namespace::programs();
    if programs.is_empty() {
        serial::println!("no cell brings a console: there is nothing to do");
        power::off(Status::Fatal);
    }
    let took = crate::since_entry();
    topology::record_boot(took);
    let micros = took / 1000;
    serial::println!("ready: {}.{:03} ms from entry to console", micros / 1000, micros % 1000);
    let started: Vec<_> = programs.into_iter().map(supervise).collect();
    for supervisor in started.into_iter().flatten() {
        // It goes on as long as its program does; how that ended it has said itself.
        let _ = supervisor.join();
    }
}

/// Says what the kernel's own page tables allow, and stops if any page is writable and executable.
fn audit() {
    match paging::audit() {
        Some(audit) if audit.is_sound() => serial::println!("W^X: {audit}"),
        Some(audit) => crate::stop!("{audit}"),
        None => crate::stop!("there are no page tables to audit"),
    }
}

/// Runs a cell's program in a task of its own, and again if it dies: a console that faults comes back.
fn supervise(program: namespace::Pinned<cell_api::Cell>) -> Option<scheduler::JoinHandle<()>> {
    let name = program.name();
    let entry = program.entry()?;
    let supervisor = Builder::new("supervisor").core(CoreId::BOOT).spawn(move || {
        // Held as long as the program may run again.
        let _program = program;
        loop {
            match Builder::new(name).spawn(entry).map(scheduler::JoinHandle::join) {
                Ok(Ok(())) => break,
                Ok(Err(death)) => log::error!("{name} ended: {death}; starting it again"),
                Err(error) => {
                    log::error!("{name} cannot be started: {error}");
                    break;
                }
            }
        }
    });
    match supervisor {
        Ok(handle) => Some(handle),
        Err(error) => {
            serial::println!("{name} cannot be started: {error}");
            None
        }
    }
}
