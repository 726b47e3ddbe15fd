//! `tasks`: who lives, and what each is doing.

use cell_api::{CommandError, Invocation};
use core::fmt::{self, Write};
use report::{Nanoseconds, Table, left, plural, right};
use scheduler::TaskInfo;

/// The command.
pub fn tasks(invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
    args::none(invocation.args)?;
    let write = if invocation.json { write_json } else { write };
    Ok(write(invocation.out, &scheduler::tasks())?)
}

fn write(out: &mut dyn Write, tasks: &[TaskInfo]) -> fmt::Result {
    let mut table = Table::new(&[
        right("id"),
        left("name"),
        left("state"),
        right("core"),
        right("priority"),
        right("switches"),
        right("ran"),
    ]);
    for task in tasks {
        table.row(&[
            &task.id,
            &task.name,
            &task.state.as_str(),
            &task.core.index(),
            &task.priority,
            &task.switches,
            &Nanoseconds(task.run_ns),
        ]);
    }
    write!(out, "{table}")?;
    writeln!(out, "{}", plural(tasks.len(), "task"))
}

fn write_json(out: &mut dyn Write, tasks: &[TaskInfo]) -> fmt::Result {
    json::object(out, |o| {
        o.list("tasks", tasks.iter(), |task, w| {
            w.object(|o| {
                o.field("id", task.id)?.field("name", task.name.as_str())?;
                o.field("state", task.state.as_str())?.field("core", task.core.index())?;
                o.field("priority", task.priority)?.field("switches", task.switches)?;
                o.field("run_ns", task.run_ns)?.field("stack", task.stack_bytes).map(drop)
            })
        })
        .map(drop)
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use scheduler::{CoreId, TaskState};
    use std::string::String;

    #[test]
    fn a_row_and_an_object_for_each() {
        let tasks = [TaskInfo {
            id: 7,
            name: "console".into(),
            state: TaskState::Blocked,
            core: CoreId::BOOT,
            priority: 128,
            switches: 12,
            run_ns: 3_400,
            stack_bytes: 65_536,
        }];
        let (mut text, mut object) = (String::new(), String::new());
        write(&mut text, &tasks).and_then(|()| write_json(&mut object, &tasks)).expect("a string takes all");
        assert_eq!(
            text,
            "id  name     state    core  priority  switches     ran\n \
              7  console  blocked     0       128        12  3.4 µs\n\
             1 task\n"
        );
        assert_eq!(
            object,
            "{\"tasks\":[{\"id\":7,\"name\":\"console\",\"state\":\"blocked\",\"core\":0,\"priority\":128,\
             \"switches\":12,\"run_ns\":3400,\"stack\":65536}]}\n"
        );
    }
}
