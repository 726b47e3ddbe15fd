//! GDT, TSS and IDT. One GDT and TSS per core, since a TSS holds that core's interrupt stacks; one IDT for all.

use crate::stubs::trap_stub;
use core::cell::UnsafeCell;
use core::ptr::addr_of;
use core_local::{CoreId, MAX_CORES};
use x86_64::instructions::segmentation::{CS, DS, ES, SS, Segment};
use x86_64::instructions::tables::{lidt, load_tss};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::tss::TaskStateSegment;
use x86_64::{PrivilegeLevel, VirtAddr};

/// How many interrupt stacks a core needs: IST 1 to 6.
pub const IST_COUNT: usize = 6;
/// Size of each. Handlers format log lines and, at the worst, print a backtrace.
pub const IST_STACK_BYTES: usize = 32 * 1024;

/// Which stack a vector runs on: an IST number, 1 to [`IST_COUNT`].
const fn stack_of(vector: usize) -> u8 {
    match vector {
        8 => 1,
        2 => 2,
        18 => 3,
        1 | 3 => 6,
        0..=31 => 4,
        _ => 5,
    }
}

/// An interrupt gate (SDM vol. 3, figure 6-8). Not the x86_64 crate's table, whose reserved vectors cannot be set: here
/// all 256 are treated alike, so that even an impossible vector is reported and not a triple fault.
#[derive(Clone, Copy)]
#[repr(C)]
struct Gate {
    offset_low: u16,
    selector: u16,
    stack: u8,
    attributes: u8,
    offset_middle: u16,
    offset_high: u32,
    reserved: u32,
}

impl Gate {
    const EMPTY: Self = Self {
        offset_low: 0,
        selector: 0,
        stack: 0,
        attributes: 0,
        offset_middle: 0,
        offset_high: 0,
        reserved: 0,
    };

    fn new(handler: u64, selector: u16, stack: u8) -> Self {
        Self {
            offset_low: handler as u16,
            selector,
            stack,
            attributes: 0x8e, // present, ring 0, 64-bit interrupt gate (interrupts off on entry)
            offset_middle: (handler >> 16) as u16,
            offset_high: (handler >> 32) as u32,
            reserved: 0,
        }
    }
}

struct CoreTables {
    gdt: GlobalDescriptorTable,
    tss: TaskStateSegment,
}

/// A static that one core fills in before it is used, and nobody changes afterwards.
struct Slot<T>(UnsafeCell<T>);
// SAFETY: see `install`: each element is written by its own core only, while nothing else reads it.
unsafe impl<T> Sync for Slot<T> {}

static TABLES: [Slot<CoreTables>; MAX_CORES] = [const {
    Slot(UnsafeCell::new(CoreTables { gdt: GlobalDescriptorTable::new(), tss: TaskStateSegment::new() }))
}; MAX_CORES];
static IDT: Slot<[Gate; 256]> = Slot(UnsafeCell::new([Gate::EMPTY; 256]));

#[repr(C, align(16))]
struct EarlyStacks([[u8; 16 * 1024]; IST_COUNT]);
/// The boot core's interrupt stacks until memory management can give it guarded ones.
static EARLY_STACKS: Slot<EarlyStacks> = Slot(UnsafeCell::new(EarlyStacks([[0; 16 * 1024]; IST_COUNT])));

/// Fills the IDT and gives the boot core its tables, with stacks that have no guard pages yet.
///
/// # Safety
/// Called once, by the boot core, before interrupts are enabled and before any other core runs.
pub unsafe fn init_boot_core() {
    // SAFETY: nothing else runs yet.
    let idt = unsafe { &mut *IDT.0.get() };
    for (vector, gate) in idt.iter_mut().enumerate() {
        // Selector 8: the first entry that `install` appends to the GDT.
        *gate = Gate::new(trap_stub(vector as u8), 8, stack_of(vector));
    }
    let tops = core::array::from_fn(|index| {
        // SAFETY: only the address is taken.
        let stack = unsafe { addr_of!((*EARLY_STACKS.0.get()).0[index]) };
        VirtAddr::from_ptr(stack) + size_of::<[u8; 16 * 1024]>() as u64
    });
    // SAFETY: the boot core itself, with stacks that live for ever.
    unsafe { install(CoreId::BOOT, tops) };
}

/// Loads GDT, TSS and IDT on the calling core, whose interrupt stacks end at `tops` (IST 1 first).
///
/// FS and GS are left alone: loading a selector there would clear their base.
///
/// # Safety
/// The calling core is `core`, interrupts are off, and the stacks are mapped, at least 16 KiB large, 16-byte aligned
/// and used for nothing else from now on.
pub unsafe fn install(core: CoreId, tops: [VirtAddr; IST_COUNT]) {
    // SAFETY: only this core touches its element; with interrupts off it does not read the TSS now.
    let tables: &'static mut CoreTables = unsafe { &mut *TABLES[core.index()].0.get() };
    // Built aside: on the boot core's second call the old one is in use, should an NMI come.
    let mut tss = TaskStateSegment::new();
    for (index, top) in tops.into_iter().enumerate() {
        tss.interrupt_stack_table[index] = top;
    }
    tables.tss = tss;
    tables.gdt = GlobalDescriptorTable::new();
    let code = tables.gdt.append(Descriptor::kernel_code_segment());
    let data = tables.gdt.append(Descriptor::kernel_data_segment());
    let tss = tables.gdt.append(Descriptor::tss_segment(&tables.tss));
    debug_assert!(code.index() == 1 && code.rpl() == PrivilegeLevel::Ring0);
    let idt = DescriptorTablePointer {
        limit: (size_of::<[Gate; 256]>() - 1) as u16,
        base: VirtAddr::from_ptr(IDT.0.get()),
    };
    // SAFETY: the selectors are those just built; the tables are statics.
    unsafe {
        tables.gdt.load();
        CS::set_reg(code);
        SS::set_reg(data);
        DS::set_reg(data);
        ES::set_reg(data);
        load_tss(tss);
        lidt(&idt);
    }
}
