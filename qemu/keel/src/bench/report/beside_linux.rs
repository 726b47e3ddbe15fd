//! Section: Linux and Keel in one run, as ratios with their spread.

use super::chart::{self, RatioLine};
use super::numbers::{Ratio, figure, times};
use super::peers::Words;
use super::results::{Instrument, Outcome, Run};
use super::verdict::Verdict;
use super::{Claim, Source, table};
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
                    "Keel and Linux, alternating on the same machine model. The mark is Keel's cost over Linux's, "
                    "of the medians; the line through it is the smallest and "
                    "the largest ratio of the repeats, paired as they alternated. Left of 1× Keel is cheaper. What "
                    "must be reached is judged by the cheaper of Linux's two sides."
                }
                (chart::legend(&SIDES, source.peers, true))
                @for (title, names) in names(source, run) {
                    @let lines: Vec<RatioLine> = names.iter().filter_map(|name| line(source, run, name)).collect();
                    @if !lines.is_empty() { figure { figcaption { (title) ", Keel to Linux" } (chart::ratios(lines)) } }
                }
            }
        }
        h3 { "Several cores: what is to be reached" }
        (wanted(source, run))
        @if let Some(run) = run {
            h3 { "Distributions" }
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
pub fn ratio(run: &Run, name: &str, side: &str) -> Option<Ratio> {
    let (ours, theirs) = (run.row(name, "keel")?, run.row(name, side)?);
    match (&ours.outcome, &theirs.outcome) {
        (Outcome::Measured(a), Outcome::Measured(b)) if ours.unit == theirs.unit => {
            Ratio::of(a, b, ours.better)
        }
        _ => None,
    }
}

/// Keel's cost to the cheaper side: the larger ratio.
pub fn to_best(run: &Run, name: &str) -> Option<Ratio> {
    SIDES
        .iter()
        .filter_map(|side| ratio(run, name, side))
        .reduce(|a, b| if b.middle > a.middle { b } else { a })
}

/// Ratios to one side over all operations.
pub fn all(source: &Source, side: &str) -> Vec<f64> {
    let Some(run) = source.run(Instrument::Linux) else { return Vec::new() };
    let keel = run.rows.iter().filter(|row| row.subject == "keel");
    keel.filter_map(|row| ratio(run, &row.name, side)).map(|ratio| ratio.middle).collect()
}

/// One operation beside both of Linux's sides; nothing if Linux has no such row.
fn line(source: &Source, run: &Run, name: &str) -> Option<RatioLine> {
    let sides: Vec<&str> = SIDES.into_iter().filter(|side| run.row(name, side).is_some()).collect();
    let ratios: Vec<(&str, Option<Ratio>)> =
        sides.iter().map(|side| (*side, ratio(run, name, side))).collect();
    let words = source.peers.words(name);
    let must = words.and_then(|words| words.must_ratio);
    let aim = words.and_then(|words| words.aim_ratio);
    let what = run.row(name, "keel").map_or("", |row| table::words(source, row));
    let value = html! {
        @for (side, ratio) in &ratios {
            span.line {
                strong { (ratio.map_or("no ratio".to_owned(), |ratio| times(ratio.middle))) }
                @let short = source.peers.subjects.get(*side).map_or(*side, |subject| &subject.short);
                " to " (short)
                @if let Some(spread) = ratio.and_then(|ratio| ratio.spread()) { small { (spread) } }
                @if ratio.is_none() { small { (why(source, run, name, side)) } }
            }
        }
        @if let Some(must) = must { (Verdict::of(to_best(run, name).map(|ratio| ratio.middle), must, aim).badge()) }
    };
    (!sides.is_empty()).then(|| RatioLine {
        name: table::label(name, what),
        spoken: format!("{name}, Keel's cost"),
        ratios: ratios.iter().filter_map(|(side, ratio)| Some(((*side).to_owned(), (*ratio)?))).collect(),
        must,
        aim,
        value,
    })
}

/// Why there is no ratio.
fn why(source: &Source, run: &Run, name: &str, side: &str) -> Markup {
    let whose = ["keel", side].into_iter().filter_map(|subject| run.row(name, subject));
    let without: Vec<_> = whose.filter(|row| !matches!(row.outcome, Outcome::Measured(_))).collect();
    html! {
        @for row in &without { span.line { (source.peers.subject(&row.subject)) ": " (table::reason(&row.outcome)) } }
        @if without.is_empty() { "the two figures cannot be compared" }
    }
}

/// The ratio that decides about what is wanted.
fn verdict(run: Option<&Run>, words: &Words) -> (Option<Ratio>, Verdict) {
    let ratio = run.and_then(|run| to_best(run, &words.row));
    let judged =
        words.must_ratio.map(|must| Verdict::of(ratio.map(|ratio| ratio.middle), must, words.aim_ratio));
    (ratio, judged.unwrap_or(Verdict::Unknown))
}

/// Everything that is to be reached beside Linux and that a ratio decides.
pub fn claims(source: &Source) -> Vec<Claim> {
    let run = source.run(Instrument::Linux);
    let claim = |words: &Words| {
        let (ratio, verdict) = verdict(run, words);
        words.must_ratio.map(|_| Claim {
            what: format!("{} ({})", words.what, words.row),
            have: ratio.map_or("not measured".into(), |ratio| format!("{} of Linux", times(ratio.middle))),
            want: words.must.clone(),
            verdict,
        })
    };
    source.peers.several_cores.iter().filter_map(claim).collect()
}

/// What is wanted on several cores, in words, beside what this run has.
fn wanted(source: &Source, run: Option<&Run>) -> Markup {
    let name = "Several cores: other kernels' figures and what is to be reached";
    let inner = html! {
        table.beside {
            caption { span {
                "Linux, LK and Nautilus as measured on the same emulator at an earlier time, in cycles (noisy by a "
                "factor of two) unless a unit stands there. This run: Keel's figure, and its ratio to the cheaper "
                "of Linux's two sides."
            } }
            thead {
                tr {
                    th scope="col" { "operation" } th.number scope="col" { "to Linux" } th scope="col" { "verdict" }
                    th scope="col" { "must reach" } th scope="col" { "this run: Keel" }
                    th scope="col" { "Linux" } th scope="col" { "LK" } th scope="col" { "Nautilus" }
                }
            }
            tbody {
                @for words in &source.peers.several_cores {
                    @let (ratio, verdict) = verdict(run, words);
                    tr {
                        th scope="row" { (table::label(&words.row, &words.what)) }
                        td.number {
                            (ratio.map_or("–".to_owned(), |ratio| times(ratio.middle)))
                            @if let Some(spread) = ratio.and_then(|ratio| ratio.spread()) { small { (spread) } }
                        }
                        td {
                            @if words.must_ratio.is_some() { (verdict.badge()) }
                            @else { span.badge.unknown { "no ratio decides this" } }
                        }
                        td { (words.must) }
                        td { (keel(source, run, &words.row)) }
                        @for other in [&words.linux, &words.lk, &words.nautilus] {
                            td { (other.as_deref().unwrap_or("–")) }
                        }
                    }
                }
            }
        }
    };
    table::boxed(name, &inner)
}

/// Keel's own figure: from the run beside Linux, else from inside the kernel.
fn keel(source: &Source, run: Option<&Run>, name: &str) -> Markup {
    let row = run.into_iter().chain(source.run(Instrument::Kernel)).find_map(|run| run.row(name, "keel"));
    html! {
        @match row {
            None => "not measured",
            Some(row) => @match &row.outcome {
                Outcome::Measured(figures) => { (figure(figures.median)) " " (row.unit) }
                other => (table::reason(other)),
            }
        }
    }
}
