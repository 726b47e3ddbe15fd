//! What rustc expects of a program and std would bring: the panic handler, the allocator's shims.

use alloc::string::String;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicUsize, Ordering};
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

/// The core that is stopping the kernel, plus one; 0 while none does.
static STOPPING: AtomicUsize = AtomicUsize::new(0);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A task that may be unwound is, and so is a policy: the scheduler catches what comes out of it, and it may have
    // interrupted a task that unwinds. Everywhere else there is nobody to carry on.
    let is_task = core_local::irqs_enabled() && !unwind::is_unwinding() && scheduler::in_task();
    let is_policy = scheduler::in_policy() && unwind::depth() < 2 && irq_lock::first_held().is_none();
    if is_task || is_policy {
        // If it is the report that panics, the message may be what does it: neither is tried again.
        let first = unwind::begin_report();
        let message = match first {
            true => text(format_args!("{}", info.message())),
            false => text(format_args!("again{}, while the first panic was being reported", Place(info))),
        };
        if first && is_task {
            crate::report::death(format_args!("panicked{}: {message}", Place(info)));
        }
        unwind::raise(Cause::Panic(message));
    }
    stop(info)
}

/// Formats as far as there is memory: it may be what the panic is about.
fn text(message: fmt::Arguments<'_>) -> String {
    struct Bounded(String);
    impl Write for Bounded {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.try_reserve(text.len()).map_err(|_| fmt::Error)?;
            self.0.push_str(text);
            Ok(())
        }
    }
    let mut text = Bounded(String::new());
    // An error means that it is cut short.
    let _ = text.write_fmt(message);
    text.0
}

struct Place<'a>(&'a PanicInfo<'a>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.location() {
            Some(at) => write!(f, " at {}:{}", at.file(), at.line()),
            None => Ok(()),
        }
    }
}

/// The kernel cannot go on: halts the other cores, says why, on the console as it is, and ends the run.
fn stop(info: &PanicInfo<'_>) -> ! {
    let core = core_local::current();
    match STOPPING.compare_exchange(0, core.index() + 1, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {}
        Err(who) if who == core.index() + 1 => {
            serial::emergency(format_args!("\nfailed again while stopping{}\n", Place(info)));
            power::off(Status::Fatal)
        }
        Err(_) => power::halt(),
    }
    cpu::halt_others();
    serial::emergency(format_args!("\nKEEL STOPS on {core}{}: {}\n", Place(info), info.message()));
    crate::report::trace(|line| serial::emergency(format_args!("{line}\n")));
    power::off(Status::Fatal)
}
