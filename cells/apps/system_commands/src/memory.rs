//! `mem`: how much memory there is, and what holds it.

use core::fmt::{self, Write};
use heap::Report;
use report::{Bytes, Table, left, right};

/// `part` of `whole` in per cent, rounded.
fn percent(part: usize, whole: usize) -> u64 {
    let (part, whole) = (part as u128, whole as u128);
    (part * 100 + whole / 2).checked_div(whole).unwrap_or(0) as u64
}

/// Prints the figures as a table.
pub fn write(out: &mut dyn Write, memory: &Report) -> fmt::Result {
    let used = memory.total.saturating_sub(memory.free);
    let mut table = Table::new(&[left("memory"), right("size"), right("bytes"), left("")]);
    let mut row = |what: &str, bytes: usize, note: &dyn fmt::Display| {
        table.row(&[&what, &Bytes(bytes as u64), &bytes, note]);
    };
    let share =
        |part, of: &'static str, whole| fmt::from_fn(move |f| write!(f, "{}% of {of}", percent(part, whole)));
    row("total", memory.total, &"managed by the kernel");
    row("free", memory.free, &share(memory.free, "total", memory.total));
    row("used", used, &share(used, "total", memory.total));
    row("heap", memory.heap_mapped, &"mapped for the heap");
    row("  in use", memory.heap_used, &share(memory.heap_used, "the heap", memory.heap_mapped));
    row("cells", memory.cells, &"address space of loaded cells");
    row("mappings", memory.dynamic, &"address space of stacks with their guards, devices and mappings");
    write!(out, "{table}")
}

/// Prints the figures as a JSON object.
pub fn write_json(out: &mut dyn Write, memory: &Report) -> fmt::Result {
    json::object(out, |o| {
        o.object("mem", |o| {
            o.field("total", memory.total)?.field("free", memory.free)?;
            o.field("heap", memory.heap_mapped)?.field("heap_used", memory.heap_used)?;
            o.field("cells", memory.cells)?.field("dynamic", memory.dynamic).map(drop)
        })
        .map(drop)
    })
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    const MEMORY: Report = Report {
        total: 512 << 20,
        free: 500 << 20,
        heap_used: 600 << 10,
        heap_mapped: 1 << 20,
        cells: 96 << 10,
        dynamic: 3 << 20,
    };

    #[test]
    fn the_table_adds_up() {
        let mut out = String::new();
        write(&mut out, &MEMORY).expect("a string takes all");
        assert_eq!(
            out,
            "memory         size      bytes\n\
             total     512.0 MiB  536870912  managed by the kernel\n\
             free      500.0 MiB  524288000  98% of total\n\
             used       12.0 MiB   12582912  2% of total\n\
             heap        1.0 MiB    1048576  mapped for the heap\n  \
               in use  600.0 KiB     614400  59% of the heap\n\
             cells      96.0 KiB      98304  address space of loaded cells\n\
             mappings    3.0 MiB    3145728  address space of stacks with their guards, devices and mappings\n"
        );
        assert_eq!(percent(3, 0), 0);
    }

    #[test]
    fn the_json_has_the_agreed_fields() {
        let mut out = String::new();
        write_json(&mut out, &MEMORY).expect("a string takes all");
        assert_eq!(
            out,
            "{\"mem\":{\"total\":536870912,\"free\":524288000,\"heap\":1048576,\"heap_used\":614400,\
             \"cells\":98304,\"dynamic\":3145728}}\n"
        );
    }
}
