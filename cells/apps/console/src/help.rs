//! `help`: the list of commands, and one of them with an example.

use cell_api::{Command, CommandError, Invocation};

/// What this cell brings.
pub static COMMANDS: [Command; 1] = [Command {
    name: "help",
    usage: "help [COMMAND]",
    summary: "lists the commands, or explains one",
    example: "help swap",
    run: help,
}];

fn help(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    match invocation.args {
        [] => {
            let mut commands = namespace::commands();
            commands.sort_by_key(|command| command.name);
            let width = commands.iter().map(|command| command.usage.len()).max().unwrap_or(0);
            for command in commands {
                writeln!(invocation.out, "{:width$}  {}", command.usage, command.summary)?;
            }
            Ok(())
        }
        [name] => {
            let command = namespace::find_command(name)
                .ok_or_else(|| CommandError::failed(format_args!("there is no command `{name}`")))?;
            writeln!(invocation.out, "{}: {}", command.name, command.summary)?;
            writeln!(invocation.out, "usage:   {}", command.usage)?;
            Ok(writeln!(invocation.out, "example: {}", command.example)?)
        }
        _ => Err(CommandError::usage("it explains one command at a time")),
    }
}
