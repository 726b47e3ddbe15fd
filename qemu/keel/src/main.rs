//! `keel`, the host tool: builds the kernel and its cells, runs them under QEMU, and tests them.
//!
//! Started as `cargo keel …`. Each subcommand is a module; this file only reads the command line.

mod build;
mod toolchain;
mod workspace;

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
    }
}
