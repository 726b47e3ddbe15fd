//! Console command that makes a task fail on purpose, and checks what is left of it.
//!
//! `fault KIND` spawns a task that holds objects in two frames and fails in a third:
//!
//! ```text
//!   outer    holds objects          at a call: the unwinder runs their destructors
//!     inner  holds objects          at a call: likewise
//!       trigger                     the instruction that faults, or the panic
//! ```
//! The command joins the task and fails unless the joiner was told the right reason and every destructor ran.
//! The frame of the faulting instruction itself owns nothing: what it owned would leak, by design (see crate `unwind`).
#![no_std]

extern crate alloc;

mod frames;
mod kind;
mod trigger;

use args::Args;
use cell_api::{Cell, Command, CommandError, Invocation};
use kind::Kind;

/// What the loader looks for.
pub static CELL: Cell = Cell::new("faults", env!("CARGO_PKG_VERSION")).commands(&COMMANDS);

static COMMANDS: [Command; 1] = [Command {
    name: "fault",
    usage: "fault KIND [--json]",
    summary: "makes a task fail: panic, page, divide, ud, gp, stack, text or exec",
    example: "fault page",
    run: fault,
}];

fn fault(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let mut args = Args::new(invocation.args);
    let kind = Kind::ALL[args.choice("KIND", &Kind::NAMES)?];
    args.finish()?;

    let tally = frames::Tally::new();
    let task = frames::spawn(kind.trigger(), &tally).map_err(CommandError::failed)?;
    let id = task.task().id();
    let Err(death) = task.join() else {
        return Err(CommandError::failed(format_args!("task {id} returned although it should have failed")));
    };
    let (dropped, held) = (tally.dropped(), tally.held());
    let told_right = kind.explains(&death);
    let ok = told_right && dropped == held;

    if invocation.json {
        let reason = alloc::format!("{death}");
        json::object(invocation.out, |o| {
            o.object("fault", |o| {
                o.field("kind", kind.name())?.field("task", id)?.field("reason", reason.as_str())?;
                o.field("destructors", dropped)?.field("expected", held)?.field("ok", ok).map(drop)
            })
            .map(drop)
        })?;
    } else {
        writeln!(invocation.out, "task {id} ended: {death}; {dropped} of {held} destructors ran")?;
    }
    match (ok, told_right) {
        (true, _) => Ok(()),
        (false, true) => Err(CommandError::failed(format_args!(
            "{dropped} of {held} destructors ran; each must run exactly once"
        ))),
        (false, false) => {
            Err(CommandError::failed(format_args!("the joiner was told `{death}`, but it was: {kind}")))
        }
    }
}
