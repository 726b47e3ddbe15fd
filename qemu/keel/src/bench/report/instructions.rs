//! Section: guest instructions on one core, beside other kernels and what is to be reached.

use super::chart::{self, Dot};
use super::numbers::figure;
use super::peers::{Peer, Target};
use super::results::{Instrument, Outcome};
use super::verdict::{Verdict, wanted};
use super::{Claim, Source, table};
use maud::{Markup, html};

/// The unit that the figures to reach are in. A run in another unit is not held against them.
const UNIT: &str = "instructions";

/// The section.
pub fn section(source: &Source) -> Markup {
    let run = source.run(Instrument::Instructions);
    let columns: Vec<&str> = source.peers.columns().into_iter().map(|(name, _)| name).collect();
    let shapes: Vec<&str> = ["keel"].into_iter().chain(columns).collect();
    html! {
        @if run.is_none() { (table::absent(Instrument::Instructions)) }
        p { (source.peers.how) }
        @if let Some(sentence) = count(source) { p { strong { (sentence) } } }
        h3 { "Beside other kernels" }
        p.small {
            "Guest instructions per operation; further left is cheaper. The shaded part is what must be reached. "
            "Each group has an axis of its own, and all are logarithmic."
        }
        (chart::legend(&shapes, source.peers, true))
        div.wide {
            @for (title, targets) in source.peers.grouped(&source.peers.instructions, |target| &target.row) {
                figure {
                    figcaption { (title) }
                    (chart::dots(targets.into_iter().map(|target| dot(source, target)).collect()))
                }
            }
        }
        h3 { "The same as a table" }
        (beside(source))
        @if let Some(run) = run {
            (super::kernel::distributions(source, run))
            (table::figures(source, run))
        }
    }
}

/// Keel's figure for a target.
fn keel(source: &Source, target: &Target) -> Option<f64> {
    let run = source.run(Instrument::Instructions)?;
    let row = run.row(&target.row, "keel").filter(|row| row.unit == UNIT)?;
    match &row.outcome {
        Outcome::Measured(figures) => Some(figures.median).filter(|median| median.is_finite()),
        Outcome::Missing(_) | Outcome::Skipped(_) | Outcome::Failed(_) => None,
    }
}

/// What became of a target.
fn judge(source: &Source, target: &Target) -> Verdict {
    Verdict::of(keel(source, target), target.must, Some(target.aim))
}

/// Everything that this instrument is to reach.
pub fn claims(source: &Source) -> Vec<Claim> {
    let claim = |target: &Target| Claim {
        what: format!("{} ({})", target.what, target.row),
        have: keel(source, target).map_or("not measured".into(), |keel| format!("{} {UNIT}", figure(keel))),
        want: format!("must ≤ {}, aim {}", figure(target.must), figure(target.aim)),
        verdict: judge(source, target),
        of_must: keel(source, target).map(|keel| keel / target.must),
    };
    source.peers.instructions.iter().map(claim).collect()
}

/// Keel's cost to that of the cheapest other kernel, or of one, per operation.
pub fn to_peers(source: &Source, subject: Option<&str>) -> Vec<f64> {
    let ratio = |target: &Target| {
        let peers = target.peers.iter().filter(|(name, _)| subject.is_none_or(|subject| *name == subject));
        let cheapest = peers.map(|(_, peer)| peer.figure).reduce(f64::min)?;
        Some(keel(source, target)? / cheapest)
    };
    source.peers.instructions.iter().filter_map(ratio).collect()
}

/// How many reach what, in a sentence; `None` if nothing was measured.
fn count(source: &Source) -> Option<String> {
    let verdicts: Vec<Verdict> =
        source.peers.instructions.iter().map(|target| judge(source, target)).collect();
    let of = |wanted: Option<bool>| verdicts.iter().filter(|verdict| verdict.reached() == wanted).count();
    let aims = verdicts.iter().filter(|verdict| **verdict == Verdict::Aim).count();
    let (hits, misses, unknown) = (of(Some(true)), of(Some(false)), of(None));
    (hits + misses > 0).then(|| {
        format!(
            "Of {} operations, {hits} as they must be ({aims} of them as aimed at), {misses} not, {unknown} without \
             a figure.",
            verdicts.len()
        )
    })
}

/// A target as a line of the chart.
fn dot(source: &Source, target: &Target) -> Dot {
    let keel = keel(source, target);
    let peers = target.peers.iter().map(|(subject, peer)| (subject.clone(), peer.figure));
    Dot {
        name: table::label(&target.row, &target.what),
        spoken: target.what.clone(),
        keel,
        peers: peers.collect(),
        must: target.must,
        aim: target.aim,
        value: html! {
            strong { (keel.map_or("–".to_owned(), figure)) }
            small { (wanted(target.must, target.aim)) }
            (judge(source, target).badge())
            @if keel.is_none() { small { (why(source, &target.row)) } }
        },
    }
}

/// Why a row has no figure.
fn why(source: &Source, name: &str) -> Markup {
    let row = source.run(Instrument::Instructions).map(|run| run.row(name, "keel"));
    html! {
        @match row {
            None => "not measured",
            Some(None) => "not among the results",
            Some(Some(row)) if matches!(row.outcome, Outcome::Measured(_)) => { "measured in " (row.unit) }
            Some(Some(row)) => (table::reason(&row.outcome)),
        }
    }
}

/// Keel, what it must reach, and the others.
fn beside(source: &Source) -> Markup {
    let columns = source.peers.columns();
    let name = "Guest instructions per operation, beside other kernels";
    let inner = html! {
        table.beside {
            caption { span { (name) ". Other kernels: same emulator, measured at an earlier time." } }
            thead {
                tr {
                    th scope="col" { "operation" } th.number scope="col" { "Keel" } th scope="col" { "verdict" }
                    @for heading in ["must", "aim"] { th.number scope="col" { (heading) } }
                    @for (_, subject) in &columns { th.number scope="col" { (subject.short) } }
                }
            }
            @for (title, targets) in source.peers.grouped(&source.peers.instructions, |target| &target.row) {
                tbody {
                    tr.group { th scope="rowgroup" colspan=(5 + columns.len()) { (title) } }
                    @for target in targets {
                        tr {
                            th scope="row" {
                                (table::label(&target.row, &target.what))
                                @if let Some(note) = &target.note { small { (note) } }
                            }
                            td.number { strong { (keel(source, target).map_or("–".to_owned(), figure)) } }
                            td { (judge(source, target).badge()) }
                            td.number { "≤ " (figure(target.must)) }
                            td.number { (figure(target.aim)) }
                            @for (subject, _) in &columns { td.number { (cell(target.peers.get(*subject))) } }
                        }
                    }
                }
            }
        }
    };
    html! {
        (table::boxed(name, &inner))
        dl.small {
            @for (_, subject) in &columns { div { dt { (subject.short) } dd { (subject.source) } } }
        }
    }
}

/// Another kernel's figure.
fn cell(peer: Option<&Peer>) -> Markup {
    html! {
        @match peer {
            None => "–",
            Some(peer) => {
                (figure(peer.figure)) @if let Some(to) = peer.to { " to " (figure(to)) }
                @if let Some(by) = &peer.by { small { (by) } }
            }
        }
    }
}
