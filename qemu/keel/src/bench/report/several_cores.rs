//! What is to be reached on several cores: beside Linux in the same run, beside another of Keel's own rows, and beside
//! what other kernels took at an earlier time, which is another run and says so.

use super::beside_linux::{judged_by, to_best};
use super::compare::{cost, spread};
use super::numbers::{quantity, times};
use super::peers::{Earlier, Words};
use super::results::{Instrument, Outcome, Row};
use super::verdict::Verdict;
use super::{Claim, Source, table, title};
use maud::{Markup, html};

/// One comparison of a row.
struct Judged {
    /// Keel's cost, if it can be said.
    ratio: Option<f64>,
    /// From where to where in the repeats.
    spread: Option<String>,
    /// Beside what, and what a reader must know; without a ratio, why.
    words: String,
    /// What must be reached and what is aimed at, if this decides something.
    limit: Option<(f64, Option<f64>)>,
}

impl Judged {
    fn verdict(&self) -> Option<Verdict> {
        self.limit.map(|(must, aim)| Verdict::of(self.ratio, must, aim))
    }
}

/// All comparisons of a row.
fn judged(source: &Source, words: &Words) -> Vec<Judged> {
    let linux = beside_linux(source, words);
    let earlier =
        words.earlier.iter().map(|(subject, earlier)| beside_earlier(source, words, subject, earlier));
    linux.into_iter().chain(to_row(source, words)).chain(earlier).collect()
}

/// Beside Linux in the same run; nothing where no ratio exists and none is wanted.
fn beside_linux(source: &Source, words: &Words) -> Option<Judged> {
    let best = source.run(Instrument::Linux).and_then(|run| to_best(run, &words.row));
    let limit = words.must_ratio.map(|must| (must, words.aim_ratio));
    (best.is_some() || limit.is_some()).then(|| Judged {
        ratio: best.map(|best| best.ratio.median),
        spread: best.and_then(|best| spread(&best.ratio)),
        words: best
            .map_or("no ratio to Linux in one run".into(), |best| judged_by(source, best) + ", same run"),
        limit,
    })
}

/// Beside another of Keel's rows, once for each instrument that measures inside the kernel.
fn to_row(source: &Source, words: &Words) -> Vec<Judged> {
    let Some(to) = &words.to_row else { return Vec::new() };
    let limit = Some((to.at_most, None));
    let beside = |instrument: Instrument| {
        let run = source.run(instrument);
        let rows = run.and_then(|run| run.row(&words.row, "keel").zip(run.row(&to.row, "keel")));
        let ratio = rows.ok_or("not measured".to_owned()).and_then(|(ours, other)| cost(ours, other));
        let setting = run.and_then(|run| run.setting.get("guest cores"));
        let cores = match setting {
            Some(count) if instrument == Instrument::Kernel => format!(", {count} cores"),
            _ => String::new(),
        };
        let place = format!("{}{cores}", title(instrument).to_lowercase());
        Judged {
            ratio: ratio.as_ref().ok().map(|ratio| ratio.median),
            spread: ratio.as_ref().ok().and_then(spread),
            words: match ratio {
                Ok(_) => format!("of {} ({place})", to.row),
                Err(why) => format!("no ratio to {} ({place}): {why}", to.row),
            },
            limit,
        }
    };
    [Instrument::Instructions, Instrument::Kernel].map(beside).into()
}

/// Beside what another kernel took at an earlier time.
fn beside_earlier(source: &Source, words: &Words, subject: &str, earlier: &Earlier) -> Judged {
    let ours = keel(source, &words.row).filter(|row| row.unit == earlier.unit);
    let median = ours.and_then(|row| match &row.outcome {
        Outcome::Measured(figures) => Some(figures.median).filter(|median| median.is_finite()),
        Outcome::Missing(_) | Outcome::Skipped(_) | Outcome::Failed(_) => None,
    });
    let short = source.peers.subjects.get(subject).map_or(subject, |subject| &subject.short);
    Judged {
        ratio: median.map(|median| median / earlier.figure),
        spread: None,
        words: format!("to {short}, ⚠ another run"),
        limit: earlier.at_most.map(|at_most| (at_most, None)),
    }
}

/// Keel's own row: from the run beside Linux if it has a figure there, else from inside the kernel.
fn keel<'a>(source: &Source<'a>, name: &str) -> Option<&'a Row> {
    let runs =
        [Instrument::Linux, Instrument::Kernel].into_iter().filter_map(|instrument| source.run(instrument));
    let rows: Vec<&Row> = runs.filter_map(|run| run.row(name, "keel")).collect();
    let measured = rows.iter().find(|row| matches!(row.outcome, Outcome::Measured(_)));
    measured.or(rows.first()).copied()
}

/// Everything that is to be reached on several cores and that a ratio decides.
pub fn claims(source: &Source) -> Vec<Claim> {
    let all = source.peers.several_cores.iter().flat_map(|words| {
        let deciding =
            judged(source, words).into_iter().filter_map(|judged| Some((judged.verdict()?, judged)));
        deciding.map(move |(verdict, judged)| (words, verdict, judged))
    });
    let claim = |(words, verdict, judged): (&Words, Verdict, Judged)| Claim {
        what: format!("{} ({})", words.what, words.row),
        have: match judged.ratio {
            Some(ratio) => format!("{} {}", times(ratio), judged.words),
            None => format!("not measured ({})", judged.words),
        },
        want: words.must.clone(),
        verdict,
        of_must: judged.ratio.zip(judged.limit).map(|(ratio, (must, _))| ratio / must),
    };
    all.map(claim).collect()
}

/// What is wanted on several cores beside what there is.
pub fn table(source: &Source) -> Markup {
    let name = "Several cores: what is to be reached, and other kernels' figures";
    let inner = html! {
        table.beside.stack {
            caption { span {
                "Linux, LK and Nautilus in the last three columns: the same emulator at an earlier time, noisy by a "
                "factor of two. A ratio to such a figure is marked ⚠: another run, perhaps another spell of the host, "
                "so it says whether, not by how much."
            } }
            thead { tr {
                (table::heads(&["operation", "Keel's cost, and the verdict", "must reach", "Keel now"]))
                (table::heads(&["Linux, earlier", "LK, earlier", "Nautilus, earlier"]))
            } }
            tbody {
                @for words in &source.peers.several_cores {
                    tr {
                        th scope="row" { (table::label(&words.row, &words.what)) }
                        td.judged { @for judged in judged(source, words) { (line(&judged)) } }
                        td data-label="must reach" { (words.must) }
                        td data-label="Keel now" { (now(source, &words.row)) }
                        td data-label="Linux, earlier" { (words.linux.as_deref().unwrap_or("–")) }
                        @for (other, heading) in [("lk", "LK, earlier"), ("nautilus", "Nautilus, earlier")] {
                            td data-label=(heading) { (earlier(words.earlier.get(other))) }
                        }
                    }
                }
            }
        }
    };
    table::boxed(name, &inner)
}

/// One comparison with its verdict.
fn line(judged: &Judged) -> Markup {
    html! {
        span.line {
            strong { (judged.ratio.map_or("–".to_owned(), times)) } " " (judged.words) " "
            @if let Some(verdict) = judged.verdict() { (verdict.badge()) }
            @if let Some(spread) = &judged.spread { small { "repeats " (spread) } }
        }
    }
}

/// Keel's own figure, or why there is none.
fn now(source: &Source, name: &str) -> Markup {
    html! {
        @match keel(source, name) {
            None => "not measured",
            Some(row) => @match &row.outcome {
                Outcome::Measured(figures) => (quantity(figures.median, &row.unit)),
                other => (table::reason(other)),
            }
        }
    }
}

/// Another kernel's figure.
fn earlier(earlier: Option<&Earlier>) -> Markup {
    html! {
        @match earlier {
            None => "–",
            Some(earlier) => {
                (quantity(earlier.figure, &earlier.unit))
                @if let Some(by) = &earlier.by { small { (by) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::peers::Peers;
    use super::super::sample::{self, measured};
    use super::*;

    fn claims_of(rows: [(Instrument, Vec<Row>); 3], row: &str) -> Vec<(String, Verdict)> {
        let peers = Peers::read().expect("the committed file is whole");
        let runs = rows.map(|(instrument, rows)| sample::run(instrument, rows));
        let source = Source { runs: &runs, history: &[], peers: &peers };
        let ours = claims(&source).into_iter().filter(|claim| claim.what.ends_with(&format!("({row})")));
        ours.map(|claim| (claim.have, claim.verdict)).collect()
    }

    #[test]
    fn a_pause_is_judged_in_yields_by_both_instruments() {
        let rows = |unit, pause| {
            vec![measured("swap_pause", "keel", unit, pause), measured("yield", "keel", unit, 100.0)]
        };
        let claims = claims_of(
            [
                (Instrument::Instructions, rows("instructions", 300.0)),
                (Instrument::Kernel, rows("cycles", 6_000.0)),
                (Instrument::Linux, vec![]),
            ],
            "swap_pause",
        );
        let [(_, counted), (_, timed)] = &claims[..] else { panic!("{claims:?}") };
        assert_eq!((*counted, *timed), (Verdict::Aim, Verdict::Missed(2.0)));
    }

    #[test]
    fn a_figure_of_another_run_is_said_to_be_one() {
        let none = || (Instrument::Instructions, vec![]);
        let rows = vec![measured("spawn_cross", "keel", "cycles", 252e3)];
        let claims =
            claims_of([none(), (Instrument::Kernel, vec![]), (Instrument::Linux, rows)], "spawn_cross");
        let [(have, Verdict::Missed(by))] = &claims[..] else { panic!("{claims:?}") };
        assert!(have.contains("1.20× to LK, ⚠ another run") && (by - 2.0).abs() < 1e-9, "{have} {by}");
        let other = vec![measured("spawn_cross", "keel", "ns", 1.0)];
        let claims =
            claims_of([none(), (Instrument::Kernel, vec![]), (Instrument::Linux, other)], "spawn_cross");
        assert_eq!(claims[0].1, Verdict::Unknown, "another unit");
    }
}
