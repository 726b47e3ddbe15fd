//! Telling people what died, and where: one line, then the stack with the names of cells and functions.

use core::fmt;
use unwind::Fault;

/// Logs the end of the running task with its backtrace.
pub fn death(why: fmt::Arguments<'_>) {
    log::error!("task {}: {why}", scheduler::current());
    trace(|line| log::error!("{line}", line = line));
}

/// Logs a fault of the running task. Called by the trap layer, on the task's stack.
pub fn fault(fault: &Fault) {
    death(format_args!("{fault}"));
}

/// Hands out the calling context's stack, a line per frame, innermost first.
pub fn trace(mut line: impl FnMut(fmt::Arguments<'_>)) {
    let mut depth = 0;
    unwind::backtrace(&mut |ip| {
        match namespace::symbolize(ip) {
            Some(symbol) => line(format_args!("  {depth:>2}  {symbol}")),
            None => line(format_args!("  {depth:>2}  {ip:#x}")),
        }
        depth += 1;
    });
}
