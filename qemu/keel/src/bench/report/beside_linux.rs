//! Section: Linux and Keel in one run, as ratios with their spread.

use super::chart::{self, RatioLine};
use super::compare::{cost, spread};
use super::numbers::times;
use super::ratio::Ratio;
use super::results::{Instrument, Outcome, Run};
use super::verdict::Verdict;
use super::{Source, several_cores, table};
use maud::{Markup, html};

/// Linux's two sides, in the order of the page.
const SIDES: [&str; 2] = ["linux_kernel", "linux_user"];

/// The section.
pub fn section(source: &Source) -> Markup {
    let run = source.run(Instrument::Linux);
    html! {
        @match run {
            None => (table::absent(Instrument::Linux)),
            Some(run) => {
                p {
                    "Keel and Linux, alternating on the same machine model. Each repeat gives a ratio of Keel's cost to "
                    "Linux's; the mark is the median of these ratios, the line through it goes from the smallest to "
                    "the largest. Left of 1× Keel is cheaper. What must be reached is judged by the cheaper of "
                    "Linux's two sides."
                }
                (chart::legend(&SIDES, source.peers, true))
                div.wide {
                    @for (title, names) in names(source, run) {
                        @let lines: Vec<RatioLine> = names.iter().filter_map(|name| line(source, run, name)).collect();
                        @if !lines.is_empty() {
                            figure { figcaption { (title) ", Keel to Linux" } (chart::ratios(lines)) }
                        }
                    }
                }
            }
        }
        h3 { "Several cores: what is to be reached" }
        (several_cores::table(source))
        @if let Some(run) = run {
            (super::kernel::distributions(source, run))
            (table::figures(source, run))
        }
    }
}

/// The operations of a run, each once, by heading.
fn names<'a>(source: &'a Source, run: &'a Run) -> Vec<(&'a str, Vec<&'a str>)> {
    let once = |rows: Vec<&'a super::results::Row>| {
        let mut names: Vec<&str> = Vec::new();
        for row in rows {
            if !names.contains(&row.name.as_str()) {
                names.push(&row.name);
            }
        }
        names
    };
    source
        .peers
        .grouped(&run.rows, |row| &row.name)
        .into_iter()
        .map(|(title, rows)| (title, once(rows)))
        .collect()
}

/// Keel's cost to one side of Linux.
///
/// # Errors
/// Why there is no ratio.
pub fn ratio(run: &Run, name: &str, side: &str) -> Result<Ratio, String> {
    match (run.row(name, "keel"), run.row(name, side)) {
        (Some(ours), Some(theirs)) => cost(ours, theirs),
        (None, _) => Err("Keel has no such row".to_owned()),
        (_, None) => Err("Linux has no such row on this side".to_owned()),
    }
}

/// The ratio by which an operation is judged, and to which of Linux's sides it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Best {
    /// Keel's cost to that side.
    pub ratio: Ratio,
    /// The side, as results name it.
    pub side: &'static str,
    /// The other side, where it has a row but nothing to compare: it might have been the cheaper one.
    pub unknown: Option<&'static str>,
}

/// Keel's cost to the cheaper side: the larger ratio.
pub fn to_best(run: &Run, name: &str) -> Option<Best> {
    let best = SIDES.into_iter().filter_map(|side| Some((side, ratio(run, name, side).ok()?)));
    let (side, best) = best.reduce(|a, b| if b.1.median > a.1.median { b } else { a })?;
    let is_unknown = |side: &&str| run.row(name, side).is_some() && ratio(run, name, side).is_err();
    Some(Best { ratio: best, side, unknown: SIDES.into_iter().find(is_unknown) })
}

/// To which side a ratio is, in words.
pub fn judged_by(source: &Source, best: Best) -> String {
    let short =
        |side: &str| source.peers.subjects.get(side).map_or(side.to_owned(), |subject| subject.short.clone());
    match best.unknown {
        None => format!("to {}", short(best.side)),
        Some(unknown) => {
            format!("to {} alone: {} has no figure to compare", short(best.side), short(unknown))
        }
    }
}

/// Ratios to one side over all operations.
pub fn all(source: &Source, side: &str) -> Vec<f64> {
    let Some(run) = source.run(Instrument::Linux) else { return Vec::new() };
    let keel = run.rows.iter().filter(|row| row.subject == "keel");
    keel.filter_map(|row| ratio(run, &row.name, side).ok()).map(|ratio| ratio.median).collect()
}

/// One operation beside both of Linux's sides; nothing if Linux has no such row.
fn line(source: &Source, run: &Run, name: &str) -> Option<RatioLine> {
    let sides: Vec<&str> = SIDES.into_iter().filter(|side| run.row(name, side).is_some()).collect();
    let ratios: Vec<(&str, Result<Ratio, String>)> =
        sides.iter().map(|side| (*side, ratio(run, name, side))).collect();
    let words = source.peers.words(name);
    let must = words.and_then(|words| words.must_ratio);
    let aim = words.and_then(|words| words.aim_ratio);
    let any = ["keel"].into_iter().chain(SIDES).find_map(|subject| run.row(name, subject));
    let what = any.map_or("", |row| table::words(source, row));
    let best = to_best(run, name);
    let value = html! {
        @for (side, ratio) in &ratios {
            span.line {
                @let short = source.peers.subjects.get(*side).map_or(*side, |subject| &subject.short);
                @match ratio {
                    Ok(ratio) => {
                        strong { (times(ratio.median)) } " to " (short)
                        @if let Some(spread) = spread(ratio) { small { (spread) } }
                    }
                    Err(why) => { strong { "no ratio" } " to " (short) small { (reason(source, run, name, side, why)) } }
                }
            }
        }
        @if let Some(must) = must {
            (Verdict::of(best.map(|best| best.ratio.median), must, aim).badge())
            @if let Some(best) = best.filter(|best| best.unknown.is_some()) { small { (judged_by(source, best)) } }
        }
    };
    (!sides.is_empty()).then(|| RatioLine {
        name: table::label(name, what),
        spoken: format!("{name}, Keel's cost"),
        ratios: ratios
            .iter()
            .filter_map(|(side, ratio)| Some(((*side).to_owned(), *ratio.as_ref().ok()?)))
            .collect(),
        must,
        aim,
        value,
    })
}

/// Why there is no ratio: what became of the rows, or why their figures cannot be compared.
fn reason(source: &Source, run: &Run, name: &str, side: &str, why: &str) -> Markup {
    let whose = ["keel", side].into_iter().filter_map(|subject| run.row(name, subject));
    let without: Vec<_> = whose.filter(|row| !matches!(row.outcome, Outcome::Measured(_))).collect();
    html! {
        @for row in &without { span.line { (source.peers.subject(&row.subject)) ": " (table::reason(&row.outcome)) } }
        @if without.is_empty() { (why) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, measured, row};
    use super::*;

    #[test]
    fn the_cheaper_side_decides_and_a_side_without_a_figure_is_named() {
        let peers = super::super::Peers::read().expect("the committed file is whole");
        let source = Source { runs: &[], history: &[], peers: &peers };
        let kernel = |median| measured("yield", "linux_kernel", "ns", median);
        let user = measured("yield", "linux_user", "ns", 10.0);
        let said = |kernel| {
            let rows = vec![measured("yield", "keel", "ns", 5.0), kernel, user.clone()];
            let run = sample::run(Instrument::Linux, rows);
            let best = to_best(&run, "yield").expect("one side has a figure");
            (best.ratio.median, judged_by(&source, best))
        };
        assert_eq!(said(kernel(2.0)), (2.5, "to Linux k".into()));
        assert_eq!(said(kernel(20.0)), (0.5, "to Linux u".into()));
        let (ratio, words) = said(row("yield", "linux_kernel", "ns", Outcome::Skipped("no".into())));
        assert_eq!(ratio, 0.5);
        assert!(words.contains("to Linux u alone") && words.contains("Linux k has no figure"), "{words}");
    }

    #[test]
    fn a_row_that_one_of_them_lacks_is_said() {
        let run = sample::run(Instrument::Linux, vec![measured("core_offline", "linux_kernel", "ns", 2.0)]);
        assert_eq!(ratio(&run, "core_offline", "linux_kernel"), Err("Keel has no such row".into()));
        assert_eq!(to_best(&run, "core_offline"), None);
    }
}
