//! The console's task: reads lines and runs them, or runs those of the command line.

use crate::dispatch;
use crate::editor::{Editor, Event};
use core::fmt;
use irq_lock::IrqLock;
use power::Status;
use scheduler::TaskRef;

/// The host tool waits for this text before it types.
const PROMPT: &str = "keel> ";

/// Who waits for input. The interrupt handler reads it.
static READER: IrqLock<Option<TaskRef>> = IrqLock::new("console reader", None);

fn input_arrived() {
    if let Some(reader) = &*READER.lock() {
        reader.unpark();
    }
}

/// What the loader starts as a task.
pub fn run() {
    match options::get().run {
        Some(commands) => run_all(commands),
        None => interact(),
    }
}

/// Runs one line and prints why it failed, if it did.
fn run_line(line: &str) -> bool {
    match dispatch::run(line) {
        Ok(()) => true,
        Err(failure) => {
            serial::println!("{failure}");
            false
        }
    }
}

/// Runs all commands, also those behind one that fails, and powers off.
fn run_all(commands: &str) -> ! {
    let mut failed = 0;
    for line in commands.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        serial::println!("{PROMPT}{line}");
        failed += usize::from(!run_line(line));
    }
    power::off(if failed == 0 { Status::Success } else { Status::Failure })
}

struct Terminal;

impl fmt::Write for Terminal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        serial::write_str(text);
        Ok(())
    }
}

fn interact() {
    *READER.lock() = Some(scheduler::current());
    serial::set_input_hook(input_arrived);
    let mut editor = Editor::new(PROMPT);
    serial::println!("Type `help` for the commands.");
    // The terminal's writes do not fail.
    let _ = editor.redraw(&mut Terminal);
    loop {
        let Some(byte) = serial::read_byte() else {
            // A byte that came since leaves a permit, so the park returns at once.
            scheduler::park();
            continue;
        };
        match editor.feed(byte, &mut Terminal) {
            Ok(Event::Line(line)) => {
                run_line(&line);
                let _ = editor.redraw(&mut Terminal);
            }
            Ok(Event::Interrupted) => {
                let _ = editor.redraw(&mut Terminal);
            }
            Ok(Event::None) | Err(fmt::Error) => {}
        }
    }
}
