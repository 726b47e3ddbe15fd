//! Section: what it costs to have invariants in types. Variants of one thing, side by side.

use super::chart::{self, Axis, Bar, Point, Series};
use super::compare::{cost, spread};
use super::numbers::{figure, quantity, short, times};
use super::peers::{Comparison, Growth, Variant, Wanted};
use super::ratio::Ratio;
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
            div.figures.pair {
                @for (index, run) in runs.iter().enumerate() {
                    figure {
                        figcaption { (title(run.instrument)) }
                        @let units = of.rows.iter().filter_map(|variant| run.row(&variant.row, "keel"));
                        @let unit = units.map(|row| row.unit.as_str()).next().unwrap_or_default();
                        (chart::bars(of.rows.iter().map(|variant| bar(run, variant, of)).collect(), unit))
                        @if let Some(wanted) = &of.wanted { (decided(run, of, wanted, index == 0)) }
                    }
                }
            }
            (reasons(runs.iter().flat_map(|run| &run.rows).filter(|row| {
                of.rows.iter().any(|variant| variant.row == row.name)
            })))
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
        ours: of.wanted.as_ref().is_some_and(|wanted| *name == wanted.row),
        figure: figures.map(|figures| (figures.median, figures.spread().0, figures.spread().1)),
        value: html! {
            @match (row, figures) {
                (Some(row), Some(figures)) => {
                    strong { (quantity(figures.median, &row.unit)) }
                    @if figures.mad > 0.0 { small { "MAD " (quantity(figures.mad, &row.unit)) } }
                },
                // The reason stands below, once for all.
                (Some(row), None) => (table::kind(&row.outcome)),
                (None, _) => small { "not among the results" },
            }
        },
    }
}

/// The ratio that is wanted, and what it is. The first instrument decides: the count if there is one, since it repeats.
fn decided(run: &Run, of: &Comparison, wanted: &Wanted, decides: bool) -> Markup {
    let Wanted { row, to, at_most, known } = wanted;
    let name = |row: &str| {
        of.rows.iter().find(|variant| variant.row == row).map_or(row, |variant| &variant.name).to_owned()
    };
    let ratio = wanted_ratio(run, wanted);
    html! {
        p.decided {
            (name(row)) " to " (name(to)) ": "
            @match &ratio {
                Ok(ratio) => {
                    strong { (times(ratio.median)) }
                    @if let Some(spread) = spread(ratio) { " (" (spread) ")" }
                }
                Err(why) => { strong { "no ratio" } ", " (why) }
            }
            @if decides {
                "; wanted ≤ " (times(*at_most)) " "
                (Verdict::of(ratio.ok().map(|ratio| ratio.median), *at_most, None).badge())
                " " small { (known) }
            }
        }
    }
}

/// The ratio of two rows, or why there is none.
fn wanted_ratio(run: &Run, wanted: &Wanted) -> Result<Ratio, String> {
    beside(run, &wanted.row, &wanted.to)
}

/// The ratio of two of Keel's rows, or why there is none.
fn beside(run: &Run, row: &str, to: &str) -> Result<Ratio, String> {
    match (run.row(row, "keel"), run.row(to, "keel")) {
        (Some(ours), Some(other)) => cost(ours, other),
        (None, _) => Err(format!("{row} is not among the results")),
        (_, None) => Err(format!("{to} is not among the results")),
    }
}

/// What is wanted of variants, and what became of it.
pub fn claims(source: &Source) -> Vec<Claim> {
    let claim = |what: String, ratio: Result<f64, String>, at_most: f64| Claim {
        what,
        verdict: Verdict::of(ratio.as_ref().ok().copied(), at_most, None),
        of_must: ratio.as_ref().ok().map(|ratio| ratio / at_most),
        have: ratio.map_or_else(|why| why, times),
        want: format!("≤ {}", times(at_most)),
    };
    let wanted = source.peers.comparisons.iter().filter_map(|of| Some((of, of.wanted.as_ref()?)));
    let variants = wanted.map(|(of, wanted)| {
        let mut ratios = source.in_kernel().map(|run| wanted_ratio(run, wanted).map(|ratio| ratio.median));
        let first = ratios.next().unwrap_or(Err("not measured".into()));
        let ratio = first.or_else(|why| ratios.find_map(Result::ok).ok_or(why));
        claim(format!("{} ({} to {})", of.title, wanted.row, wanted.to), ratio, wanted.at_most)
    });
    let growth = &source.peers.growth;
    let run = source.in_kernel().find(|run| !curves(run, growth).is_empty());
    let grown = growth.operations.iter().flat_map(|operation| {
        judged(run, growth, operation).map(|(what, ratio, at_most)| {
            claim(format!("{}, {operation}: {what}", growth.title), ratio, at_most)
        })
    });
    variants.chain(grown).collect()
}

/// What is wanted of one growing operation: what the ratio is of, the ratio or why there is none, the limit.
fn judged(run: Option<&Run>, of: &Growth, operation: &str) -> [(String, Result<f64, String>, f64); 2] {
    let Growth { ours, other, counts, counted, .. } = of;
    let (first, last) = (counts.first().copied().unwrap_or(0), counts.last().copied().unwrap_or(0));
    let name = |variant: &str, count: u64| format!("{}{operation}_{variant}_{count}", of.prefix);
    let ratio = |run: &Run, row: &str, to: &str| beside(run, row, to).map(|ratio| ratio.median);
    let worst = |run: &Run| {
        let at = |count: &u64| {
            ratio(run, &name(&ours.variant, *count), &name(&other.variant, *count))
                .map_err(|why| (*count, why))
        };
        let all: Vec<Result<f64, (u64, String)>> = counts.iter().map(at).collect();
        let worst = all.iter().filter_map(|ratio| ratio.as_ref().ok().copied()).reduce(f64::max);
        let absent = all.into_iter().find_map(Result::err);
        match (worst, absent) {
            (Some(worst), None) => Ok(worst),
            // A miss is one, whatever the others are.
            (Some(worst), Some(_)) if worst > of.at_most => Ok(worst),
            (_, absent) => {
                let (count, why) = absent.unwrap_or((first, "not measured".into()));
                Err(format!("cannot be judged: at {} {counted}, {why}", figure(count as f64)))
            }
        }
    };
    let grown = |run: &Run| {
        ratio(run, &name(&ours.variant, last), &name(&ours.variant, first)).map_err(|why| {
            let (first, last) = (figure(first as f64), figure(last as f64));
            format!("cannot be judged without figures at both {first} and {last} {counted}: {why}")
        })
    };
    let none = || Err("not measured".to_owned());
    [
        (format!("to the {}, worst count", other.name), run.map_or_else(none, worst), of.at_most),
        (
            format!("at {} to at {} {counted}", figure(last as f64), figure(first as f64)),
            run.map_or_else(none, grown),
            of.flat,
        ),
    ]
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
                (reasons(run.rows.iter().filter(|row| parts(&row.name, of).is_some())))
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
                @for (what, ratio, at_most) in judged(Some(run), of, operation) {
                    div {
                        dt { (what) }
                        dd {
                            @match &ratio {
                                Ok(ratio) => { strong { (times(*ratio)) } ", wanted ≤ " (times(at_most)) " " }
                                Err(why) => { (why) " " }
                            }
                            (Verdict::of(ratio.ok(), at_most, None).badge())
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

/// Which rows have no figures and why; the same reason once.
fn reasons<'a>(rows: impl Iterator<Item = &'a Row>) -> Markup {
    let mut reasons: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in rows.filter(|row| !matches!(row.outcome, Outcome::Measured(_))) {
        let names = reasons.entry(table::reason(&row.outcome).into_string()).or_default();
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    html! {
        @if !reasons.is_empty() {
            ul.small.reasons {
                @for (reason, names) in reasons {
                    // The text was made by maud just now, from the outcome: it is escaped.
                    li { (table::listed(&names)) ": " (maud::PreEscaped(reason)) }
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
    use super::super::sample::{self, measured};
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

    #[test]
    fn growth_is_not_judged_without_its_ends() {
        let peers = Peers::read().expect("the committed file is whole");
        let of = &peers.growth;
        let row = |side: &str, count: u64, median| {
            measured(&format!("mm_eval_map_{side}_{count}"), "keel", "instructions", median)
        };
        let mut rows: Vec<Row> = of.counts.iter().map(|count| row("vma_tree", *count, 200.0)).collect();
        rows.extend(of.counts.iter().map(|count| row("mapped_pages", *count, 100.0)));
        let whole = sample::run(Instrument::Instructions, rows.clone());
        let [(_, beside, _), (_, grown, _)] = judged(Some(&whole), of, "map");
        assert_eq!((beside, grown), (Ok(0.5), Ok(1.0)));

        // Without the largest count, the smaller ones say nothing about growth.
        rows.pop();
        let cut = sample::run(Instrument::Instructions, rows.clone());
        let [(_, beside, _), (_, grown, _)] = judged(Some(&cut), of, "map");
        for why in [beside.expect_err("a count is missing"), grown.expect_err("the end is missing")] {
            assert!(why.contains("cannot be judged") && why.contains("100,000"), "{why}");
        }

        // A miss at one count is one, though another is missing.
        rows.push(row("mapped_pages", 7, 1.0));
        rows.iter_mut().filter(|row| row.name == "mm_eval_map_vma_tree_100").for_each(|row| {
            row.outcome =
                Outcome::Measured(Figures { median: 10.0, medians: vec![10.0], ..Figures::default() });
        });
        let [(_, beside, _), _] = judged(Some(&sample::run(Instrument::Instructions, rows)), of, "map");
        assert_eq!(beside, Ok(10.0));
    }
}
