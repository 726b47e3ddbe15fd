//! What cells are compiled against: how a cell presents itself to the kernel.
//!
//! Types and traits alone, because every cell is compiled against this crate: a change here changes them all, and the
//! loader refuses a cell that was built against another version of it.
//!
//! A cell has one entry, a static with a fixed name in its crate's root. It needs no unsafe code and no attribute:
//! the loader finds it by its demangled path `<crate>::CELL`.
//!
//! ```
//! use cell_api::{Cell, Command, CommandError, Invocation};
//!
//! /// What the loader looks for.
//! pub static CELL: Cell = Cell::new("greet", env!("CARGO_PKG_VERSION")).commands(&COMMANDS);
//!
//! static COMMANDS: [Command; 1] = [Command {
//!     name: "greet",
//!     usage: "greet NAME",
//!     summary: "says hello",
//!     example: "greet world",
//!     run: greet,
//! }];
//!
//! fn greet(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
//!     let [name] = invocation.args else { return Err(CommandError::usage("greet wants one name")) };
//!     Ok(writeln!(invocation.out, "hello, {name}")?)
//! }
//!
//! let mut out = String::new();
//! greet(&mut Invocation { args: &["world"], json: false, out: &mut out }).expect("one name");
//! assert_eq!(out, "hello, world\n");
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod bench;
mod command;

pub use bench::{Bench, BenchContext, BenchError, Better};
pub use command::{Command, CommandError, Invocation};
pub use sched_policy::PolicyFactory;

/// The first eight bytes of every [`Cell`]: "KEELCEL" and the version of this layout.
pub const CELL_MAGIC: u64 = u64::from_le_bytes(*b"KEELCEL1");

/// What a cell offers. A cell that offers nothing here is a library: other cells import its symbols.
///
/// `repr(C)`, so that the magic comes first and the loader can look at it before it believes the rest.
#[repr(C)]
#[derive(Debug)]
pub struct Cell {
    magic: u64,
    name: &'static str,
    version: &'static str,
    policy: Option<&'static PolicyFactory>,
    commands: &'static [Command],
    benches: &'static [Bench],
    main: Option<fn()>,
}

impl Cell {
    /// A cell with this name (the crate's, with underscores) and version (`env!("CARGO_PKG_VERSION")`).
    #[must_use]
    pub const fn new(name: &'static str, version: &'static str) -> Self {
        Self { magic: CELL_MAGIC, name, version, policy: None, commands: &[], benches: &[], main: None }
    }

    /// It brings a scheduling policy.
    #[must_use]
    pub const fn policy(mut self, factory: &'static PolicyFactory) -> Self {
        self.policy = Some(factory);
        self
    }

    /// It brings console commands.
    #[must_use]
    pub const fn commands(mut self, commands: &'static [Command]) -> Self {
        self.commands = commands;
        self
    }

    /// It brings benchmarks.
    #[must_use]
    pub const fn benches(mut self, benches: &'static [Bench]) -> Self {
        self.benches = benches;
        self
    }

    /// It has something to run as a task of its own, once all cells of the archive are loaded (the console does).
    #[must_use]
    pub const fn main(mut self, main: fn()) -> Self {
        self.main = Some(main);
        self
    }

    /// Whether the first field is what every cell begins with.
    #[must_use]
    pub fn magic_is_right(&self) -> bool {
        self.magic == CELL_MAGIC
    }

    /// The cell's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// Its policy, if it brings one.
    #[must_use]
    pub fn policy_factory(&self) -> Option<&'static PolicyFactory> {
        self.policy
    }

    /// Its console commands.
    #[must_use]
    pub fn command_list(&self) -> &'static [Command] {
        self.commands
    }

    /// Its benchmarks.
    #[must_use]
    pub fn bench_list(&self) -> &'static [Bench] {
        self.benches
    }

    /// What to run as a task, if anything.
    #[must_use]
    pub fn entry(&self) -> Option<fn()> {
        self.main
    }
}
