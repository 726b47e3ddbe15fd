//! The page as a whole: head, way through it, sections.

use super::history::{day, short};
use super::results::Instrument;
use super::{
    Source, beside_linux, command, history, in_types, instructions, kernel, native, summary, table, title,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Within the page, so that it stands alone. Ours, and the only text that is not escaped.
const STYLE: &str = include_str!("style.css");

/// The whole page.
pub fn page(source: &Source) -> Markup {
    let sections = [
        ("summary", "Summary", summary::section(source)),
        ("setting", "What was run on what", setting(source)),
        ("instructions", title(Instrument::Instructions), instructions::section(source)),
        ("linux", title(Instrument::Linux), beside_linux::section(source)),
        ("types", "What invariants in types cost", types(source)),
        ("kernel", title(Instrument::Kernel), kernel::section(source)),
        ("native", title(Instrument::Native), native::section(source)),
        ("history", "History", history::section(source)),
        ("reading", "How to read this", reading()),
    ];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Keel: benchmarks" @if let Some((commit, date)) = newest(source) { ", " (commit) ", " (date) } }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#summary" { "To the figures" }
                header {
                    h1 { "Keel: benchmarks" }
                    p {
                        "Keel is a multicore x86-64 kernel in stable Rust; its parts, cells, keep their bounds "
                        "while it runs and can be replaced while every core works."
                    }
                    (versions(source))
                    nav aria-label="Sections" {
                        ul { @for (id, heading, _) in &sections { li { a href={ "#" (id) } { (heading) } } } }
                    }
                }
                main {
                    @for (id, heading, body) in &sections {
                        section id=(id) aria-labelledby={ (id) "-heading" } {
                            h2 id={ (id) "-heading" } { (heading) }
                            (body)
                        }
                    }
                }
                footer { p.small { "Made by " code { "cargo keel bench --report" } " from results and from nothing else." } }
            }
        }
    }
}

/// Commit and day of the newest run.
fn newest(source: &Source) -> Option<(String, String)> {
    let run = source.shown().max_by(|a, b| a.date.cmp(&b.date))?;
    Some((short(&run.commit), day(&run.date).to_owned()))
}

/// Which versions were measured when; says so if there are several.
fn versions(source: &Source) -> Markup {
    let mut commits: Vec<&str> = source.shown().map(|run| run.commit.as_str()).collect();
    commits.sort_unstable();
    commits.dedup();
    html! {
        @match newest(source) {
            None => p.absent { "There are no results: nothing was measured yet." },
            Some((commit, date)) => p.version { "Commit " code { (commit) } ", measured " (date) "." },
        }
        @if commits.len() > 1 {
            p.warning {
                "The instruments measured different versions: "
                (table::listed(&commits.iter().map(|commit| short(commit)).collect::<Vec<_>>()))
                ". Compare them with care."
            }
        }
        @if commits.iter().any(|commit| commit.ends_with('+')) {
            p.warning { "A + says that files had been changed since that commit." }
        }
    }
}

/// The setting of each run.
fn setting(source: &Source) -> Markup {
    html! {
        div.cards {
            @for run in source.shown() {
                article.card {
                    h3 { (title(run.instrument)) }
                    dl {
                        div { dt { "commit" } dd { code { (short(&run.commit)) } } }
                        div { dt { "ended" } dd { (run.date) } }
                        @for (name, value) in &run.setting { div { dt { (name) } dd { (value) } } }
                        div { dt { "made by" } dd { code { (command(run.instrument)) } } }
                    }
                }
            }
        }
        @for instrument in Instrument::ALL {
            @if source.run(instrument).is_none() { p { strong { (title(instrument)) } } (table::absent(instrument)) }
        }
    }
}

/// The section on invariants in types, or why it is empty.
fn types(source: &Source) -> Markup {
    if in_types::has_any(source) {
        in_types::section(source)
    } else {
        table::absent(Instrument::Instructions)
    }
}

/// What the figures are and are not.
fn reading() -> Markup {
    html! {
        ul {
            li {
                "Figures are medians. The MAD is the median distance from the median. p90 and p99 are nearest "
                "ranks. Outliers are samples far outside; they are counted and stay in."
            }
            li {
                "What the measuring itself adds (the loop, the reading of the clock) is measured in the same run "
                "and taken out; each row says what. What safety costs (checks, clearing, shootdown) stays in."
            }
            li {
                "Guest instructions repeat to the digit, so a small change is a real one. They are not time: an "
                "instruction that misses a cache or stops another core counts as one."
            }
            li {
                "Under an emulator, cycles are the host's, and an emulated operation is distorted, not scaled. "
                "Ratios within one run say something; absolute cycles say little."
            }
            li {
                "With more guest cores than host cores, whatever waits for all of them measures the host's "
                "scheduler."
            }
            li {
                "A ratio below 1× says that Keel costs less. It is made within each repeat, so that a slow spell of "
                "the host touches both sides; the one that is named is the median of the repeats' ratios. Without "
                "equally many repeats there is none. Where a figure is a throughput, the ratio is turned round."
            }
        }
    }
}
