//! Telling people what died, and where: one line, then the stack with the names of cells and functions.

use core::fmt;
use namespace::Location;
use unwind::Fault;

/// Logs the end of the running task with its backtrace.
pub fn death(why: fmt::Arguments<'_>) {
    scheduler::with_current_name(|id, name| log::error!("task {id} ({name}): {why}"));
    trace(|line| log::error!("{line}", line = line));
}

/// Logs a fault of the running task. Called by the trap layer, on the task's stack.
pub fn fault(fault: &Fault) {
    death(format_args!("{fault}"));
}

/// Frames of the reporting itself, which nobody wants to see.
const OWN: [&str; 3] = ["unwind::trace::", "base::report::", "base::runtime::"];

/// Hands out the calling context's stack, a line per frame, innermost first. A function that called itself is one line.
pub fn trace(mut line: impl FnMut(fmt::Arguments<'_>)) {
    let mut depth = 0;
    let mut last: Option<Location> = None;
    let mut repeats = 0;
    unwind::backtrace(&mut |ip| {
        let symbol = namespace::symbolize(ip);
        if symbol.as_ref().is_some_and(|at| OWN.iter().any(|own| at.function.starts_with(own))) {
            return;
        }
        if symbol.is_some() && symbol == last {
            repeats += 1;
        } else {
            tell_repeats(&mut repeats, &mut line);
            match &symbol {
                Some(symbol) => line(format_args!("  {depth:>2}  {symbol}")),
                None => line(format_args!("  {depth:>2}  {ip:#x}")),
            }
        }
        last = symbol;
        depth += 1;
    });
    tell_repeats(&mut repeats, &mut line);
}

fn tell_repeats(repeats: &mut usize, line: &mut impl FnMut(fmt::Arguments<'_>)) {
    match core::mem::take(repeats) {
        0 => {}
        times => line(format_args!("      the same {times} times more")),
    }
}
