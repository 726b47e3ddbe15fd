//! `cargo keel test`: everything, in order, one line per step, and a sum at the end.
//!
//! Cheap and general first: host tests, models, lints, the std gate; then the image is built and booted. Nothing is tried twice.

mod boot;
mod case;
mod damage;
mod host;
mod shape;
mod transcript;

use crate::bench::icount::{self, Checked};
use crate::workspace::Workspace;
use crate::{build, gate};
use build::Image;
use case::BootCase;
use clap::Args;
use std::io::{self, Write};
use std::time::Instant;

/// What `cargo keel test` can be told.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Only the steps whose name contains this
    filter: Option<String>,
    /// Print the steps' names and do nothing
    #[arg(long)]
    list: bool,
}

/// What came of a step.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// This many tests passed, none failed.
    Passed(usize),
    /// Some did, some did not.
    Mixed {
        /// How many passed.
        passed: usize,
        /// How many failed.
        failed: usize,
        /// What a person needs to know.
        what: String,
    },
    /// One test, failed.
    Failed(String),
    /// Cannot be tested on this machine.
    Skipped(String),
}

/// Something to test.
enum Step {
    Host,
    Native,
    Loom(String),
    Clippy,
    KernelClippy,
    Format,
    Gate,
    Image,
    Instructions,
    Boot(String, Box<BootCase>),
}

impl Step {
    fn name(&self) -> String {
        match self {
            Self::Host => "host tests".into(),
            Self::Native => "native benchmarks".into(),
            Self::Loom(package) => format!("model {package}"),
            Self::Clippy => "clippy host".into(),
            Self::KernelClippy => "clippy kernel".into(),
            Self::Format => "format".into(),
            Self::Gate => "std gate".into(),
            Self::Image => "image".into(),
            Self::Instructions => "instructions".into(),
            Self::Boot(file, case) => format!("boot {file}/{}", case.name),
        }
    }

    /// Whether it uses what the step `Image` builds.
    fn needs_image(&self) -> bool {
        matches!(self, Self::Boot(..) | Self::Instructions | Self::Native)
    }

    fn run(&self, workspace: &Workspace) -> Verdict {
        let tests = |command| host::run(workspace, &self.name(), host::Kind::Tests, command);
        let check = |command| host::run(workspace, &self.name(), host::Kind::Check, command);
        match self {
            Self::Host => tests(host::tests(workspace)),
            Self::Native => check(host::native_benchmarks(workspace)),
            Self::Loom(package) => tests(host::loom(workspace, package)),
            Self::Clippy => check(host::clippy(workspace)),
            Self::KernelClippy => check(host::kernel_clippy(workspace)),
            Self::Format => check(host::format(workspace)),
            Self::Gate => gate::check(workspace).map_or_else(failed, |()| Verdict::Passed(1)),
            Self::Image => build::build(workspace).map_or_else(failed, |_| Verdict::Passed(1)),
            Self::Instructions => match icount::check(workspace) {
                Ok(Checked::Good(rows)) => Verdict::Passed(rows),
                Ok(Checked::OtherTools(why)) => Verdict::Skipped(why),
                Err(error) => failed(error),
            },
            Self::Boot(_, case) => boot::run(&Image::of(workspace), case),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> Verdict {
    Verdict::Failed(error.to_string())
}

/// All steps, in order.
fn steps(workspace: &Workspace) -> Result<Vec<Step>, case::TableError> {
    let models = workspace.packages.iter().filter(|package| package.has_loom_models);
    let boots = case::read(&workspace.root.join("qemu/tests"))?;
    let mut steps = vec![Step::Host];
    steps.extend(models.map(|package| Step::Loom(package.name.clone())));
    steps.extend([
        Step::Clippy,
        Step::KernelClippy,
        Step::Format,
        Step::Gate,
        Step::Image,
        Step::Native,
        Step::Instructions,
    ]);
    steps.extend(boots.into_iter().map(|(file, case)| Step::Boot(file, Box::new(case))));
    Ok(steps)
}

/// Runs what `options` select; whether all of it passed.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool, Box<dyn std::error::Error>> {
    let mut steps = steps(workspace)?;
    if let Some(filter) = &options.filter {
        let boots = steps.iter().any(|step| step.needs_image() && step.name().contains(filter));
        // A boot needs its image, whatever the filter says.
        steps.retain(|step| step.name().contains(filter) || (boots && matches!(step, Step::Image)));
    }
    if options.list {
        let mut out = io::stdout().lock();
        // Whoever reads may have seen enough: that is no failure.
        let _ = steps.iter().try_for_each(|step| writeln!(out, "{}", step.name()));
        return Ok(true);
    }
    if steps.is_empty() {
        return Err(format!(
            "no test is called like {:?}; `cargo keel test --list` names them",
            options.filter.as_deref().unwrap_or_default()
        )
        .into());
    }
    let (mut passed, mut failed, mut skipped, mut has_image) = (0, 0, 0, true);
    for step in &steps {
        print!("{:<44} ", step.name());
        io::stdout().flush()?;
        let started = Instant::now();
        let verdict = if step.needs_image() && !has_image {
            Verdict::Failed("there is no image".into())
        } else {
            step.run(workspace)
        };
        let seconds = started.elapsed().as_secs_f64();
        match verdict {
            Verdict::Passed(count) => {
                passed += count;
                println!(
                    "ok {seconds:7.1} s{}",
                    if count > 1 { format!("  {count} tests") } else { String::new() }
                );
            }
            Verdict::Skipped(why) => {
                skipped += 1;
                println!("-- {seconds:7.1} s  skipped: {why}");
            }
            Verdict::Failed(what) => {
                failed += 1;
                has_image &= !matches!(step, Step::Image);
                println!("FAILED {seconds:3.1} s\n{}", indented(&what));
            }
            Verdict::Mixed { passed: good, failed: bad, what } => {
                passed += good;
                failed += bad;
                println!("FAILED {seconds:3.1} s\n{}", indented(&what));
            }
        }
    }
    let skips = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    println!("{passed} passed, {failed} failed{skips}");
    Ok(failed == 0)
}

/// `text`, each line moved in.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
