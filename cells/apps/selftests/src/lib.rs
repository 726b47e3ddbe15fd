//! Console command that tries the kernel's memory and cross-core mechanisms on all cores, and checks the outcome.
//!
//! What one core does alone is tested on the host. What is left is what needs real cores, each with a TLB and interrupts:
//! that no core sees a translation that is gone, that no frame has two owners, that calls and stops arrive
//! exactly once, and that everything comes back. Each test has an oracle that would see the opposite, and nothing
//! here is unsafe: what these tests could not break, no cell without unsafe code breaks this way.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod accounts;
mod calls;
mod crew;
mod failure;
mod frames;
mod kills;
mod owners;
mod shootdown;
mod stacks;
mod wx;

use alloc::{string::String, vec::Vec};
use args::Args;
use cell_api::{Cell, Command, CommandError, Invocation};
use failure::Failure;
use report::Nanoseconds;

/// What the loader looks for.
pub static CELL: Cell = Cell::new("selftests", env!("CARGO_PKG_VERSION")).commands(&COMMANDS);

static COMMANDS: [Command; 1] = [Command {
    name: "selftest",
    usage: "selftest [NAME] [--rounds N] [--json]",
    summary: "tests on all cores: shootdown, wx, frames, stacks, calls or kill",
    example: "selftest shootdown",
    run,
}];

/// A test, by name. It gets the number of its rounds, and says what it did.
struct Test {
    name: &'static str,
    rounds: u64,
    run: fn(u64) -> Result<String, Failure>,
}

const TESTS: [Test; 6] = [
    Test { name: "shootdown", rounds: 240, run: shootdown::run },
    Test { name: "wx", rounds: 20, run: wx::run },
    Test { name: "frames", rounds: 200, run: frames::run },
    Test { name: "stacks", rounds: 1_000, run: stacks::run },
    Test { name: "calls", rounds: 10, run: calls::run },
    Test { name: "kill", rounds: 4, run: kills::run },
];
const NAMES: [&str; TESTS.len()] = {
    let mut names = [""; TESTS.len()];
    let mut index = 0;
    while index < TESTS.len() {
        names[index] = TESTS[index].name;
        index += 1;
    }
    names
};

/// A test that passed.
struct Passed {
    name: &'static str,
    what: String,
    ns: u64,
}

fn run(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    let mut args = Args::new(invocation.args);
    let rounds = args.number("--rounds", 1..=1_000_000)?;
    let one = match args.clone().optional_word()? {
        Some(_) => Some(args.choice("NAME", &NAMES)?),
        None => None,
    };
    args.finish()?;

    let mut passed = Vec::new();
    for (index, test) in TESTS.iter().enumerate() {
        if one.is_some_and(|one| one != index) {
            continue;
        }
        let start = clock::now_ns();
        let what = (test.run)(rounds.unwrap_or(test.rounds))
            .map_err(|failure| CommandError::failed(format_args!("{}: {failure}", test.name)))?;
        let test = Passed { name: test.name, what, ns: clock::now_ns() - start };
        if !invocation.json {
            writeln!(invocation.out, "{}: passed in {}: {}", test.name, Nanoseconds(test.ns), test.what)?;
        }
        passed.push(test);
    }
    if invocation.json {
        json::object(invocation.out, |o| {
            o.list("selftests", passed.iter(), |test, w| {
                w.object(|o| {
                    o.field("name", test.name)?.field("ns", test.ns)?;
                    o.field("what", test.what.as_str()).map(drop)
                })
            })
            .map(drop)
        })?;
    }
    Ok(())
}
