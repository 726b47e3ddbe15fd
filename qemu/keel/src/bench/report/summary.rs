//! Section: what there is, in a few numbers; what falls short; what has no figure.

use super::chart::{self, Speck, Swarm};
use super::numbers::{geometric_mean, times};
use super::results::{Instrument, Outcome, Run};
use super::verdict::Verdict;
use super::{Claim, Source, beside_linux, in_types, instructions, native, several_cores, table, title};
use maud::{Markup, html};

/// The section.
pub fn section(source: &Source) -> Markup {
    let kinds = claims(source);
    let picture = picture(&kinds);
    let claims: Vec<Claim> = kinds.into_iter().flat_map(|(_, claims)| claims).collect();
    html! {
        (tiles(source, &claims))
        (picture)
        (short(&claims))
        h3 { "Rows" }
        (counts(source))
        (without(source))
    }
}

/// Everything that is to be reached and that a figure decides, by kind.
fn claims(source: &Source) -> [(&'static str, Vec<Claim>); 4] {
    [
        ("One core, instructions", instructions::claims(source)),
        ("Several cores", several_cores::claims(source)),
        ("Invariants in types", in_types::claims(source)),
        ("On the host", native::limits(source)),
    ]
}

/// All that is to be reached in one picture.
fn picture(claims: &[(&str, Vec<Claim>)]) -> Markup {
    let swarm = |(kind, claims): &(&str, Vec<Claim>)| {
        let count = |wanted| claims.iter().filter(|claim| claim.verdict.reached() == wanted).count();
        let words = format!(
            "{} reached, {} missed, {} without a figure",
            count(Some(true)),
            count(Some(false)),
            count(None)
        );
        let speck = |claim: &Claim| {
            let of_must = claim.of_must.filter(|_| claim.verdict.reached().is_some())?;
            let title = format!("{}: {}, {} of what it may be", claim.what, claim.have, times(of_must));
            Some(Speck { of_must, title })
        };
        Swarm {
            name: html! { (kind) },
            spoken: format!("{kind}: {words}"),
            specks: claims.iter().filter_map(speck).collect(),
            value: html! { (words) },
        }
    };
    html! {
        figure.overview {
            figcaption { "Every figure as a multiple of what it may be" }
            (chart::swarms(claims.iter().map(swarm).collect()))
            p.small { "Round and shaded: reached. A diamond misses what it must reach; 4× is four times too much." }
        }
    }
}

/// The headlines.
fn tiles(source: &Source, claims: &[Claim]) -> Markup {
    let count = |wanted: fn(Verdict) -> bool| claims.iter().filter(|claim| wanted(claim.verdict)).count();
    let (hits, misses) =
        (count(|verdict| verdict.reached() == Some(true)), count(|verdict| verdict.reached() == Some(false)));
    let means = [
        (
            "of what the cheapest other kernel takes",
            "one core, instructions; the other's figure from an earlier time",
            instructions::to_peers(source, None),
        ),
        (
            "of what Linux takes in the kernel",
            "one core, instructions; Linux's figure from an earlier time",
            instructions::to_peers(source, Some("linux_kernel")),
        ),
        (
            "of what Linux takes in the kernel",
            "in the same run, time",
            beside_linux::all(source, "linux_kernel"),
        ),
        (
            "of what Linux takes from user space",
            "in the same run, time",
            beside_linux::all(source, "linux_user"),
        ),
        ("of what the best other library takes", "native, time", native::all(source)),
    ];
    html! {
        div.tiles {
            (tile("good", &hits.to_string(), "reach what they must", &format!("of {} figures to reach", claims.len())))
            (tile("bad", &misses.to_string(), "fall short", "named below, by how much"))
            (tile("plain", &(claims.len() - hits - misses).to_string(), "have no figure", "to be held against it"))
            @for (what, how, ratios) in means {
                @if let Some((mean, count)) = geometric_mean(ratios) {
                    (tile("plain", &times(mean), what, &format!("{how}; geometric mean of {count}")))
                }
            }
        }
    }
}

/// One headline.
fn tile(class: &str, value: &str, what: &str, how: &str) -> Markup {
    html! { div class={ "tile " (class) } { div.big { (value) } div { (what) } div.small { (how) } } }
}

/// What falls short, worst first.
fn short(claims: &[Claim]) -> Markup {
    let by = |claim: &Claim| if let Verdict::Missed(by) = claim.verdict { by } else { 0.0 };
    let mut missed: Vec<&Claim> = claims.iter().filter(|claim| by(claim) > 0.0).collect();
    missed.sort_by(|a, b| by(b).total_cmp(&by(a)));
    let inner = html! {
        table.beside.stack {
            thead { tr { (table::heads(&["what", "verdict", "is", "wanted"])) } }
            tbody {
                @for claim in &missed {
                    tr {
                        th scope="row" { (claim.what) }
                        td { (claim.verdict.badge()) }
                        td data-label="is" { (claim.have) }
                        td data-label="wanted" { (claim.want) }
                    }
                }
            }
        }
    };
    html! {
        @if !missed.is_empty() {
            h3 { "What falls short, worst first" }
            (table::boxed("What falls short, worst first", &inner))
        }
    }
}

/// How many rows of each instrument came to what.
fn counts(source: &Source) -> Markup {
    let inner = html! {
        table.beside {
            thead {
                tr {
                    (table::heads(&["instrument"]))
                    (table::number_heads(&["measured", "missing", "skipped", "failed"]))
                }
            }
            tbody {
                @for instrument in Instrument::ALL {
                    tr {
                        th scope="row" { (title(instrument)) }
                        @match source.run(instrument) {
                            None => td colspan="4" { "no results" },
                            Some(run) => @for (index, count) in kinds(run).into_iter().enumerate() {
                                td.number {
                                    @if index == 3 && count > 0 { span.badge.missed { "✗ " (count) } } @else { (count) }
                                }
                            },
                        }
                    }
                }
            }
        }
    };
    table::boxed("How many rows were measured", &inner)
}

/// How many rows are measured, missing, skipped, failed.
fn kinds(run: &Run) -> [usize; 4] {
    let mut kinds = [0; 4];
    for row in &run.rows {
        kinds[match row.outcome {
            Outcome::Measured(_) => 0,
            Outcome::Missing(_) => 1,
            Outcome::Skipped(_) => 2,
            Outcome::Failed(_) => 3,
        }] += 1;
    }
    kinds
}

/// Rows that have no figure for one reason.
struct Absent {
    /// Failed ones come first.
    is_fine: bool,
    /// With its badge.
    reason: String,
    /// Where.
    instruments: Vec<Instrument>,
    /// Which.
    names: Vec<String>,
}

/// Rows without a figure, failed ones first. The same reason is said once.
fn without(source: &Source) -> Markup {
    let mut rows: Vec<Absent> = Vec::new();
    for run in source.shown() {
        let mut here: Vec<Absent> = Vec::new();
        for row in run.rows.iter().filter(|row| !matches!(row.outcome, Outcome::Measured(_))) {
            let reason = table::reason(&row.outcome).into_string();
            let name = if row.subject == "keel" {
                row.name.clone()
            } else {
                format!("{} ({})", row.name, source.peers.subject(&row.subject))
            };
            match here.iter_mut().find(|known| known.reason == reason) {
                Some(known) => known.names.push(name),
                None => here.push(Absent {
                    is_fine: !matches!(row.outcome, Outcome::Failed(_)),
                    reason,
                    instruments: vec![run.instrument],
                    names: vec![name],
                }),
            }
        }
        for absent in here {
            let same =
                rows.iter_mut().find(|known| known.reason == absent.reason && known.names == absent.names);
            match same {
                Some(known) => known.instruments.extend(absent.instruments),
                None => rows.push(absent),
            }
        }
    }
    rows.sort_by_key(|absent| absent.is_fine);
    let inner = html! {
        table.beside.stack {
            thead { tr { th scope="col" { "rows" } th scope="col" { "instruments" } th scope="col" { "why" } } }
            tbody {
                @for Absent { reason, instruments, names, .. } in &rows {
                    tr {
                        th scope="row" { (table::listed(names)) }
                        td data-label="in" { @for instrument in instruments { span.line { (title(*instrument)) } } }
                        // The text was made by maud just now, from the outcome: it is escaped.
                        td { (maud::PreEscaped(reason)) }
                    }
                }
            }
        }
    };
    html! {
        @if !rows.is_empty() {
            h3 { "Rows without a figure" }
            (table::boxed("Rows without a figure", &inner))
        }
    }
}
