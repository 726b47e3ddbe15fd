//! Results as text: columns for a terminal.

use super::baseline::{Change, Compared};
use super::results::{Figures, Outcome, Row, Run};
use std::fmt::Write;

/// Rows of cells below a heading; the first column is left-aligned, the others right.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub fn new(heading: &[&str]) -> Self {
        Self { rows: vec![heading.iter().map(|cell| (*cell).to_owned()).collect()] }
    }

    /// Adds a row. One with fewer cells ends early: its last cell may be as long as it likes.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines, each with its line end.
    pub fn text(&self) -> String {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            let full = self.rows.iter().filter(|row| row.len() == columns || column == 0);
            full.filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let is_short = row.len() < columns;
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let is_last = column + 1 == row.len();
                // Writing to a string does not fail.
                let _ = match column {
                    0 => write!(text, "{cell:width$}"),
                    _ if is_short && is_last => write!(text, "  {cell}"),
                    _ => write!(text, "  {cell:>width$}"),
                };
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }
}

/// A figure with as many digits as it deserves: `153`, `2.50`, `1,096`, `12.0 M`.
pub fn figure(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 && value.fract() != 0.0 => format!("{value:.2}"),
        large if large >= 1e9 => format!("{:.2} G", value / 1e9),
        large if large >= 1e7 => format!("{:.1} M", value / 1e6),
        _ => grouped(value.round()),
    }
}

/// With a comma after every three digits.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// Why a row has no figures, in words; `None` if it has.
pub fn absence(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Measured(_) => None,
        Outcome::Missing(why) => Some(format!("missing: {why}")),
        Outcome::Skipped(why) => Some(format!("skipped: {why}")),
        Outcome::Failed(why) => Some(format!("FAILED: {why}")),
    }
}

/// All figures of a run, a row each.
pub fn of_run(run: &Run) -> String {
    let mut table =
        Table::new(&["benchmark", "unit", "median", "p90", "p99", "min", "max", "MAD", "n", "outliers"]);
    for row in &run.rows {
        let name = if row.subject == super::guest::KEEL {
            row.name.clone()
        } else {
            format!("{} ({})", row.name, row.subject)
        };
        table.row(match &row.outcome {
            Outcome::Measured(figures) => {
                let Figures { median, p90, p99, min, max, mad, n, outliers, .. } = figures;
                let mut cells = vec![name, row.unit.clone()];
                cells.extend([median, p90, p99, min, max, mad].map(|value| figure(*value)));
                cells.extend([n, outliers].map(u64::to_string));
                cells
            }
            outcome => vec![name, absence(outcome).unwrap_or_default()],
        });
    }
    table.text()
}

/// Instruction counts beside the baseline.
pub fn of_comparison(run: &Run, compared: &[Compared]) -> String {
    let mut table = Table::new(&["benchmark", "instructions", "p99", "max", "accepted", "change", ""]);
    let find = |row: &Row| compared.iter().find(|compared| compared.name == row.name);
    for row in &run.rows {
        let Outcome::Measured(figures) = &row.outcome else {
            table.row(vec![row.name.clone(), absence(&row.outcome).unwrap_or_default()]);
            continue;
        };
        let mut cells =
            vec![row.name.clone(), figure(figures.median), figure(figures.p99), figure(figures.max)];
        let Some(compared) = find(row) else {
            cells.extend(["".into(), "".into(), format!("not compared: {}", row.unit)]);
            table.row(cells);
            continue;
        };
        cells.push(compared.accepted.as_ref().map_or_else(|| "-".into(), |entry| figure(entry.instructions)));
        cells.push(compared.percent().map_or_else(String::new, |percent| format!("{percent:+.1}%")));
        cells.push(match &compared.change {
            Change::New(_) => "new".into(),
            Change::Same => String::new(),
            Change::Better => "better".into(),
            Change::Worse | Change::Gone(_) => "WORSE".into(),
        });
        table.row(cells);
    }
    table.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_digits_they_deserve() {
        for (value, text) in [
            (0.0, "0"),
            (2.5, "2.50"),
            (3.0, "3"),
            (153.4, "153"),
            (1096.0, "1,096"),
            (2019064.0, "2,019,064"),
            (11991567.0, "12.0 M"),
            (-1234.0, "-1,234"),
            (3.2e9, "3.20 G"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn columns_are_aligned_and_a_short_row_is_not_cut() {
        let mut table = Table::new(&["name", "n", "figure"]);
        table.row(vec!["a".into(), "10".into(), "1,000".into()]);
        table.row(vec!["longer".into(), "missing: there is none yet".into()]);
        assert_eq!(
            table.text(),
            "name     n  figure\na       10   1,000\nlonger  missing: there is none yet\n"
        );
    }
}
