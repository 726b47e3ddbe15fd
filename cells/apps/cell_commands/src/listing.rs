//! `cells` and `deps`: what is loaded, and who imports from whom.

use alloc::vec::Vec;
use core::fmt::{self, Write};
use namespace::{CellInfo, State};
use report::{Bytes, Table, left, plural, right};

fn state_name(state: &State) -> &'static str {
    match state {
        State::Live => "live",
        State::Retiring(_) => "retiring",
    }
}

/// Prints the cells as a table, and why each that is retiring is still there.
pub fn write(out: &mut dyn Write, cells: &[CellInfo]) -> fmt::Result {
    let mut table = Table::new(&[
        left("cell"),
        left("version"),
        left("hash"),
        left("where"),
        left("state"),
        left("unsafe"),
        right("text"),
        right("rodata"),
        right("data"),
        right("exports"),
        right("imports"),
        right("used by"),
    ]);
    for cell in cells {
        table.row(&[
            &cell.name,
            &cell.version,
            // Eight digits tell cells apart for a person; `--json` has all sixteen.
            &format_args!("{:08x}", cell.hash >> 32),
            &if cell.base { "base" } else { "loaded" },
            &state_name(&cell.state),
            &cell.unsafe_code.as_str(),
            &Bytes(cell.text),
            &Bytes(cell.rodata),
            &Bytes(cell.data),
            &cell.exports,
            &cell.imports,
            &cell.dependants.len(),
        ]);
    }
    write!(out, "{table}")?;
    for cell in cells {
        if let State::Retiring(reason) = &cell.state {
            writeln!(out, "{} {:08x} is kept: {reason}", cell.name, cell.hash >> 32)?;
        }
    }
    let loaded = cells.iter().filter(|cell| !cell.base).count();
    writeln!(out, "{}, {loaded} of them loaded", plural(cells.len(), "cell"))
}

/// Prints the cells as a JSON object.
pub fn write_json(out: &mut dyn Write, cells: &[CellInfo]) -> fmt::Result {
    json::object(out, |o| {
        o.list("cells", cells.iter(), |cell, w| {
            let hash = alloc::format!("{:016x}", cell.hash);
            w.object(|o| {
                o.field("name", cell.name.as_str())?.field("version", cell.version.as_str())?;
                o.field("hash", hash.as_str())?.field("base", cell.base)?;
                o.field("state", state_name(&cell.state))?.field("unsafe_code", cell.unsafe_code.as_str())?;
                o.field("text", cell.text)?.field("rodata", cell.rodata)?.field("data", cell.data)?;
                o.field("exports", cell.exports)?.field("imports", cell.imports)?;
                o.list("dependants", cell.dependants.iter(), |name, w| w.value(name.as_str()))?;
                if let State::Retiring(reason) = &cell.state {
                    let reason = alloc::format!("{reason}");
                    o.field("kept_because", reason.as_str())?;
                }
                Ok(())
            })
        })
        .map(drop)
    })
}

/// Who a cell imports from, and who imports from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependencies<'a> {
    /// The cell.
    pub cell: &'a str,
    /// The cells that it imports from.
    pub uses: Vec<&'a str>,
    /// The cells that import from it.
    pub used_by: Vec<&'a str>,
}

impl<'a> Dependencies<'a> {
    /// Those of the cell named `name`; `None` if there is no such cell.
    pub fn of(cells: &'a [CellInfo], name: &str) -> Option<Self> {
        let versions = || cells.iter().filter(|cell| cell.name == name);
        let cell = versions().next()?;
        let mut used_by: Vec<&str> =
            versions().flat_map(|cell| &cell.dependants).map(AsRef::as_ref).collect();
        let is_user = |other: &&CellInfo| other.dependants.iter().any(|dependant| dependant == name);
        let mut uses: Vec<&str> = cells.iter().filter(is_user).map(|other| other.name.as_str()).collect();
        for names in [&mut uses, &mut used_by] {
            names.sort_unstable();
            names.dedup();
        }
        Some(Self { cell: &cell.name, uses, used_by })
    }

    /// Prints both lists.
    pub fn write(&self, out: &mut dyn Write) -> fmt::Result {
        for (what, names) in [("uses", &self.uses), ("used by", &self.used_by)] {
            write!(out, "{} {what}", self.cell)?;
            match names.as_slice() {
                [] => write!(out, " no cell")?,
                names => names.iter().try_for_each(|name| write!(out, " {name}"))?,
            }
            writeln!(out)?;
        }
        Ok(())
    }

    /// Prints both lists as a JSON object.
    pub fn write_json(&self, out: &mut dyn Write) -> fmt::Result {
        json::object(out, |o| {
            o.object("deps", |o| {
                o.field("cell", self.cell)?;
                o.list("uses", self.uses.iter(), |name, w| w.value(*name))?;
                o.list("used_by", self.used_by.iter(), |name, w| w.value(*name)).map(drop)
            })
            .map(drop)
        })
    }
}
