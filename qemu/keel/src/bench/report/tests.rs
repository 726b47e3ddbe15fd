//! The page as a whole, made of good, missing and hostile results.

use super::results::{Better, Figures, Instrument, Outcome, Row, Run};
use super::sample::{self, measured, row};
use super::{NAME, Peers, Source, page, write};

/// The page of these results.
fn page_of(runs: &[Run], history: &[Run]) -> String {
    let peers = Peers::read().expect("the committed file is whole");
    page::page(&Source { runs, history, peers: &peers }).into_string()
}

/// Every number that SVG is to draw is one, and every element is closed.
fn assert_whole(page: &str) {
    for odd in ["NaN", "inf%", "inf\"", "\"inf", "-inf", "\"–"] {
        assert!(!page.contains(odd), "{odd} in the page: {}", around(page, odd));
    }
    for element in ["svg", "table", "section", "figure", "ul", "li", "dl", "div"] {
        let opened =
            page.matches(&format!("<{element} ")).count() + page.matches(&format!("<{element}>")).count();
        assert_eq!(
            opened,
            page.matches(&format!("</{element}>")).count(),
            "<{element}> is not closed as often as opened"
        );
    }
}

/// Where something stands.
fn around<'a>(page: &'a str, what: &str) -> &'a str {
    let place = page.find(what).unwrap_or(0);
    let from = page.floor_char_boundary(place.saturating_sub(200));
    &page[from..page.ceil_char_boundary((place + 100).min(page.len()))]
}

/// The part of a page between a section's beginning and the next one.
fn section<'a>(page: &'a str, id: &str) -> &'a str {
    let from = page.find(&format!("<section id=\"{id}\"")).expect("every section is always there");
    &page[from..from + page[from..].find("</section>").expect("it is closed")]
}

#[test]
fn a_whole_page() {
    let page = page_of(&sample::runs(), &sample::history());
    assert_whole(&page);
    for id in
        ["summary", "setting", "instructions", "linux", "types", "kernel", "native", "history", "reading"]
    {
        assert!(section(&page, id).len() > 500, "{id} is empty");
        assert!(page.contains(&format!("href=\"#{id}\"")), "no way to {id}");
    }
}

#[test]
fn the_page_stands_alone() {
    let page = page_of(&sample::runs(), &sample::history());
    for outside in ["<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "http:", "https:"] {
        assert!(!page.contains(outside), "{outside}: {}", around(&page, outside));
    }
}

#[test]
fn hits_and_misses_are_said() {
    let peers = Peers::read().expect("the committed file is whole");
    let target = peers.target("yield").expect("the first row there is");
    let instructions = |median| {
        let rows = vec![measured("yield", "keel", "instructions", median)];
        section(&page_of(&[sample::run(Instrument::Instructions, rows)], &[]), "summary").to_owned()
    };
    assert!(instructions(target.must * 3.0).contains("✗ missed: 3.00× of must"));
    assert!(!instructions(target.aim).contains("✗ missed"));
}

#[test]
fn figures_in_another_unit_are_not_judged() {
    let rows = vec![measured("yield", "keel", "cycles", 1.0)];
    let page = page_of(&[sample::run(Instrument::Instructions, rows)], &[]);
    assert!(section(&page, "instructions").contains("measured in cycles"));
    assert!(!page.contains("✓✓ reached"));
}

#[test]
fn what_is_missing_is_said_with_its_reason() {
    let page = page_of(&sample::runs(), &[]);
    for id in ["summary", "types", "instructions"] {
        assert!(section(&page, id).contains("the heap has no such variant yet"), "{id} hides it");
    }
    assert!(section(&page, "summary").contains("✗ failed"));
    assert!(section(&page, "linux").contains("core 3: no answer within 10 s"));
    assert!(section(&page, "native").contains("its library could not be built here"));
}

#[test]
fn every_instrument_may_be_absent() {
    let all = sample::runs();
    for absent in Instrument::ALL {
        let some: Vec<Run> = all.iter().filter(|run| run.instrument != absent).cloned().collect();
        let page = page_of(&some, &[]);
        assert_whole(&page);
        assert!(
            page.contains("there are no results of this instrument"),
            "{absent:?} is not said to be absent"
        );
        let alone: Vec<Run> = all.iter().filter(|run| run.instrument == absent).cloned().collect();
        assert_whole(&page_of(&alone, &[]));
    }
    let nothing = page_of(&[], &[]);
    assert_whole(&nothing);
    assert!(nothing.contains("nothing was measured yet"));
}

#[test]
fn one_row_is_enough() {
    for instrument in Instrument::ALL {
        let runs = [sample::run(instrument, vec![measured("yield", "keel", "instructions", 7.0)])];
        assert_whole(&page_of(&runs, &runs));
    }
}

#[test]
fn no_history_is_said() {
    let page = page_of(&sample::runs(), &[]);
    assert!(section(&page, "history").contains("No history yet"));
    assert_eq!(section(&page, "history").matches("<svg").count(), 0);
}

#[test]
fn repeats_that_cannot_be_paired_have_no_ratio_and_say_so() {
    let mut ours = measured("ipi", "keel", "cycles", 5.0);
    if let Outcome::Measured(figures) = &mut ours.outcome {
        figures.medians = vec![5.0, 5.0, 5.0];
    }
    let rows = vec![ours, measured("ipi", "linux_kernel", "cycles", 10.0)];
    let page = page_of(&[sample::run(Instrument::Linux, rows)], &[]);
    let linux = section(&page, "linux");
    assert!(linux.contains("measured 3 times and 1 times: the repeats cannot be paired"), "{linux}");
    assert!(!linux.contains("0.50×"), "a ratio was made all the same");
}

#[test]
fn a_ratio_to_an_earlier_figure_is_marked() {
    let rows = vec![measured("spawn_cross", "keel", "cycles", 105e3)];
    let page = page_of(&[sample::run(Instrument::Linux, rows)], &[]);
    assert!(section(&page, "linux").contains("to LK, ⚠ another run"));
}

#[test]
fn history_is_in_order_and_has_each_result_once() {
    let result = |commit: &str, day: u32, median| {
        let mut run =
            sample::run(Instrument::Instructions, vec![measured("yield", "keel", "instructions", median)]);
        run.commit = commit.into();
        run.date = format!("2024-05-{day:02}T00:00:00Z");
        run
    };
    let newest = result("ccccccc", 3, 90.0);
    let older = [result("bbbbbbb", 2, 100.0), newest.clone(), result("aaaaaaa", 1, 120.0)];
    let page = page_of(std::slice::from_ref(&newest), &older);
    let history = section(&page, "history");
    assert!(history.contains("oldest first: 120, 100, 90"), "{history}");
    assert!(history.contains("better by 10%"), "{history}");
}

#[test]
fn whatever_is_in_a_text_is_escaped() {
    let evil = "<script>alert('&\"')</script>";
    let mut runs = sample::runs();
    for run in &mut runs {
        run.commit = evil.into();
        run.date = evil.into();
        run.setting = [(evil.to_owned(), evil.to_owned())].into();
        let figures = Figures { median: 3.0, min: 1.0, max: 5.0, n: 3, ..Figures::default() };
        let outcomes =
            [Outcome::Missing, Outcome::Skipped, Outcome::Failed].map(|make| make(evil.to_owned()));
        let hostile =
            |outcome| Row { what: evil.into(), subtracted: evil.into(), ..row(evil, evil, evil, outcome) };
        run.rows.extend(outcomes.into_iter().chain([Outcome::Measured(figures.clone())]).map(hostile));
        // As Keel's own and as names that sections look for, too.
        for name in ["yield", "threadtest_safe", "mm_eval_<b>_vma_tree_100", "boot", evil] {
            run.rows.insert(0, Row { subject: "keel".into(), ..hostile(Outcome::Failed(evil.into())) });
            run.rows.insert(
                0,
                Row {
                    name: name.into(),
                    subject: "keel".into(),
                    ..hostile(Outcome::Measured(figures.clone()))
                },
            );
        }
    }
    let mut history = runs.clone();
    for (index, run) in history.iter_mut().enumerate() {
        run.date += &index.to_string();
    }
    let page = page_of(&runs, &history);
    assert_whole(&page);
    for raw in ["<script", "<b>", "'&\""] {
        assert!(!page.contains(raw), "{}", around(&page, raw));
    }
    assert!(page.contains("&lt;script&gt;"));
}

#[test]
fn odd_figures_leave_no_odd_numbers() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -7.0, f64::MAX, f64::MIN_POSITIVE, 5e-324];
    for value in odd {
        let mut runs = sample::runs();
        for run in &mut runs {
            for (index, row) in run.rows.iter_mut().enumerate() {
                if let (Outcome::Measured(figures), true) = (&mut row.outcome, index % 2 == 0) {
                    let quantiles = vec![value; figures.quantiles.len()];
                    *figures = Figures {
                        n: 0,
                        median: value,
                        p90: value,
                        p99: value,
                        min: value,
                        max: value,
                        mad: value,
                        outliers: 0,
                        medians: vec![value; 3],
                        quantiles,
                    };
                }
                if index % 3 == 0 {
                    row.better = Better::Higher;
                }
            }
        }
        assert_whole(&page_of(&runs, &[runs.clone(), sample::history()].concat()));
    }
}

#[test]
fn the_page_is_written_and_written_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let inner = folder.path().join("new/folder");
    for runs in [sample::runs(), Vec::new()] {
        let path = write(&inner, &runs, &[]).expect("the folder can be written");
        assert_eq!(path, inner.join(NAME));
        assert_eq!(std::fs::read_to_string(path).expect("it was written"), page_of(&runs, &[]));
    }
    assert_eq!(std::fs::read_dir(&inner).expect("it is there").count(), 1, "a draft was left behind");
}

#[test]
fn a_folder_that_cannot_be_is_an_error() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let error = write(file.path(), &[], &[]).expect_err("a file is no folder").to_string();
    assert!(error.contains("cannot write the report") && error.contains(NAME), "{error}");
}
