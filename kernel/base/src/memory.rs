//! Memory: from the loader's map to frames, the kernel's own page tables, and the heap.

use crate::stop;
use bootloader_api::BootInfo;
use bootloader_api::info::MemoryRegionKind;
use heap::KernelHeap;
use memory_types::{PAGE_SIZE, Region, VirtAddr};
use paging::KernelLayout;
use raw_cpuid::CpuId;

#[global_allocator]
static HEAP: KernelHeap = KernelHeap;

/// What the loader's tables map for certain at the physical window.
const LOADER_MAPS: u64 = 4 << 30;
/// E820: memory that holds ACPI tables, and memory that ACPI firmware uses.
const ACPI_KINDS: [u32; 2] = [3, 4];

unsafe extern "C" {
    static __kernel_lma_start: u8;
    static __kernel_start: u8;
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
    static __data_start: u8;
    static __data_end: u8;
}

/// Brings memory up. Returns the end of the physical memory that is mapped.
pub fn bring_up(info: &BootInfo) -> u64 {
    let regions = &*info.memory_regions;
    let of = |wanted: fn(MemoryRegionKind) -> bool| {
        regions
            .iter()
            .filter(move |region| wanted(region.kind))
            .map(|region| Region { start: region.start, end: region.end })
    };
    let usable = of(|kind| kind == MemoryRegionKind::Usable);
    let reserved = of(|kind| kind != MemoryRegionKind::Usable);
    // SAFETY: the loader says what is ordinary memory and which of it is in use, and maps it.
    let summary = match unsafe { frame_allocator::init(usable, reserved, LOADER_MAPS) } {
        Ok(summary) => summary,
        Err(error) => stop!("{error}"),
    };

    let physical_end = physical_end(info);
    let layout = KernelLayout {
        image_base: &raw const __kernel_lma_start as u64
            - (&raw const __kernel_start as u64 - memory_types::layout::IMAGE.start),
        text: &raw const __text_start as u64..&raw const __text_end as u64,
        rodata: &raw const __rodata_start as u64..&raw const __rodata_end as u64,
        data: &raw const __data_start as u64..&raw const __data_end as u64,
        physical_end,
        gibibyte_pages: CpuId::new()
            .get_extended_processor_and_feature_identifiers()
            .is_some_and(|features| features.has_1gib_pages()),
    };
    if let Err(error) = paging::init(&layout) {
        stop!("{error}");
    }
    // SAFETY: the image (with the boot stack, in its data) and the physical window are mapped where they were.
    unsafe { paging::install() };
    if let Err(error) = page_allocator::init() {
        stop!("{error}");
    }
    serial::println!("memory: {} MiB, up to {:#x}", (summary.frames * PAGE_SIZE) >> 20, summary.top);
    if summary.ignored_bytes > 0 {
        serial::println!("memory: {} MiB lie too high and are not used", summary.ignored_bytes >> 20);
    }
    physical_end
}

/// Whether the kernel can write to this address. Takes no lock and allocates nothing: for the trap layer.
pub fn is_writable(address: usize) -> bool {
    paging::translate(VirtAddr::new_truncate(address as u64)).is_some_and(|page| page.writable)
}

/// End of what the physical window must reach: memory, and the firmware's tables in it. Firmware also reserves address
/// space far above memory, which the window need not hold.
fn physical_end(info: &BootInfo) -> u64 {
    let regions = &*info.memory_regions;
    let is_memory = |kind| match kind {
        MemoryRegionKind::Usable | MemoryRegionKind::Bootloader => true,
        MemoryRegionKind::UnknownBios(kind) => ACPI_KINDS.contains(&kind),
        _ => false,
    };
    let end =
        regions.iter().filter(|region| is_memory(region.kind)).map(|region| region.end).max().unwrap_or(0);
    // Memory that the firmware keeps at the end of a bank is reserved, and ACPI tables may lie in it.
    let bank_end = regions
        .iter()
        .filter(|region| region.start <= end && region.end > end)
        .map(|region| region.end)
        .max();
    // What the loader says may be nonsense; the frame allocator ignores memory above the window, too.
    let end = bank_end.unwrap_or(end).min(memory_types::layout::PHYS_WINDOW);
    end.next_multiple_of(PAGE_SIZE as u64)
}
