//! Section: what it costs to have invariants in types. Variants of one thing, side by side.

use super::chart::{self, Axis, Bar, Point, Series};
use super::numbers::{Ratio, figure, short, times};
use super::peers::{Comparison, Growth, Variant, Wanted};
use super::results::{Figures, Instrument, Outcome, Row, Run};
use super::verdict::Verdict;
use super::{Claim, Source, table, title};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The section.
pub fn section(source: &Source) -> Markup {
    html! {
        p {
            "Keel has the compiler check what other systems check while running, or not at all. Each part here is "
            "measured beside variants that do not, under the same load. The coloured bar is the one that is held "
            "against another."
        }
        @for one in &source.peers.comparisons { (comparison(source, one)) }
        (growth(source, &source.peers.growth))
    }
}

/// The figures of one of Keel's rows.
fn figures<'a>(run: &'a Run, name: &str) -> Option<&'a Figures> {
    run.figures(name, "keel")
}

/// The runs in which one of these rows was measured; if there is none, the first that says why not.
fn runs<'a>(source: &Source<'a>, is_one: impl Fn(&Row) -> bool) -> Vec<&'a Run> {
    let measured =
        |run: &&Run| run.rows.iter().any(|row| is_one(row) && matches!(row.outcome, Outcome::Measured(_)));
    let all: Vec<&Run> = source.in_kernel().filter(measured).collect();
    if all.is_empty() {
        source.in_kernel().find(|run| run.rows.iter().any(&is_one)).into_iter().collect()
    } else {
        all
    }
}

/// Variants of one thing.
fn comparison(source: &Source, of: &Comparison) -> Markup {
    let runs = runs(source, |row| of.rows.iter().any(|variant| variant.row == row.name));
    html! {
        article {
            h3 { (of.title) }
            p { (of.about) }
            @if runs.is_empty() { p.absent { "Not measured: no result has these rows." } }
            @for (index, run) in runs.into_iter().enumerate() {
                figure {
                    figcaption { (title(run.instrument)) }
                    (chart::bars(of.rows.iter().map(|variant| bar(run, variant, of)).collect()))
                }
                (decided(run, of, index == 0))
            }
        }
    }
}

/// One variant as a bar.
fn bar(run: &Run, variant: &Variant, of: &Comparison) -> Bar {
    let Variant { row: name, name: variant } = variant;
    let row = run.row(name, "keel");
    let figures = figures(run, name);
    Bar {
        name: html! { strong { (variant) } small { code { (name) } } },
        spoken: format!(
            "{variant}: {}",
            figures.map_or("no figure".into(), |figures| figure(figures.median))
        ),
        ours: *name == of.wanted.row,
        figure: figures.map(|figures| (figures.median, figures.spread().0, figures.spread().1)),
        value: html! {
            @match (row, figures) {
                (Some(row), Some(figures)) => {
                    strong { (figure(figures.median)) } " " (row.unit)
                    small { "MAD " (figure(figures.mad)) }
                },
                (Some(row), None) => (table::reason(&row.outcome)),
                (None, _) => small { "not among the results" },
            }
        },
    }
}

/// The ratio that is wanted, and what it is. The first instrument decides: the count if there is one, since it repeats.
fn decided(run: &Run, of: &Comparison, decides: bool) -> Markup {
    let Wanted { row, to, at_most, known } = &of.wanted;
    let name = |row: &str| {
        of.rows.iter().find(|variant| variant.row == row).map_or(row, |variant| &variant.name).to_owned()
    };
    let ratio = wanted_ratio(run, &of.wanted);
    html! {
        p.decided {
            (name(row)) " to " (name(to)) ": "
            strong { (ratio.map_or("no ratio".to_owned(), |ratio| times(ratio.middle))) }
            @if let Some(spread) = ratio.and_then(|ratio| ratio.spread()) { " (" (spread) ")" }
            @if decides {
                ", wanted ≤ " (times(*at_most)) " " (Verdict::of(ratio.map(|ratio| ratio.middle), *at_most, None).badge())
                " " small { (known) }
            }
        }
    }
}

/// The ratio of two rows, if both were measured.
fn wanted_ratio(run: &Run, wanted: &Wanted) -> Option<Ratio> {
    let better = run.row(&wanted.row, "keel")?.better;
    Ratio::of(figures(run, &wanted.row)?, figures(run, &wanted.to)?, better)
}

/// What is wanted of variants, and what became of it.
pub fn claims(source: &Source) -> Vec<Claim> {
    let variants = source.peers.comparisons.iter().map(|of| {
        let ratio =
            source.in_kernel().find_map(|run| wanted_ratio(run, &of.wanted)).map(|ratio| ratio.middle);
        Claim {
            what: format!("{} ({} to {})", of.title, of.wanted.row, of.wanted.to),
            have: ratio.map_or("not measured".into(), times),
            want: format!("≤ {}", times(of.wanted.at_most)),
            verdict: Verdict::of(ratio, of.wanted.at_most, None),
        }
    });
    let growth = &source.peers.growth;
    let most = |pick: fn(&Curve, &Curve) -> Option<f64>| {
        let run = source.in_kernel().find(|run| !curves(run, growth).is_empty())?;
        curves(run, growth).values().filter_map(|(ours, other)| pick(ours, other)).reduce(f64::max)
    };
    let worst = [
        ("beside the other, worst count", most(beside), growth.at_most),
        ("growth, worst operation", most(grown), growth.flat),
    ];
    let grown = worst.map(|(what, ratio, at_most)| Claim {
        what: format!("{}: {what}", growth.title),
        have: ratio.map_or("not measured".into(), times),
        want: format!("≤ {}", times(at_most)),
        verdict: Verdict::of(ratio, at_most, None),
    });
    variants.chain(grown).collect()
}

/// Figures by count.
type Curve = BTreeMap<u64, f64>;

/// What was measured, by operation: ours and the other's.
fn curves(run: &Run, of: &Growth) -> BTreeMap<String, (Curve, Curve)> {
    let mut curves: BTreeMap<String, (Curve, Curve)> = BTreeMap::new();
    for row in run.rows.iter().filter(|row| row.subject == "keel") {
        let (Some((operation, ours, count)), Outcome::Measured(figures)) =
            (parts(&row.name, of), &row.outcome)
        else {
            continue;
        };
        let (mine, other) = curves.entry(operation.to_owned()).or_default();
        if ours { mine } else { other }.insert(count, figures.median);
    }
    curves
}

/// `mm_eval_map_vma_tree_100`: operation, whether it is ours, count.
fn parts<'a>(name: &'a str, of: &Growth) -> Option<(&'a str, bool, u64)> {
    let (rest, count) = name.strip_prefix(&of.prefix)?.rsplit_once('_')?;
    let side = |variant: &str| rest.strip_suffix(variant)?.strip_suffix('_');
    let (operation, ours) = side(&of.ours.variant)
        .map(|operation| (operation, true))
        .or_else(|| Some((side(&of.other.variant)?, false)))?;
    Some((operation, ours, count.parse().ok()?))
}

/// Ours to the other's, at the worst count.
fn beside(ours: &Curve, other: &Curve) -> Option<f64> {
    let ratios = ours.iter().filter_map(|(count, mine)| Some(mine / other.get(count)?));
    ratios.filter(|ratio| ratio.is_finite()).reduce(f64::max)
}

/// Ours at the largest count to ours at the smallest.
fn grown(ours: &Curve, _: &Curve) -> Option<f64> {
    let ((_, first), (_, last)) = (ours.first_key_value()?, ours.last_key_value()?);
    Some(last / first).filter(|ratio| ratio.is_finite() && ours.len() > 1)
}

/// The cost over a growing count.
fn growth(source: &Source, of: &Growth) -> Markup {
    let runs = runs(source, |row| parts(&row.name, of).is_some());
    html! {
        article {
            h3 { (of.title) }
            p { (of.about) }
            @if runs.is_empty() { p.absent { "Not measured: no result has rows named " code { (of.prefix) "…" } "." } }
            @else {
                ul.legend {
                    li { (chart::key("keel")) (of.ours.name) }
                    li { (chart::key("linux_kernel")) (of.other.name) }
                }
            }
            @for run in runs {
                div.cards {
                    @for (operation, (ours, other)) in curves(run, of) { (curve(run, of, &operation, &ours, &other)) }
                }
                (without(run, of))
            }
        }
    }
}

/// One operation's two lines.
fn curve(run: &Run, of: &Growth, operation: &str, ours: &Curve, other: &Curve) -> Markup {
    let counts: Vec<u64> = ours
        .keys()
        .chain(other.keys())
        .copied()
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let axes = Axis::log(counts.iter().map(|count| *count as f64))
        .zip(Axis::log(ours.values().chain(other.values()).copied()));
    let unit = run
        .rows
        .iter()
        .find(|row| parts(&row.name, of).is_some_and(|parts| parts.0 == operation))
        .map_or("", |row| row.unit.as_str());
    let series = |class, curve: &Curve| {
        let point = |count: &u64| Point {
            x: *count as f64,
            y: curve.get(count).copied().filter(|value| *value > 0.0),
            title: format!(
                "{} {}: {} {unit}",
                figure(*count as f64),
                of.counted,
                curve.get(count).copied().map_or("–".into(), figure)
            ),
        };
        Series { class, points: counts.iter().map(point).collect() }
    };
    let judged = [
        ("worst ratio to the other", beside(ours, other), of.at_most),
        ("largest to smallest count", grown(ours, other), of.flat),
    ];
    html! {
        figure.card {
            figcaption { (operation) ", " (unit) " over " (of.counted) " (" (title(run.instrument)) ")" }
            @if let Some((x, y)) = axes {
                @let spoken = format!("{operation}: {}", spoken(&counts, ours, other, of));
                @let along: Vec<_> = counts.iter().map(|count| (*count as f64, short(*count as f64))).collect();
                @let both = [series("linux-kernel", other), series("keel", ours)];
                (chart::lines(&both, (&x, &y), &along, short, None, &spoken))
            }
            dl.small {
                @for (what, ratio, at_most) in judged {
                    div {
                        dt { (what) }
                        dd {
                            (ratio.map_or("–".to_owned(), times)) ", wanted ≤ " (times(at_most)) " "
                            (Verdict::of(ratio, at_most, None).badge())
                        }
                    }
                }
            }
        }
    }
}

/// The lines in words.
fn spoken(counts: &[u64], ours: &Curve, other: &Curve, of: &Growth) -> String {
    let get = |curve: &Curve, count: &u64| curve.get(count).copied().map_or("–".into(), figure);
    let at = |count: &u64| {
        format!("at {count}: {} {}, {} {}", of.ours.name, get(ours, count), of.other.name, get(other, count))
    };
    counts.iter().map(at).collect::<Vec<_>>().join("; ")
}

/// Rows that have no figures, with the reason.
fn without(run: &Run, of: &Growth) -> Markup {
    let rows = run
        .rows
        .iter()
        .filter(|row| parts(&row.name, of).is_some() && !matches!(row.outcome, Outcome::Measured(_)));
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in rows {
        reasons.entry(table::reason(&row.outcome).into_string()).or_default().push(&row.name);
    }
    html! {
        @if !reasons.is_empty() {
            ul.small {
                @for (reason, names) in reasons {
                    // The text was made by maud just now, from the outcome: it is escaped.
                    li { (maud::PreEscaped(reason)) ": " (names.join(", ")) }
                }
            }
        }
    }
}

/// Whether there is anything to show at all: in-kernel results.
pub fn has_any(source: &Source) -> bool {
    source.run(Instrument::Instructions).or(source.run(Instrument::Kernel)).is_some()
}

#[cfg(test)]
mod tests {
    use super::super::peers::Peers;
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let peers = Peers::read().expect("the committed file is whole");
        let parts = |name| parts(name, &peers.growth);
        assert_eq!(parts("mm_eval_unmap_vma_tree_100000"), Some(("unmap", false, 100_000)));
        assert_eq!(parts("mm_eval_map_mapped_pages_100"), Some(("map", true, 100)));
        for other in [
            "mm_eval",
            "mm_eval_map_100",
            "mm_eval_map_vma_tree_many",
            "yield",
            "mm_eval_vma_tree_5",
            "mm_eval__5",
        ] {
            assert_eq!(parts(other), None, "{other}");
        }
    }
}
