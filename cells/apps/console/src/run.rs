//! Running commands, from the terminal or from the kernel's command line.

use crate::editor::{Editor, Event};
use crate::help;
use crate::input::Input;
use crate::output::{Lines, Terminal};
use crate::parse::{Line, commands, words};
use alloc::{string::String, sync::Arc, vec::Vec};
use cell_api::{Command, CommandError, Invocation};
use core::sync::atomic::{AtomicBool, Ordering};
use power::Status;
use scheduler::{Builder, TaskRef};

/// The host tool waits for this when it types at the console.
const PROMPT: &str = "keel> ";
/// How long to sleep between two looks at a running command, in nanoseconds. Its end and a key wake the console at once.
const LOOK_NS: u64 = 50_000_000;

pub static COMMANDS: [Command; 1] = [Command {
    name: "help",
    usage: "help [COMMAND]",
    summary: "lists the commands, or explains one",
    example: "help swap",
    run: help_command,
}];

/// The program of the console cell.
pub fn main() {
    let mut input = Input::open();
    if let Some(script) = options::get().run {
        run_script(script, &mut input);
    }
    let mut editor = Editor::new(PROMPT);
    loop {
        editor.show(&mut Terminal);
        match editor.feed_until_event(&mut input) {
            Event::Line(line) => {
                for command in commands(&line) {
                    if !run(command, &mut input) {
                        break;
                    }
                }
            }
            Event::Interrupted | Event::Editing => {}
        }
    }
}

/// Runs all commands of `script`, also behind one that fails, and powers off.
fn run_script(script: &str, input: &mut Input) -> ! {
    static BEGUN: AtomicBool = AtomicBool::new(false);
    if BEGUN.swap(true, Ordering::Relaxed) {
        serial::println!("console: it died while it ran the command line's commands");
        power::off(Status::Failure);
    }
    let mut status = Status::Success;
    for command in commands(script) {
        serial::println!("{PROMPT}{command}");
        if !run(command, input) {
            status = Status::Failure;
        }
    }
    power::off(status)
}

impl Editor {
    fn feed_until_event(&mut self, input: &mut Input) -> Event {
        let mut names = |each: &mut dyn FnMut(&str)| {
            let mut commands: Vec<_> = namespace::commands();
            commands.sort_unstable_by_key(|c| c.name);
            commands.iter().for_each(|c| each(c.name));
        };
        loop {
            let event = self.feed(input.next(), &mut names, &mut Terminal);
            if event != Event::Editing {
                return event;
            }
        }
    }
}

/// Runs one command in a task of its own and waits for it; says whether it succeeded. If not, one line has said why.
fn run(text: &str, input: &mut Input) -> bool {
    let line = match words(text) {
        Ok(Some(line)) => line,
        Ok(None) => return true,
        Err(error) => {
            serial::println!("{error}");
            return false;
        }
    };
    let Some(command) = namespace::find_command(&line.name) else {
        unknown(&line);
        return false;
    };
    let name = String::from(command.name);
    let usage = String::from(command.usage);
    let args: Vec<String> = line.args.iter().map(|a| a.clone().into_owned()).collect();
    let json = line.json;
    let ended = Arc::new(AtomicBool::new(false));
    let waker = Waker { ended: ended.clone(), console: scheduler::current() };
    let task = Builder::new(name.clone()).spawn(move || {
        let _waker = waker;
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut out = Lines::default();
        // The pin on the command's cell lives until the command has returned or was unwound.
        (command.run)(&mut Invocation { args: &args, json, out: &mut out })
    });
    let task = match task {
        Ok(task) => task,
        Err(error) => {
            serial::println!("{name}: {error}");
            return false;
        }
    };
    // A task that died in its outermost frame may not have said that it ended: hence the second condition.
    while !ended.load(Ordering::Acquire) && !task.is_finished() {
        if input.interrupted() {
            serial::println!("^C");
            // It may have ended by itself just now: then there is nothing to kill.
            let _ = scheduler::kill(task.task().id());
        }
        scheduler::park_timeout(LOOK_NS);
    }
    let result = task.join();
    namespace::reap();
    match result {
        Ok(Ok(())) => true,
        Ok(Err(CommandError::Usage(what))) => {
            serial::println!("{name}: {what}; usage: {usage}");
            false
        }
        Ok(Err(error)) => {
            serial::println!("{name}: {error}");
            false
        }
        Err(death) => {
            serial::println!("{name}: its task died: {death}");
            false
        }
    }
}

/// Tells the console that the command has ended, however it did.
struct Waker {
    ended: Arc<AtomicBool>,
    console: TaskRef,
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        self.console.unpark();
    }
}

fn unknown(line: &Line<'_>) {
    let commands = namespace::commands();
    match help::nearest(&line.name, commands.iter().map(|c| c.name)) {
        Some(name) => {
            serial::println!("{}: no such command; did you mean {name}? `help` lists all", line.name)
        }
        None => serial::println!("{}: no such command; `help` lists all", line.name),
    }
}

fn help_command(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    args::refuse_json(invocation)?;
    let commands = namespace::commands();
    match invocation.args {
        [] => Ok(help::list(invocation.out, commands.iter().map(|c| &**c))?),
        [name] => {
            let command = commands.iter().find(|c| c.name == *name);
            let command = command.ok_or_else(|| {
                CommandError::failed(format_args!("no command is named {name}; `help` lists all"))
            })?;
            Ok(help::one(invocation.out, command)?)
        }
        _ => Err(CommandError::usage("help explains one command at a time")),
    }
}
