//! The commands: arguments in, the namespace's answer out.

use crate::listing::{self, Dependencies};
use crate::policies::{Plan, Policies};
use crate::swap;
use args::Args;
use cell_api::{Command, CommandError, Invocation};
use report::Nanoseconds;

/// What this cell brings.
pub static COMMANDS: [Command; 4] = [
    Command {
        name: "cells",
        usage: "cells [--json]",
        summary: "lists the cells, those of the base first",
        example: "cells",
        run: cells,
    },
    Command {
        name: "deps",
        usage: "deps CELL [--json]",
        summary: "says which cells a cell uses, and which use it",
        example: "deps scheduler",
        run: deps,
    },
    Command {
        name: "policy",
        usage: "policy [NAME] [--json]",
        summary: "shows the scheduling policies, or swaps to another",
        example: "policy priority",
        run: policy,
    },
    Command {
        name: "swap",
        usage: "swap OLD NEW [--json]",
        summary: "replaces a live cell by a fresh copy of another, or of itself",
        example: "swap round_robin priority",
        run: swap_cells,
    },
];

fn cells(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    args::none(invocation.args)?;
    let write = if invocation.json { listing::write_json } else { listing::write };
    Ok(write(invocation.out, &namespace::cells())?)
}

fn deps(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let mut args = Args::new(invocation.args);
    let name = args.word("CELL")?;
    args.finish()?;
    let cells = namespace::cells();
    let Some(dependencies) = Dependencies::of(&cells, name) else {
        return Err(CommandError::failed(format_args!("no cell is named {name}; `cells` lists them")));
    };
    let write = if invocation.json { Dependencies::write_json } else { Dependencies::write };
    Ok(write(&dependencies, invocation.out)?)
}

fn policy(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let mut args = Args::new(invocation.args);
    let name = args.optional_word()?;
    args.finish()?;
    match name.map(|name| policies().plan(name)) {
        None | Some(Plan::InUse) => show_policies(invocation),
        Some(Plan::Swap { old, new }) => perform_swap(invocation, &old, &new),
        Some(Plan::Take { cell }) => {
            let committed = namespace::use_policy(&cell).map_err(CommandError::failed)?;
            if !invocation.json {
                let longest = Nanoseconds(committed.pauses.iter().copied().max().unwrap_or(0));
                let moved = committed.moved;
                writeln!(
                    invocation.out,
                    "{moved} tasks handed over; the longest pause of a core was {longest}"
                )?;
            }
            show_policies(invocation)
        }
    }
}

fn show_policies(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let write = if invocation.json { Policies::write_json } else { Policies::write };
    Ok(write(&policies(), invocation.out)?)
}

fn policies() -> Policies {
    let live = namespace::cells();
    let mut archived = namespace::archive_names();
    archived.retain(|name| !live.iter().any(|cell| cell.name == *name));
    Policies { running: scheduler::current_policy(), loaded: namespace::policies(), archived }
}

fn swap_cells(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let mut args = Args::new(invocation.args);
    let (old, new) = (args.word("OLD")?, args.word("NEW")?);
    args.finish()?;
    perform_swap(invocation, old, new)
}

fn perform_swap(invocation: &mut Invocation<'_>, old: &str, new: &str) -> Result<(), CommandError> {
    let outcome = namespace::swap(old, new);
    if invocation.json {
        swap::write_json(invocation.out, old, new, &outcome)?;
    }
    match outcome {
        Ok(report) if !invocation.json => Ok(swap::write(invocation.out, &report)?),
        Ok(_) => Ok(()),
        Err(failure) => {
            let step = failure.step;
            Err(CommandError::failed(format_args!(
                "cannot swap {old}, nothing was changed ({step}): {failure}"
            )))
        }
    }
}
