//! A table: columns as wide as their widest entry, two spaces between them.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// One column: its heading, and to which side its entries lean.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    heading: &'static str,
    right: bool,
}

/// A column of words.
#[must_use]
pub const fn left(heading: &'static str) -> Column {
    Column { heading, right: false }
}

/// A column of figures.
#[must_use]
pub const fn right(heading: &'static str) -> Column {
    Column { heading, right: true }
}

/// A table that is built row by row and then displayed.
///
/// ```
/// use report::{Table, left, right};
///
/// let mut table = Table::new(&[left("name"), right("size")]);
/// table.row(&[&"a long name", &7]).row(&[&"b", &1234]);
/// assert_eq!(
///     table.to_string(),
///     "name         size\n\
///      a long name     7\n\
///      b            1234\n"
/// );
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<Column>,
    /// Row after row.
    entries: Vec<String>,
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        Self { columns: columns.to_vec(), entries: Vec::new() }
    }

    /// Adds a row. What lies beyond the columns is ignored, what is missing stays empty.
    pub fn row(&mut self, entries: &[&dyn fmt::Display]) -> &mut Self {
        let entry = |column: usize| entries.get(column).map_or_else(String::new, |entry| entry.to_string());
        self.entries.extend((0..self.columns.len()).map(entry));
        self
    }

    fn width(&self, column: usize) -> usize {
        let entries = self.entries.iter().skip(column).step_by(self.columns.len());
        let widths = entries.map(|entry| entry.chars().count());
        widths.chain([self.columns[column].heading.chars().count()]).max().unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.columns.is_empty() {
            return Ok(());
        }
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| self.width(column)).collect();
        let headings: Vec<String> = self.columns.iter().map(|column| column.heading.to_string()).collect();
        let mut line = String::new();
        for row in core::iter::once(&headings[..]).chain(self.entries.chunks(self.columns.len())) {
            line.clear();
            for ((entry, column), &width) in row.iter().zip(&self.columns).zip(&widths) {
                let padding = width - entry.chars().count();
                let (before, after) = if column.right { (padding, 0) } else { (0, padding) };
                line.extend(core::iter::repeat_n(' ', before));
                line.push_str(entry);
                line.extend(core::iter::repeat_n(' ', after + 2));
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn columns_align_by_characters_not_bytes() {
        let mut table = Table::new(&[left("step"), right("time"), left("note")]);
        table.row(&[&"commit", &"3 µs"]).row(&[&"retire", &"120 ns", &"old cell freed", &"ignored"]);
        assert_eq!(
            table.to_string(),
            "step      time  note\n\
             commit    3 µs\n\
             retire  120 ns  old cell freed\n"
        );
        assert_eq!(Table::new(&[]).to_string(), "");
    }
}
