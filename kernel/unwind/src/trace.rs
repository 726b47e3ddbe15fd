//! Backtraces: the return addresses of the calling context, innermost first.

use core::ffi::c_void;
use unwinding::abi::{_Unwind_Backtrace, _Unwind_GetIPInfo, UnwindContext, UnwindReasonCode};

/// Deeper stacks than this are cut off: a trace must end even if the stack is damaged into a cycle.
const MAX_DEPTH: usize = 64;

/// Calls `visit` with an address in each function on the stack, innermost first: of the call, or of the instruction
/// itself where an interrupt or a fault stopped it. Allocates nothing and takes no lock.
#[inline(never)]
pub fn backtrace(visit: &mut dyn FnMut(usize)) {
    struct Walk<'a> {
        visit: &'a mut dyn FnMut(usize),
        left: usize,
    }
    extern "C" fn step(context: &UnwindContext<'_>, data: *mut c_void) -> UnwindReasonCode {
        // SAFETY: `data` is the `Walk` below, alive and borrowed by nobody else during the walk.
        let walk = unsafe { &mut *data.cast::<Walk<'_>>() };
        let mut before_instruction = 0;
        let ip = _Unwind_GetIPInfo(context, &mut before_instruction);
        if ip == 0 || walk.left == 0 {
            return UnwindReasonCode::NORMAL_STOP;
        }
        walk.left -= 1;
        // A return address may already belong to the next function; the call before it does not.
        (walk.visit)(if before_instruction != 0 { ip } else { ip - 1 });
        UnwindReasonCode::NO_REASON
    }
    let mut walk = Walk { visit, left: MAX_DEPTH };
    _Unwind_Backtrace(step, (&raw mut walk).cast());
}
