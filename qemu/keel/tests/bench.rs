//! `keel bench` from outside, against a stand-in for QEMU: what a person relies on when a run does not go well.

mod stage;

use stage::{Stage, interrupt, program, text};
use std::io::{self, BufRead, BufReader};

/// A guest that begins two benchmarks and finishes the first.
const FIRST: &str = r#"echo 'ready: 20 ms from entry to console'
echo '{"running":"null","number":1,"of":2,"core":0}'
echo '{"bench":"null","unit":"cycles","better":"lower","n":9,"median":5,"p90":6,"p99":7,"min":4,"max":8,"mad":1,"outliers":2,"quantiles":[4,5,8],"what":"ask","subtracted":"loop"}'
echo '{"running":"yield","number":2,"of":2,"core":3}'
"#;

fn guest(end: &str) -> io::Result<Stage> {
    Stage::new(&format!("{FIRST}{end}"))
}

#[test]
fn figures_become_a_table_and_a_file() -> io::Result<()> {
    let stage = guest(r#"echo '{"bench":"yield","skipped":"it needs 9 cores","unit":"cycles"}'; exit 33"#)?;
    let file = stage.path().join("results.json");
    let output = stage.run(&["bench", "--json", &file.display().to_string()])?;
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let line = table.lines().find(|line| line.starts_with("null ")).unwrap_or_default();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["null", "cycles", "5", "6", "7", "4", "8", "1", "9", "2"], "{table}");
    assert!(table.contains("skipped: it needs 9 cores"), "{table}");
    let results = std::fs::read_to_string(file)?;
    assert!(
        results.contains("\"name\": \"null\"") && results.contains("\"guest cores\": \"8\""),
        "{results}"
    );
    let progress = text(&output.stderr);
    assert!(
        progress.contains("[1/2] kernel: null") && progress.contains(" left] kernel: yield"),
        "{progress}"
    );
    Ok(())
}

#[test]
fn a_failed_benchmark_fails_the_run_and_the_others_are_reported() -> io::Result<()> {
    let output = guest(r#"echo '{"bench":"yield","error":"nobody yields","unit":"cycles"}'; exit 35"#)?
        .run(&["bench"])?;
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(table.contains("FAILED: nobody yields") && table.contains("\nrows that FAILED: 1\n"), "{table}");
    assert!(table.lines().any(|line| line.starts_with("null ")), "{table}");
    Ok(())
}

#[test]
fn a_guest_that_dies_says_which_benchmark_on_which_core_and_its_last_words() -> io::Result<()> {
    for (end, words) in
        [("exit 37", "the kernel stopped"), ("exit 0", "triple fault"), ("kill -SEGV $$", "QEMU failed")]
    {
        let output = guest(&format!("echo last words; {end}"))?.run(&["bench"])?;
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{end}");
        assert!(errors.contains("benchmark yield on core 3") && errors.contains(words), "{errors}");
        assert!(errors.contains("    last words"), "{errors}");
    }
    Ok(())
}

#[test]
fn a_guest_that_hangs_is_ended() -> io::Result<()> {
    let stage = guest("echo last words; exec sleep 1000")?;
    let output = stage.run(&["bench", "--timeout", "1"])?;
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.contains("benchmark yield on core 3: not finished after 1 s"), "{errors}");
    assert!(errors.contains("    last words") && !stage.process()?.exists(), "{errors}");
    Ok(())
}

#[test]
fn a_guest_that_measures_nothing_is_no_success() -> io::Result<()> {
    let output = Stage::new("echo no benchmark is called that; exit 35")?.run(&["bench", "x"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no benchmark is called that"), "{}", text(&output.stderr));
    Ok(())
}

#[test]
fn ctrl_c_leaves_no_guest() -> io::Result<()> {
    let stage = guest("exec sleep 1000")?;
    let mut child = stage.command(&["bench"]).spawn()?;
    let errors = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut lines = BufReader::new(errors).lines();
    assert!(lines.by_ref().any(|line| line.is_ok_and(|line| line.ends_with("kernel: yield"))));
    interrupt(&child)?;
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("interrupted"))));
    assert_eq!(child.wait()?.code(), Some(1));
    assert!(!stage.process()?.exists());
    Ok(())
}

#[test]
fn a_count_that_got_worse_fails_and_is_accepted_by_name() -> io::Result<()> {
    let one = r#"echo '{"running":"null","number":1,"of":1,"core":0}'
echo '{"bench":"null","unit":"instructions","better":"lower","n":9,"median":5,"p90":5,"p99":5,"min":5,"max":5,"mad":0,"outliers":0}'
exit 33"#;
    let stage = Stage::new(one)?;
    std::fs::create_dir(stage.path().join("bench"))?;
    let output = stage.run(&["bench", "--icount", "--accept"])?;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let baseline = stage.path().join("bench/baseline.toml");
    let accepted = std::fs::read_to_string(&baseline)?;
    assert!(accepted.contains("[rows.null]\ninstructions = 5.0\n"), "{accepted}");
    std::fs::write(&baseline, accepted.replace("instructions = 5.0", "instructions = 4.0"))?;
    for (arguments, code) in [
        (&["bench", "--icount"][..], 1),
        (&["bench", "--icount", "--accept"], 1),
        (&["bench", "--icount"], 1),
        (&["bench", "--icount", "--accept", "null"], 0),
        (&["bench", "--icount"], 0),
    ] {
        let output = stage.run(arguments)?;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", text(&output.stdout));
        let is_named = text(&output.stdout).contains("null: 5 instructions, +25.0% against 4 at unknown");
        assert_eq!(is_named, code == 1, "{}", text(&output.stdout));
    }
    let output = stage.run(&["bench", "--icount", "--accept", "nil"])?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no benchmark is called nil"), "{}", text(&output.stderr));
    Ok(())
}

#[test]
fn a_report_is_made_of_what_this_machine_can_measure() -> io::Result<()> {
    let stage = guest(r#"echo '{"bench":"yield","skipped":"it needs 9 cores","unit":"cycles"}'; exit 33"#)?;
    std::fs::create_dir(stage.path().join("bench"))?;
    std::fs::write(
        stage.path().join("bench/baseline.toml"),
        "[tools]\ncompiler = \"\"\nqemu = \"\"\n[rows]\n",
    )?;
    // A machine that has apt, and a mirror that it cannot reach.
    for name in ["apt-get", "apt-cache", "apt-config"] {
        program(&stage.path().join(name), "#!/bin/sh\necho no mirror >&2; exit 100\n")?;
    }
    let directory = stage.path().join("report");
    let output = stage.run(&["bench", "--report", &directory.display().to_string()])?;
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "not all of it was measured");
    assert!(errors.contains("\nlinux: ") && errors.contains("\nnative: "), "{errors}");
    let page = std::fs::read_to_string(directory.join("index.html"))?;
    assert!(page.contains("it needs 9 cores"), "{errors}");
    // Again, of what was kept.
    std::fs::remove_dir_all(&directory)?;
    let output = stage.run(&["bench", "--report", &directory.display().to_string(), "--reuse"])?;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("no results of linux"), "{}", text(&output.stdout));
    assert!(std::fs::read_to_string(directory.join("index.html"))?.contains("it needs 9 cores"));
    Ok(())
}
