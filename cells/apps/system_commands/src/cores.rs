//! `cores`: what bring-up found, and what each core does.

use alloc::vec::Vec;
use core::fmt::{self, Write};
use report::{Nanoseconds, Table, left, right};
use scheduler::CoreInfo;
use topology::{Core, State};

/// One core: the bring-up's record, and the scheduler's if it runs tasks.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    core: Core,
    /// How its local APIC is driven; `None` if it never came so far.
    mode: Option<&'static str>,
    scheduling: Option<CoreInfo>,
}

/// Brings the two records together. `mode` is that of the whole machine.
pub fn rows(
    cores: impl Iterator<Item = Core>,
    scheduling: &[CoreInfo],
    mode: Option<&'static str>,
) -> Vec<Row> {
    cores
        .map(|core| Row {
            core,
            mode: mode.filter(|_| core.state == State::Online),
            scheduling: scheduling.iter().find(|info| info.core == core.id).copied(),
        })
        .collect()
}

/// Prints the cores as a table.
pub fn write(out: &mut dyn Write, rows: &[Row]) -> fmt::Result {
    let mut table = Table::new(&[
        right("core"),
        right("APIC id"),
        left("mode"),
        left("state"),
        right("bring-up"),
        right("waiting"),
        right("switches"),
        right("preemptions"),
        right("idle"),
    ]);
    for row in rows {
        let scheduling = row.scheduling.as_ref();
        let figure = |get: fn(&CoreInfo) -> u64| {
            fmt::from_fn(move |f| match scheduling {
                Some(info) => write!(f, "{}", get(info)),
                None => f.write_str("-"),
            })
        };
        let idle = fmt::from_fn(|f| match scheduling {
            Some(info) => write!(f, "{}", Nanoseconds(info.idle_ns)),
            None => f.write_str("-"),
        });
        table.row(&[
            &row.core.id.index(),
            &row.core.apic_id,
            &row.mode.unwrap_or("-"),
            &row.core.state,
            &Nanoseconds(row.core.bringup_ns),
            &figure(|info| info.load as u64),
            &figure(|info| info.switches),
            &figure(|info| info.preemptions),
            &idle,
        ]);
    }
    write!(out, "{table}")
}

/// Prints the cores as a JSON object.
pub fn write_json(out: &mut dyn Write, rows: &[Row]) -> fmt::Result {
    json::object(out, |o| {
        o.list("cores", rows.iter(), |row, w| {
            w.object(|o| {
                o.field("id", row.core.id.index())?.field("apic_id", row.core.apic_id)?;
                o.field("mode", row.mode)?.field("state", row.core.state.name())?;
                o.field("bringup_ns", row.core.bringup_ns)?;
                if let Some(info) = &row.scheduling {
                    o.field("waiting", info.load)?.field("switches", info.switches)?;
                    o.field("preemptions", info.preemptions)?.field("given", info.given)?;
                    o.field("idle_ns", info.idle_ns)?;
                }
                Ok(())
            })
        })
        .map(drop)
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use core_local::CoreId;
    use std::string::String;

    fn example() -> Vec<Row> {
        let one = CoreId::new(1).expect("below the limit");
        let boot = Core { id: CoreId::BOOT, apic_id: 0, state: State::Online, bringup_ns: 0 };
        let silent = Core { id: one, apic_id: 5, state: State::Silent, bringup_ns: 0 };
        let info = CoreInfo {
            core: CoreId::BOOT,
            load: 2,
            asleep: false,
            switches: 310,
            preemptions: 4,
            given: 1,
            idle_ns: 9_100_000,
        };
        rows([boot, silent].into_iter(), &[info], Some("x2apic"))
    }

    #[test]
    fn a_core_that_did_not_answer_has_dashes() {
        let mut out = String::new();
        write(&mut out, &example()).expect("a string takes all");
        assert_eq!(
            out,
            "core  APIC id  mode    state   bring-up  waiting  switches  preemptions    idle\n   \
                0        0  x2apic  online      0 ns        2       310            4  9.1 ms\n   \
                1        5  -       silent      0 ns        -         -            -       -\n"
        );
    }

    #[test]
    fn the_json_has_the_agreed_fields() {
        let mut out = String::new();
        write_json(&mut out, &example()).expect("a string takes all");
        assert_eq!(
            out,
            "{\"cores\":[{\"id\":0,\"apic_id\":0,\"mode\":\"x2apic\",\"state\":\"online\",\"bringup_ns\":0,\
             \"waiting\":2,\"switches\":310,\"preemptions\":4,\"given\":1,\"idle_ns\":9100000},\
             {\"id\":1,\"apic_id\":5,\"mode\":null,\"state\":\"silent\",\"bringup_ns\":0}]}\n"
        );
    }
}
