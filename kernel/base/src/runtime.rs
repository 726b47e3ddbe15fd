//! What rustc expects of a program and std would bring: the panic handler, the allocator's shims.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};
use power::Status;
use unwind::Cause;

/// Called by alloc where an allocation must not fail. The host tool's link gives rustc's mangled name to it.
#[unsafe(no_mangle)]
extern "C-unwind" fn keel_alloc_error(size: usize, align: usize) -> ! {
    panic!("out of memory: {size} bytes, aligned to {align}")
}

/// A marker that rustc's allocator shims refer to, so that they are not linked without a global allocator.
#[unsafe(no_mangle)]
extern "C" fn keel_no_alloc_shim() {}

/// Some core has already begun to stop the kernel.
static STOPPING: AtomicBool = AtomicBool::new(false);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A task that may be unwound is; everywhere else there is nobody to carry on.
    // A policy is called with interrupts off, and the scheduler catches what comes out of it.
    let in_task = core_local::irqs_enabled() && !unwind::is_unwinding() && scheduler::in_task();
    if in_task || scheduler::in_policy() {
        let message = alloc::format!("{}", info.message());
        crate::report::death(format_args!("panicked{}: {message}", Place(info)));
        unwind::raise(Cause::Panic(message));
    }
    stop(info)
}

struct Place<'a>(&'a PanicInfo<'a>);

impl core::fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.0.location() {
            Some(at) => write!(f, " at {}:{}", at.file(), at.line()),
            None => Ok(()),
        }
    }
}

/// The kernel cannot go on: says why, on the console as it is, and ends the run.
fn stop(info: &PanicInfo<'_>) -> ! {
    if STOPPING.swap(true, Ordering::AcqRel) {
        power::halt();
    }
    let core = core_local::current();
    serial::emergency(format_args!("\nKEEL STOPS on {core}{}: {}\n", Place(info), info.message()));
    crate::report::trace(|line| serial::emergency(format_args!("{line}\n")));
    power::off(Status::Fatal)
}
