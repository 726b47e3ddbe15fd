//! Section: the parts that run on the host, beside other libraries.

use super::chart::{self, Bar};
use super::compare::{cost, spread};
use super::numbers::{figure, geometric_mean, quantity, times};
use super::peers::{Limit, NativeWords, claims};
use super::ratio::Ratio;
use super::results::{Better, Figures, Instrument, Outcome, Row, Run};
use super::verdict::Verdict;
use super::{Claim, Source, table};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The section.
pub fn section(source: &Source) -> Markup {
    let Some(run) = source.run(Instrument::Native) else {
        return html! { (table::absent(Instrument::Native)) (wanted(source)) };
    };
    html! {
        p {
            "The same crates that are in the kernel, on this host's real processor, with the same loads for all. "
            "Bars begin at zero; the line through a bar's end is the spread of the repeats, or the MAD where it was "
            "measured once."
        }
        @for (family, names) in families(source, run) {
            article {
                h3 { (family) }
                div.figures { @for name in names { (group(source, run, name)) } }
            }
        }
        h3 { "What is wanted" }
        (wanted(source))
        (table::figures(source, run))
    }
}

/// Whether a subject is a part of Keel; variants are named `keel_…`.
fn is_ours(subject: &str) -> bool {
    subject.starts_with("keel")
}

/// The names of rows, each once, by the part that they belong to; what belongs to none comes last.
fn families<'a>(source: &Source<'a>, run: &'a Run) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut names: Vec<&str> = Vec::new();
    for row in &run.rows {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    let mut families: Vec<(&str, Vec<&str>)> = Vec::new();
    for part in &source.peers.native {
        let is_here = |name: &&str| part.rows.iter().any(|pattern| claims(pattern, name));
        let (here, rest) = names.into_iter().partition(is_here);
        names = rest;
        families.push((&part.part, here));
    }
    families.push(("Other", names));
    families.retain(|(_, names)| !names.is_empty());
    families
}

/// All who do one operation, as bars. Whoever has another unit than the first stands without a bar.
fn group(source: &Source, run: &Run, name: &str) -> Markup {
    let mut rows: Vec<&Row> = run.rows.iter().filter(|row| row.name == name).collect();
    rows.sort_by_key(|row| !is_ours(&row.subject));
    let Some(first) = rows.first() else { return html! {} };
    html! {
        figure {
            figcaption {
                (table::label(name, table::words(source, first)))
                span.what { "in " (first.unit) @if first.better == Better::Higher { ", higher is better" } }
                @if let Some(ratio) = to_best(run, name) {
                    span.what {
                        "Keel to the best other: " strong { (times(ratio.median)) }
                        @if let Some(spread) = spread(&ratio) { " (" (spread) ")" }
                    }
                }
            }
            (chart::bars(rows.iter().map(|row| bar(source, row, &first.unit)).collect(), &first.unit))
        }
    }
}

/// One library's bar.
fn bar(source: &Source, row: &Row, unit: &str) -> Bar {
    let figures = match &row.outcome {
        Outcome::Measured(figures) => Some(figures),
        Outcome::Missing(_) | Outcome::Skipped(_) | Outcome::Failed(_) => None,
    };
    let ours = is_ours(&row.subject);
    Bar {
        name: html! { span.ours[ours] { (source.peers.subject(&row.subject)) } },
        spoken: format!(
            "{}: {}",
            row.subject,
            figures.map_or("no figure".into(), |figures| figure(figures.median))
        ),
        ours,
        figure: figures
            .filter(|_| row.unit == unit)
            .map(|figures| (figures.median, ends(figures).0, ends(figures).1)),
        value: html! {
            @match figures {
                Some(figures) => (quantity(figures.median, &row.unit)),
                None => (table::reason(&row.outcome)),
            }
        },
    }
}

/// From where to where the line through a bar's end goes.
fn ends(figures: &Figures) -> (f64, f64) {
    if figures.medians.len() > 1 {
        figures.spread()
    } else {
        (figures.median - figures.mad, figures.median + figures.mad)
    }
}

/// Keel's cost to that of the best other library: the largest ratio.
fn to_best(run: &Run, name: &str) -> Option<Ratio> {
    let ours = run.row(name, "keel")?;
    let others = run.rows.iter().filter(|row| row.name == name && !is_ours(&row.subject));
    let ratios = others.filter_map(|theirs| cost(ours, theirs).ok());
    ratios.reduce(|a, b| if b.median > a.median { b } else { a })
}

/// Keel to the best other, over all operations.
pub fn all(source: &Source) -> Vec<f64> {
    let Some(run) = source.run(Instrument::Native) else { return Vec::new() };
    let names = families(source, run).into_iter().flat_map(|(_, names)| names);
    names.filter_map(|name| to_best(run, name)).map(|ratio| ratio.median).collect()
}

/// Whether a limit is kept: what it is of, the figure or ratio, the verdict, and the figure as a multiple of the limit.
fn limit(run: Option<&Run>, limit: &Limit) -> (String, Option<String>, Verdict, Option<f64>) {
    let median = |name: &str| Some(run?.figures(name, "keel")?.median);
    let row = || run?.row(&limit.rows, "keel");
    let (what, value, say): (_, _, fn(f64) -> String) = match (&limit.unit, &limit.to) {
        (Some(unit), _) => {
            let same = row().is_some_and(|row| row.unit == *unit);
            (format!("{} in {unit}", limit.rows), median(&limit.rows).filter(|_| same), figure)
        }
        (None, Some(to)) => {
            let ratio = row().zip(run.and_then(|run| run.row(to, "keel"))).and_then(|(a, b)| cost(a, b).ok());
            (format!("{} to {to}", limit.rows), ratio.map(|ratio| ratio.median), times)
        }
        (None, None) => (
            format!("{} to the best other", limit.rows),
            run.and_then(|run| best_mean(run, &limit.rows)),
            times,
        ),
    };
    let value = value.filter(|value| value.is_finite());
    let of_must = value.map(|value| value / limit.at_most);
    (what, value.map(say), Verdict::of(value, limit.at_most, limit.aim), of_must)
}

/// Keel's cost to that of the library that is best by the geometric mean over these rows.
fn best_mean(run: &Run, rows: &str) -> Option<f64> {
    let mut by_subject: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for row in run.rows.iter().filter(|row| claims(rows, &row.name) && !is_ours(&row.subject)) {
        let ratio = run.row(&row.name, "keel").and_then(|ours| cost(ours, row).ok());
        by_subject.entry(&row.subject).or_default().extend(ratio.map(|ratio| ratio.median));
    }
    by_subject.into_values().filter_map(|ratios| Some(geometric_mean(ratios)?.0)).reduce(f64::max)
}

/// Everything that this instrument is to reach.
pub fn limits(source: &Source) -> Vec<Claim> {
    let run = source.run(Instrument::Native);
    let all = source.peers.native.iter().flat_map(|part| part.limits.iter().map(move |limit| (part, limit)));
    let claim = |(part, of): (&NativeWords, &Limit)| {
        let (what, have, verdict, of_must) = limit(run, of);
        let want = if of.unit.is_some() { figure(of.at_most) } else { times(of.at_most) };
        Claim {
            what: format!("{}: {what}", part.part),
            have: have.unwrap_or("not measured".into()),
            want: format!("≤ {want}"),
            verdict,
            of_must,
        }
    };
    all.map(claim).collect()
}

/// What is to be reached, in words, and what became of it.
fn wanted(source: &Source) -> Markup {
    let run = source.run(Instrument::Native);
    let inner = html! {
        table.beside {
            thead { tr { (table::heads(&["part", "this run", "wanted", "beside", "known from elsewhere"])) } }
            tbody {
                @for words in &source.peers.native {
                    tr {
                        th scope="row" { (words.part) }
                        td {
                            @for of in &words.limits {
                                @let (what, have, verdict, _) = limit(run, of);
                                span.line {
                                    strong { (have.as_deref().unwrap_or("–")) } " " (verdict.badge())
                                    small { (what) }
                                }
                            }
                            @if words.limits.is_empty() { "–" }
                        }
                        td { (words.wanted) }
                        td { (words.peers) }
                        td { (words.known.as_deref().unwrap_or("–")) }
                    }
                }
            }
        }
    };
    table::boxed("What is wanted of the parts that run on the host", &inner)
}

#[cfg(test)]
mod tests {
    use super::super::sample::{self, measured};
    use super::*;

    #[test]
    fn the_best_library_is_the_best_over_all_rows() {
        let figures = [("a", 2.0, [1.0, 8.0]), ("b", 2.0, [4.0, 1.0])];
        let rows = figures.into_iter().flat_map(|(name, keel, others)| {
            let others = ["one", "two"]
                .into_iter()
                .zip(others)
                .map(move |(subject, median)| measured(name, subject, "ns", median));
            others.chain([measured(name, "keel", "ns", keel)])
        });
        let run = sample::run(Instrument::Native, rows.collect());
        // Over both, `one` costs 2 and `two` the square root of 8.
        assert!(best_mean(&run, "*").is_some_and(|ratio| (ratio - 1.0).abs() < 1e-9));
        assert!(best_mean(&run, "a").is_some_and(|ratio| (ratio - 2.0).abs() < 1e-9));
        assert_eq!(best_mean(&run, "c*"), None);
    }
}
