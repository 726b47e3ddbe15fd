//! `keel`, the host tool: builds the kernel and its cells, runs them under QEMU, and tests them.
//!
//! Started as `cargo keel …`. Each subcommand is a module; this file only reads the command line.

mod bench;
mod build;
mod count;
mod gate;
mod run;
mod setup;
mod suite;
mod toolchain;
mod workspace;

use build::Image;
use clap::{Parser, Subcommand};
use std::path::Path;
use std::process::{Command, ExitCode};
use workspace::Workspace;

/// Keel's front door: build, run and test the kernel.
#[derive(Parser)]
#[command(name = "cargo keel", bin_name = "cargo keel", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Compile and link the base image and all cells
    Build,
    /// Boot the image under QEMU: an interactive console, or commands given with --exec
    Run(Box<run::Options>),
    /// Run the whole test suite: host, models, lints, std gate, boots
    Test(suite::Options),
    /// Measure: in the kernel, in instructions, beside Linux, on the host; and report
    Bench(Box<bench::Options>),
    /// Check that no crate drags std into the kernel
    Gate,
    /// Count each crate's lines of code and unsafe blocks
    Count,
    /// Install what building and running need
    Setup,
}

/// The cargo that started us, in `root`.
fn cargo_command(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).env_remove("RUSTFLAGS");
    command
}

fn main() -> ExitCode {
    match act(Arguments::parse().action) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn act(action: Action) -> Result<ExitCode, Box<dyn std::error::Error>> {
    match action {
        Action::Build => {
            let workspace = Workspace::discover()?;
            let image = build::build(&workspace)?;
            println!("{}\n{}", image.kernel.display(), image.archive.display());
            Ok(ExitCode::SUCCESS)
        }
        Action::Run(options) => {
            let workspace = Workspace::discover()?;
            let image = if options.no_build { Image::of(&workspace) } else { build::build(&workspace)? };
            run::run(&image, &options)?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Test(options) => {
            let passed = suite::run(&Workspace::discover()?, &options)?;
            Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Action::Bench(options) => {
            let good = bench::run(&Workspace::discover()?, &options)?;
            Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Action::Gate => {
            gate::check(&Workspace::discover()?)?;
            println!("no std in the kernel");
            Ok(ExitCode::SUCCESS)
        }
        Action::Count => {
            count::print(&Workspace::discover()?)?;
            Ok(ExitCode::SUCCESS)
        }
        Action::Setup => {
            setup::setup()?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
