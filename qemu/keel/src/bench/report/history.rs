//! Section: how figures went over committed results.

use super::chart::{self, Axis, Point, Series};
use super::numbers::{figure, times};
use super::results::{Better, Instrument, Run};
use super::{Source, beside_linux, table, title};
use maud::{Markup, html};

/// By how much a figure must change to be called a change; what repeats to the digit needs less, but a reader does not.
const NOTABLE: f64 = 0.02;

/// The section.
pub fn section(source: &Source) -> Markup {
    html! {
        @let short: Vec<(Instrument, usize)> = Instrument::ALL.into_iter()
            .map(|instrument| (instrument, runs(source, instrument).len())).filter(|(_, count)| *count < 2).collect();
        @if !short.is_empty() {
            div.absent {
                p {
                    @if short.len() == Instrument::ALL.len() { "No history yet. " }
                    "A history needs two results of an instrument at least: those in " code { "bench/results/" }
                    " and the ones of this page. "
                    code { "cargo keel bench --record" } " adds one there, to be committed."
                }
                ul {
                    @for (instrument, count) in short {
                        li { (title(instrument)) ": " @if count == 0 { "no result" } @else { "one result" } }
                    }
                }
            }
        }
        @for instrument in Instrument::ALL {
            @let runs = runs(source, instrument);
            @if runs.len() > 1 && instrument == Instrument::Instructions {
                h3 { (title(instrument)) }
                (drawn(source, instrument, &runs))
            }
            // What does not repeat is folded on a screen, unfolded on paper.
            @else if runs.len() > 1 { details { summary { (title(instrument)) } (drawn(source, instrument, &runs)) } }
        }
    }
}

/// The charts of one instrument.
fn drawn(source: &Source, instrument: Instrument, runs: &[&Run]) -> Markup {
    html! {
        p.small {
            "Keel, oldest first"
            @if instrument == Instrument::Linux {
                ", as the ratio to the cheaper of Linux's two sides in the same run"
            }
            ". The scale of each chart is its own and does not begin at zero. A dashed line is what must be "
            "reached, where the chart reaches so far."
        }
        @for (heading, names) in source.peers.grouped(&names(runs), |name| name) {
            h4 { (heading) }
            div.cards.past { @for name in names { (card(source, instrument, runs, name)) } }
        }
        (list(runs))
    }
}

/// The results of an instrument, oldest first, each once.
fn runs<'a>(source: &Source<'a>, instrument: Instrument) -> Vec<&'a Run> {
    let older = source.history.iter().filter(|run| run.instrument == instrument);
    let mut runs: Vec<&Run> = older.chain(source.run(instrument)).collect();
    runs.sort_by(|a, b| (&a.date, &a.commit).cmp(&(&b.date, &b.commit)));
    runs.dedup_by(|a, b| (&a.date, &a.commit) == (&b.date, &b.commit));
    runs
}

/// The names of Keel's rows, as the newest result orders them.
fn names<'a>(runs: &[&'a Run]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for row in runs.iter().rev().flat_map(|run| &run.rows).filter(|row| row.subject == "keel") {
        if !names.contains(&row.name.as_str()) {
            names.push(&row.name);
        }
    }
    names
}

/// What is drawn of a result: beside Linux the ratio, since only that can be compared from run to run.
fn value(instrument: Instrument, run: &Run, name: &str) -> Option<f64> {
    let value = match instrument {
        Instrument::Linux => beside_linux::to_best(run, name)?.ratio.median,
        Instrument::Instructions | Instrument::Kernel | Instrument::Native => {
            run.figures(name, "keel")?.median
        }
    };
    Some(value).filter(|value| value.is_finite())
}

/// One row's chart; nothing if no result has a figure.
fn card(source: &Source, instrument: Instrument, runs: &[&Run], name: &str) -> Markup {
    let values: Vec<Option<f64>> = runs.iter().map(|run| value(instrument, run, name)).collect();
    let Some(row) = runs.iter().rev().find_map(|run| run.row(name, "keel")) else { return html! {} };
    let Some(y) = Axis::around(values.iter().copied().flatten()) else { return html! {} };
    let Some(x) = Axis::around((0..runs.len()).map(|index| index as f64)) else { return html! {} };
    let say = if instrument == Instrument::Linux { times } else { figure };
    let points = runs.iter().zip(&values).enumerate().map(|(index, (run, y))| Point {
        x: index as f64,
        y: *y,
        title: format!("{} ({}): {}", short(&run.commit), day(&run.date), y.map_or("no figure".into(), say)),
    });
    let series = [Series { class: "keel", points: points.collect() }];
    let along: Vec<(f64, String)> =
        [0, runs.len() - 1].map(|index| (index as f64, short(&runs[index].commit))).into();
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    let must = match instrument {
        Instrument::Instructions => source.peers.target(name).map(|target| target.must),
        Instrument::Linux => source.peers.words(name).and_then(|words| words.must_ratio),
        Instrument::Kernel | Instrument::Native => None,
    };
    let unit = if instrument == Instrument::Linux { "of Linux" } else { &row.unit };
    let spoken = format!(
        "{name}, {unit}, oldest first: {}",
        values.iter().map(|value| value.map_or("none".into(), say)).collect::<Vec<_>>().join(", ")
    );
    html! {
        figure.card {
            figcaption {
                (table::label(name, table::words(source, row)))
                div.latest {
                    strong { (values.last().copied().flatten().map_or("–".to_owned(), say)) } " " (unit)
                    @if let [.., before, last] = known[..] { " " (change(before, last, row.better, instrument)) }
                }
            }
            (chart::lines(&series, (&x, &y), &along, say, must, &spoken))
        }
    }
}

/// The last step, with a direction that can be read without colour.
fn change(before: f64, last: f64, better: Better, instrument: Instrument) -> Markup {
    let share = last / before - 1.0;
    // The ratio to Linux is a cost already, whichever way the figure itself is.
    let worse = if better == Better::Higher && instrument != Instrument::Linux { -share } else { share };
    html! {
        @if !share.is_finite() {}
        @else if share.abs() < NOTABLE / 20.0 { span.badge.unknown { "as before" } }
        @else if worse > NOTABLE { span.badge.missed { "▲ worse by " (percent(share)) } }
        @else if worse < -NOTABLE { span.badge.aim { "▼ better by " (percent(share)) } }
        @else { span.badge.unknown { "within 2%" } }
    }
}

/// A share as hundredths, without its sign.
fn percent(share: f64) -> String {
    format!("{}%", figure((share.abs() * 1000.0).round() / 10.0))
}

/// Which results these are.
fn list(runs: &[&Run]) -> Markup {
    let inner = html! {
        table.beside {
            caption { span { "These results, newest first" } }
            thead { tr { th scope="col" { "commit" } th scope="col" { "date" } th.number scope="col" { "rows" } } }
            tbody {
                @for run in runs.iter().rev() {
                    tr {
                        th scope="row" { code { (short(&run.commit)) } }
                        td { (day(&run.date)) }
                        td.number { (run.rows.len()) }
                    }
                }
            }
        }
    };
    table::boxed("Results that the history is made of", &inner)
}

/// A commit in seven characters, and its `+` if files had been changed.
pub fn short(commit: &str) -> String {
    let changed = if commit.ends_with('+') { "+" } else { "" };
    commit.trim_end_matches('+').chars().take(7).collect::<String>() + changed
}

/// The day of a date.
pub fn day(date: &str) -> &str {
    date.split_once('T').map_or(date, |(day, _)| day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_are_short() {
        assert_eq!(
            ["0123456789abcdef", "0123456789abcdef+", "unknown", "ü+"].map(short),
            ["0123456", "0123456+", "unknown", "ü+"]
        );
        assert_eq!((day("2024-01-31T12:00:00Z"), day("odd")), ("2024-01-31", "odd"));
    }

    #[test]
    fn a_change_knows_which_way_is_better() {
        let text = |before, last, better| change(before, last, better, Instrument::Native).into_string();
        assert!(text(100.0, 110.0, Better::Lower).contains("worse by 10%"));
        assert!(text(100.0, 110.0, Better::Higher).contains("better by 10%"));
        assert!(text(100.0, 100.0, Better::Lower).contains("as before"));
        assert!(text(100.0, 101.0, Better::Lower).contains("within 2%"));
        assert_eq!(text(0.0, 1.0, Better::Lower), "");
    }
}
