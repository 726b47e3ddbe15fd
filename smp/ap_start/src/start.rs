//! The boot core's side: fill the roster, send the IPIs, wait, close the roster.

use crate::roster::{Outcome, Roster};
use crate::trampoline::{self, Words};
use core::fmt;
use core_local::{CoreId, MAX_CORES};

/// How long a core is left in INIT before the first SIPI. The 10 ms of SDM vol. 3, §9.4.4.1 are for APICs on a chip of their own;
/// no CPU with long mode has one, and none needs a wait (Linux: `smp_quirk_init_udelay`).
const INIT_NS: u64 = 20_000;
/// Between the two SIPIs (200 µs in the same section).
const SIPI_NS: u64 = 200_000;
const FRAME: u64 = 4096;

static ROSTER: Roster = Roster::new();

/// What the start needs.
#[derive(Debug)]
pub struct ApStart<'a> {
    /// Physical address of the trampoline's page, below 1 MiB, owned by the caller.
    pub trampoline_phys: u64,
    /// Where that page can be written.
    pub trampoline_virt: *mut u8,
    /// Page table for the way up: the kernel's half, and the trampoline's page at its physical address, executable.
    pub cr3: u64,
    /// The cores to start: APIC id, number, top of the stack (16-byte aligned).
    pub cores: &'a [(u32, CoreId, u64)],
    /// Where each begins. It must call [`arrived`] before it does anything that others can see.
    pub entry: extern "C" fn(core: u32) -> !,
    /// How long to wait for all of them, in nanoseconds.
    pub timeout_ns: u64,
}

/// Why no core was started.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StartError {
    /// The trampoline's page is not a page below 1 MiB.
    Trampoline(u64),
    /// The page table lies above 4 GiB.
    PageTable(u64),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trampoline(at) => {
                write!(f, "{at:#x} is not a page below 1 MiB; other cores cannot start there")
            }
            Self::PageTable(at) => {
                write!(f, "the page table at {at:#x} lies above 4 GiB; starting cores cannot load it")
            }
        }
    }
}

/// Starts all cores of `config` at once and waits for them. `report` is called for each: online with the time from the first
/// IPI in nanoseconds, or why not.
///
/// # Errors
/// [`StartError`]; then nothing was sent.
///
/// # Safety
/// The page at `trampoline_virt` is the caller's, mapped writable, and is the physical page named; the page table and the
/// stacks are as described and stay so for ever.
pub unsafe fn start_all(
    config: &ApStart<'_>,
    mut report: impl FnMut(CoreId, u32, Outcome, u64),
) -> Result<(), StartError> {
    if !config.trampoline_phys.is_multiple_of(FRAME) || !(FRAME..1 << 20).contains(&config.trampoline_phys) {
        return Err(StartError::Trampoline(config.trampoline_phys));
    }
    if config.cr3 >= 1 << 32 {
        return Err(StartError::PageTable(config.cr3));
    }
    for &(apic_id, core, stack_top) in config.cores {
        ROSTER.expect(core, apic_id, stack_top);
    }
    let code = trampoline::code();
    let base = config.trampoline_phys as u32;
    let words = Words {
        cr3: config.cr3,
        roster: (&raw const ROSTER).addr() as u64,
        entries: MAX_CORES as u64,
        entry: config.entry as usize as u64,
    };
    // SAFETY: the page is the caller's and large enough for the code, which ends with the words.
    unsafe {
        let page = config.trampoline_virt;
        page.copy_from_nonoverlapping(code.as_ptr(), code.len());
        for at in trampoline::RELOCATIONS {
            let word = page.add(at).cast::<u32>();
            word.write_unaligned(word.read_unaligned() + base);
        }
        page.add(trampoline::WORDS).cast::<Words>().write_unaligned(words);
    }

    let began = clock::now_ns();
    // SAFETY: the trampoline and the roster are complete, and no other core runs yet.
    unsafe { lapic::send_init_all() };
    clock::spin_for(INIT_NS);
    let vector = (config.trampoline_phys / FRAME) as u8;
    // SAFETY: as above; the page holds the trampoline.
    unsafe { lapic::send_startup_all(vector) };
    clock::spin_for(SIPI_NS);
    if !config.cores.iter().all(|&(_, core, _)| ROSTER.is_online(core)) {
        // A core that has started ignores the second one.
        // SAFETY: as above.
        unsafe { lapic::send_startup_all(vector) };
    }
    while clock::now_ns() - began < config.timeout_ns
        && !config.cores.iter().all(|&(_, core, _)| ROSTER.is_online(core))
    {
        core::hint::spin_loop();
    }
    for &(apic_id, core, _) in config.cores {
        let outcome = ROSTER.close(core);
        let took = match outcome {
            Outcome::Online(at) => clock::ticks_to_ns(at).saturating_sub(began),
            _ => 0,
        };
        report(core, apic_id, outcome, took);
    }
    Ok(())
}

/// Called by a started core once it can be a core of the system. Does not return if the core was given up meanwhile.
pub fn arrived(core: CoreId) {
    if !ROSTER.arrive(core, clock::now_ticks()) {
        loop {
            // SAFETY: interrupts are off, and halting is all that is left to do.
            unsafe { core::arch::asm!("cli", "hlt", options(nomem, nostack)) };
        }
    }
}
