//! The commands: arguments in, the machine's answer out.

use crate::{cores, level, memory};
use args::Args;
use cell_api::{Command, CommandError, Invocation};
use power::Status;

/// What this cell brings.
pub static COMMANDS: [Command; 5] = [
    Command {
        name: "cores",
        usage: "cores [--json]",
        summary: "lists the cores: APIC id and mode, state, how long bring-up took, what they do",
        example: "cores",
        run: cores,
    },
    Command {
        name: "mem",
        usage: "mem [--json]",
        summary: "says how much memory there is, and what holds it",
        example: "mem",
        run: mem,
    },
    Command {
        name: "log",
        usage: "log [LEVEL]",
        summary: "sets how much the kernel logs: off, error, warn, info, debug or trace",
        example: "log debug",
        run: log,
    },
    Command {
        name: "reboot",
        usage: "reboot",
        summary: "restarts the machine",
        example: "reboot",
        run: reboot,
    },
    Command {
        name: "poweroff",
        usage: "poweroff",
        summary: "switches the machine off",
        example: "poweroff",
        run: poweroff,
    },
];

fn cores(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    args::none(invocation.args)?;
    let mode = lapic::mode().map(|mode| mode.name());
    let rows = cores::rows(topology::cores(), &scheduler::cores(), mode);
    let write = if invocation.json { cores::write_json } else { cores::write };
    Ok(write(invocation.out, &rows)?)
}

fn mem(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    args::none(invocation.args)?;
    let write = if invocation.json { memory::write_json } else { memory::write };
    Ok(write(invocation.out, &heap::report())?)
}

fn log(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    args::refuse_json(invocation)?;
    let mut args = Args::new(invocation.args);
    if args.clone().optional_word()?.is_some() {
        let level = level::LEVELS[args.choice("LEVEL", &level::NAMES)?];
        args.finish()?;
        serial::set_level(level);
    }
    Ok(writeln!(invocation.out, "log level: {}", level::name(log::max_level()))?)
}

fn reboot(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    args::refuse_json(invocation)?;
    args::none(invocation.args)?;
    power::reboot()
}

fn poweroff(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    args::refuse_json(invocation)?;
    args::none(invocation.args)?;
    power::off(Status::Success)
}
