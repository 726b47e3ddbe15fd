//! The machine around the boot core: its name, ACPI tables, clock, interrupt controllers, the serial line's interrupt.

use crate::stop;
use acpi_tables::{Memory, Platform};
use alloc::string::String;
use bootloader_api::BootInfo;
use clock::{PmTimer, Sources};
use core::fmt::{self, Write};
use core_local::CoreId;
use lapic::Trigger;
use mapped_pages::MappedPages;
use memory_types::PhysAddr;
use options::ApicMode;
use raw_cpuid::CpuId;

/// COM1's interrupt on the ISA bus.
const SERIAL_IRQ: u8 = 4;
const HPET_BYTES: usize = 1024;
const IO_APIC_BYTES: usize = 32;
const LOCAL_APIC_BYTES: usize = 4096;

/// The CPU's brand, and the hypervisor's name if there is one.
pub struct Name;

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cpuid = CpuId::new();
        match cpuid.get_processor_brand_string() {
            Some(brand) => f.write_str(brand.as_str().trim())?,
            None => f.write_str("an x86-64 CPU")?,
        }
        match cpuid.get_hypervisor_info() {
            Some(hypervisor) => write!(f, " under {:?}", hypervisor.identify()),
            None => Ok(()),
        }
    }
}

/// The calling core's APIC id from CPUID, before its APIC is set up.
pub fn initial_apic_id() -> u32 {
    let cpuid = CpuId::new();
    let wide = cpuid
        .get_extended_topology_info()
        .and_then(|mut levels| levels.next())
        .map(|level| level.x2apic_id());
    wide.or_else(|| cpuid.get_feature_info().map(|info| u32::from(info.initial_local_apic_id()))).unwrap_or(0)
}

/// Physical memory as it is mapped, up to its end.
struct Window {
    end: u64,
}

impl Memory for Window {
    fn bytes(&self, at: u64, length: usize) -> Option<&[u8]> {
        let end = at.checked_add(length as u64)?;
        if at == 0 || end > self.end {
            return None;
        }
        // SAFETY: the window maps all of it, and nobody writes to the firmware's tables while they are read. Bytes
        // that are ordinary memory by mistake of a hostile table are any bytes.
        Some(unsafe { core::slice::from_raw_parts((boot::PHYSICAL_MEMORY_OFFSET + at) as *const u8, length) })
    }
}

/// Reads the ACPI tables and says what was found.
pub fn discover(info: &BootInfo, physical_end: u64) -> Platform {
    if options::get().acpi_off {
        serial::println!("ACPI: switched off on the command line; going on with one core");
        return Platform::default();
    }
    let Some(&root) = info.rsdp_addr.as_ref() else {
        serial::println!("ACPI: the loader gave no root pointer; going on with one core");
        return Platform::default();
    };
    let (platform, result) = acpi_tables::discover(&Window { end: physical_end }, root);
    let mut names = String::new();
    for table in &platform.tables {
        // Writing to a string does not fail.
        let _ = write!(names, " {}", table.signature);
    }
    serial::println!("ACPI:{names}");
    for problem in &platform.problems {
        serial::println!("ACPI: {problem}");
    }
    if let Err(error) = result {
        serial::println!("ACPI: {error}; going on with one core");
    }
    if let Some((port, value)) = platform.reset {
        power::set_reset_register(port, value);
    }
    platform
}

/// Maps a device's registers for good. Says what is lost if that fails.
fn registers(address: u64, bytes: usize, what: &str) -> Option<usize> {
    // SAFETY: the firmware says that this device's registers are there, and each is mapped once.
    match unsafe { MappedPages::map_device(PhysAddr::new_truncate(address), bytes) } {
        Ok(pages) => {
            let start = pages.start().as_u64() as usize;
            core::mem::forget(pages);
            Some(start)
        }
        Err(error) => {
            serial::println!("{what} at {address:#x} is not used: {error}");
            None
        }
    }
}

/// Calibrates the clock, and sets up the boot core's APIC, the I/O APICs and cross-core interrupts.
pub fn bring_up_clock_and_interrupts(platform: &Platform) {
    let sources = Sources {
        hpet: platform.hpet_address.and_then(|address| registers(address, HPET_BYTES, "HPET")),
        pm_timer: platform.pm_timer.map(|timer| PmTimer { port: timer.port, is_32_bit: timer.is_32_bit }),
    };
    // SAFETY: the sources are mapped or are what the firmware names; nothing else uses them.
    match unsafe { clock::calibrate(&sources) } {
        Ok(calibration) => serial::println!("clock: {calibration}"),
        Err(error) => serial::println!("clock: {error}"),
    }
    if options::get().tsc_counts_instructions {
        clock::set_counts_instructions();
    }

    let local_apic = match platform.local_apic_address {
        0 => 0xfee0_0000, // where it is after reset, for a machine whose tables do not say
        address => address,
    };
    let mapped = registers(local_apic, LOCAL_APIC_BYTES, "local APIC");
    let force_xapic = options::get().apic == ApicMode::XApic;
    // SAFETY: mapped uncached for good; this is the boot core, once, with interrupts off.
    if let Err(error) = unsafe { lapic::init_boot(mapped, force_xapic) } {
        stop!("{error}");
    }
    if lapic::calibrate_timer().is_none() {
        stop!("the local APIC's timer does not count");
    }
    if let Err(error) = ipi::init() {
        stop!("{error}");
    }
    for io_apic in &platform.io_apics {
        let Some(base) = registers(u64::from(io_apic.address), IO_APIC_BYTES, "I/O APIC") else { continue };
        // SAFETY: mapped uncached for good, each once.
        if let Err(error) = unsafe { lapic::add_io_apic(base, io_apic.first_gsi) } {
            serial::println!("I/O APIC: {error}");
        }
    }
    enable_serial_input(platform);
}

fn enable_serial_input(platform: &Platform) {
    if let Err(error) = serial::enable_input() {
        serial::println!("no console input: {error}");
        return;
    }
    let isa = platform.isa_route(SERIAL_IRQ);
    let trigger = Trigger { level: isa.level, active_low: isa.active_low };
    let to = core_local::block(CoreId::BOOT).apic_id();
    if let Err(error) = lapic::route(isa.gsi, interrupts::vectors::SERIAL, to, trigger) {
        serial::println!("no console input: {error}");
    }
}
