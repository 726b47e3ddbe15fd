//! Reads PVH's start info and calls the kernel with a `BootInfo`.
//!
//! There is no console yet and no heap. What cannot be read is left out; the kernel says later what it misses.

use crate::PHYSICAL_MEMORY_OFFSET;
use crate::regions::carve;
use bootloader_api::BootInfo;
use bootloader_api::info::{MemoryRegion, MemoryRegionKind};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

/// `XEN_HVM_START_MAGIC_VALUE`.
const MAGIC: u32 = 0x336e_c578;
/// As many memory regions as a kernel on a server ever saw, several times over.
const MAX_REGIONS: usize = 256;
/// Entries and modules beyond these numbers are not believed.
const MAX_ENTRIES: u32 = 128;
/// A longer command line is cut.
const MAX_COMMAND_LINE: usize = 4096;
/// How much the first tables map for certain.
const MAPPED: u64 = 4 << 30;

/// `struct hvm_start_info`, version 1.
#[repr(C)]
#[derive(Clone, Copy)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    module_count: u32,
    modules: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// `struct hvm_modlist_entry`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Module {
    start: u64,
    size: u64,
    command_line: u64,
    reserved: u64,
}

/// `struct hvm_memmap_table_entry`.
#[repr(C)]
#[derive(Clone, Copy)]
struct MapEntry {
    start: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

/// Memory type "RAM", as in E820.
const RAM: u32 = 1;

/// What outlives this stage. Written once, by the boot core alone; only read afterwards.
struct Handed {
    regions: [MemoryRegion; MAX_REGIONS],
    boot_info: MaybeUninit<BootInfo>,
    command_line: [u8; MAX_COMMAND_LINE],
    command_line_length: usize,
}

struct Cell(UnsafeCell<Handed>);
// SAFETY: see `Handed`.
unsafe impl Sync for Cell {}

static HANDED: Cell = Cell(UnsafeCell::new(Handed {
    regions: [MemoryRegion::empty(); MAX_REGIONS],
    boot_info: MaybeUninit::uninit(),
    command_line: [0; MAX_COMMAND_LINE],
    command_line_length: 0,
}));

unsafe extern "C" {
    fn _start(info: *mut core::ffi::c_void) -> !;
    static __boot_start: u8;
    static __boot_end: u8;
    static __kernel_start: u8;
    static __kernel_end: u8;
    static __kernel_lma_start: u8;
    static boot_stack_bottom: u8;
    static boot_stack_top: u8;
}

/// The command line that the loader gave, up to the first byte that is not UTF-8; empty if there was none.
pub fn command_line() -> &'static str {
    // SAFETY: written once, by the boot core, before the kernel proper was entered.
    let bytes = unsafe {
        let handed = HANDED.0.get();
        let bytes: &'static [u8; MAX_COMMAND_LINE] = &(*handed).command_line;
        &bytes[..(*handed).command_line_length]
    };
    match core::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
    }
}

/// Copies a `T` out of physical memory, if it lies where the first tables map memory.
///
/// # Safety
/// Any bytes are a valid `T`.
unsafe fn read<T: Copy>(physical: u64) -> Option<T> {
    let end = physical.checked_add(size_of::<T>() as u64)?;
    if physical == 0 || end > MAPPED {
        return None;
    }
    // SAFETY: mapped; the caller vouches for the type.
    Some(unsafe { ((PHYSICAL_MEMORY_OFFSET + physical) as *const T).read_unaligned() })
}

/// # Safety
/// Called once by the entry code, on the boot stack, with the start info's physical address.
#[unsafe(no_mangle)]
unsafe extern "C" fn keel_pvh_main(start_info: u64) -> ! {
    // SAFETY: plain integers.
    let info = unsafe { read::<StartInfo>(start_info) }.filter(|info| info.magic == MAGIC);
    // SAFETY: the boot core is alone, and this is the only place that touches these.
    let Handed { regions, boot_info, command_line, command_line_length } = unsafe { &mut *HANDED.0.get() };

    let mut reserved = [(0u64, 0u64); 16];
    let image = &raw const __kernel_lma_start as u64;
    let image_size = &raw const __kernel_end as u64 - &raw const __kernel_start as u64;
    reserved[0] = (0, 0x1000);
    reserved[1] = (&raw const __boot_start as u64, (&raw const __boot_end as u64).next_multiple_of(4096));
    reserved[2] = (image, (image + image_size).next_multiple_of(4096));

    let mut ramdisk = None;
    let mut count = 0;
    if let Some(info) = info {
        if info.command_line != 0 {
            for (at, to) in (info.command_line..).zip(command_line) {
                // SAFETY: a byte.
                match unsafe { read::<u8>(at) } {
                    None | Some(0) => break,
                    Some(byte) => *to = byte,
                }
                *command_line_length += 1;
            }
        }
        if info.module_count > 0 {
            // SAFETY: plain integers.
            ramdisk = unsafe { read::<Module>(info.modules) }.filter(|module| {
                module.size > 0 && module.start.checked_add(module.size).is_some_and(|end| end <= MAPPED)
            });
        }
        if let Some(module) = ramdisk {
            let end = (module.start + module.size).next_multiple_of(4096);
            reserved[3] = (module.start & !4095, end);
        }
        let entries = info.memory_map_entries.min(MAX_ENTRIES);
        let map = (0..entries).filter_map(|index| {
            let at = info.memory_map.checked_add(u64::from(index) * size_of::<MapEntry>() as u64)?;
            // SAFETY: plain integers.
            let entry = unsafe { read::<MapEntry>(at) }?;
            let kind = match entry.kind {
                RAM => MemoryRegionKind::Usable,
                other => MemoryRegionKind::UnknownBios(other),
            };
            Some(MemoryRegion { start: entry.start, end: entry.start.checked_add(entry.size)?, kind })
        });
        // A map in more pieces than fit keeps those that do: less memory, but a kernel that can say so.
        count = carve(map, &reserved, regions).unwrap_or(MAX_REGIONS);
    }

    let regions: &'static mut [MemoryRegion] = regions;
    let mut built = BootInfo::new((&mut regions[..count]).into());
    built.physical_memory_offset = Some(PHYSICAL_MEMORY_OFFSET).into();
    built.rsdp_addr = info.map(|info| info.rsdp).filter(|&rsdp| rsdp != 0).into();
    if let Some(module) = ramdisk {
        built.ramdisk_addr = Some(PHYSICAL_MEMORY_OFFSET + module.start).into();
        built.ramdisk_len = module.size;
    }
    built.kernel_addr = image;
    built.kernel_len = image_size;
    built.kernel_image_offset = &raw const __kernel_start as u64;
    built.kernel_stack_bottom = &raw const boot_stack_bottom as u64;
    built.kernel_stack_len = &raw const boot_stack_top as u64 - &raw const boot_stack_bottom as u64;
    // SAFETY: `_start` is the kernel's entry point, made by `entry_point!` with this very signature.
    unsafe { _start((&raw mut *boot_info.write(built)).cast()) }
}
