//! Recorded lines, and lines that nobody should believe.

use super::*;

const YIELD: &str = r#"BENCH {"name":"yield","subject":"linux_kernel","what":"switch","subtracted":"loops","unit":"cycles","n":1000,"min":1087,"median":1088,"p90":1090,"p99":1091,"max":1118,"mad":1,"outliers":2,"quantiles":[1087,1087,1087,1087,1087,1087,1088,1088,1088,1088,1088,1088,1088,1088,1088,1089,1089,1089,1090,1091,1118]}"#;
const SKIPPED: &str = r#"SKIPPED {"name":"ipi","subject":"linux_kernel","what":"call","subtracted":"nothing","unit":"cycles","why":"needs 2 cores"}"#;
const FAILED: &str = r#"FAILED {"name":"swap_whole","subject":"linux_kernel","what":"","subtracted":"","unit":"cycles","why":"finit_module: Invalid argument"}"#;

fn read(lines: &[&str]) -> Result<Reader, BadLine> {
    let mut reader = Reader::default();
    for line in lines {
        reader.take(line)?;
    }
    Ok(reader)
}

#[test]
fn a_boot_is_read() -> Result<(), BadLine> {
    let mut reader = Reader::default();
    assert_eq!(reader.take("FIRST")?, Said::First);
    assert_eq!(reader.take("ROWS 3")?, Said::Rows(3));
    assert_eq!(reader.take("BEGIN linux_kernel yield")?, Said::Begin("linux_kernel yield".into()));
    for line in [YIELD, SKIPPED, FAILED] {
        assert_eq!(reader.take(line)?, Said::Taken, "{line}");
    }
    assert_eq!(reader.take("[   61.269651] reboot: Power down")?, Said::Nothing);
    assert_eq!(reader.take("END")?, Said::End);
    let [row, skipped, failed] = &reader.figures.rows[..] else { panic!("three rows: {reader:?}") };
    assert_eq!(
        (
            row.name.as_str(),
            row.subject.as_str(),
            row.unit.as_str(),
            row.what.as_str(),
            row.subtracted.as_str()
        ),
        ("yield", "linux_kernel", "cycles", "switch", "loops")
    );
    let Outcome::Measured(figures) = &row.outcome else { panic!("measured: {row:?}") };
    assert_eq!((figures.n, figures.min, figures.median, figures.max), (1000, 1087.0, 1088.0, 1118.0));
    assert_eq!((figures.p90, figures.p99, figures.mad, figures.outliers), (1090.0, 1091.0, 1.0, 2));
    assert_eq!((figures.medians.len(), figures.quantiles.len()), (1, QUANTILES));
    assert_eq!(skipped.outcome, Outcome::Skipped("needs 2 cores".into()));
    assert_eq!(failed.outcome, Outcome::Failed("finit_module: Invalid argument".into()));
    Ok(())
}

#[test]
fn under_icount_a_cycle_is_an_instruction() -> Result<(), BadLine> {
    let mut reader = Reader::new(true);
    reader.take(YIELD)?;
    reader.take(&SKIPPED.replace("cycles", "ns"))?;
    let units: Vec<_> = reader.figures.rows.iter().map(|row| row.unit.as_str()).collect();
    assert_eq!(units, ["instructions", "ns"]);
    Ok(())
}

#[test]
fn the_log_gives_the_bring_up() -> Result<(), BadLine> {
    let began = "LOG <6>[    0.696998] smp: Bringing up secondary CPUs ...";
    let ended = "LOG <6>[    1.482714] smp: Brought up 1 node, 8 CPUs";
    let mut figures = read(&[began, ended])?.figures;
    assert_eq!(figures.bring_up, Some(Duration::from_micros(785_716)));
    figures.to_first_task = Some(Duration::from_millis(3_500));
    let rows = boot_rows(&figures, 8);
    let names: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.unit.as_str())).collect();
    assert_eq!(names, [("boot", "ns"), ("bringup", "ns")]);
    assert!(matches!(&rows[0].outcome, Outcome::Measured(f) if f.median == 3.5e9 && f.medians == [3.5e9]));
    assert!(matches!(&rows[1].outcome, Outcome::Measured(f) if f.median == 785_716_000.0));
    for lines in [&[ended][..], &[began], &[ended, began], &["LOG", "LOG [x] smp: Bringing up", "LOG ]["]] {
        assert_eq!(read(lines)?.figures.bring_up, None, "{lines:?}");
    }
    // A clock that runs backwards, and one that is no number.
    let backwards = began.replace("0.69", "9.69");
    assert_eq!(read(&[&backwards, ended])?.figures.bring_up, None);
    assert_eq!(read(&[began, &ended.replace("1.482714", "-inf")])?.figures.bring_up, None);
    Ok(())
}

#[test]
fn a_boot_without_times_has_rows_that_say_why() -> Result<(), BadLine> {
    let outcomes = |lines: &[&str], cores| -> Result<Vec<Outcome>, BadLine> {
        Ok(boot_rows(&read(lines)?.figures, cores).into_iter().map(|row| row.outcome).collect())
    };
    let [boot, bring_up] = &outcomes(&[], 8)?[..] else { panic!("two rows") };
    assert!(matches!(boot, Outcome::Failed(why) if why.contains("first task")), "{boot:?}");
    assert!(matches!(bring_up, Outcome::Failed(why) if why.contains("does not say")), "{bring_up:?}");
    let unreadable = &outcomes(&["NOLOG klogctl: Operation not permitted"], 8)?[1];
    assert!(matches!(unreadable, Outcome::Failed(why) if why.ends_with("not permitted")), "{unreadable:?}");
    assert_eq!(outcomes(&[], 1)?[1], Outcome::Skipped("needs 2 cores".into()));
    Ok(())
}

#[test]
fn an_end_without_all_rows_is_refused_and_says_which() {
    let begin =
        ["BEGIN linux_kernel module", "ROWS 2", "BEGIN linux_kernel yield", YIELD, "BEGIN linux_kernel ipi"];
    let end = |more: &[&str]| {
        let lines: Vec<&str> = begin.iter().chain(more).chain(&["END"]).copied().collect();
        read(&lines).map(|_| ()).map_err(|bad| bad.to_string())
    };
    assert_eq!(end(&[SKIPPED]), Ok(()));
    let why = end(&[]).expect_err("one is missing");
    assert!(why.contains("2 rows were announced and 1 came, missing: linux_kernel ipi,"), "{why}");
    assert!(end(&[SKIPPED, FAILED]).is_err(), "one too many");
    assert!(end(&[SKIPPED, "ROWS 2"]).is_err(), "announced twice");
    let why = read(&[YIELD, "END"]).expect_err("not announced").to_string();
    assert!(why.contains("no rows were announced and 1 came"), "{why}");
    assert!(read(&["END"]).is_err() && read(&["ROWS 0", "END"]).is_ok());
}

#[test]
fn a_row_is_found_behind_the_kernels_words() -> Result<(), BadLine> {
    for line in [YIELD, SKIPPED, FAILED] {
        for before in ["[   61.269651] clocksource: ", "[   61.2", "{ BENCH ", "BEGIN li", "é"] {
            let reader = read(&[&format!("{before}{line}")])?;
            assert_eq!(reader.figures.rows, read(&[line])?.figures.rows, "{before}");
        }
    }
    // Two on one line, and a row that a message cut in two.
    assert!(read(&[&format!("{YIELD}{SKIPPED}")]).is_err());
    assert!(read(&[&format!("[    5.1] cut {}", &YIELD[..300])]).is_err());
    assert!(read(&[&format!("{}{SKIPPED}", &YIELD[..300])]).is_err());
    // The kernel's log may say anything.
    assert!(read(&[&format!("LOG <6>[    5.1] {YIELD}")])?.figures.rows.is_empty());
    Ok(())
}

#[test]
fn what_cannot_be_is_refused() {
    for (part, instead) in [
        ("{", "["),
        ("}", ""),
        ("\"yield\"", "\"\""),
        ("\"yield\"", "\"<b>\""),
        ("\"yield\"", "7"),
        ("linux_kernel", "keel"),
        ("\"cycles\"", "\"furlongs\""),
        ("\"n\":1000", "\"n\":0"),
        ("\"n\":1000", "\"n\":-1"),
        ("\"n\":1000", "\"n\":1e400"),
        ("\"n\":1000", "\"m\":1000"),
        ("\"median\":1088", "\"median\":1"),
        ("\"p99\":1091", "\"p99\":9999"),
        ("\"mad\":1", "\"mad\":100"),
        ("\"outliers\":2", "\"outliers\":1001"),
        ("\"quantiles\":[1087", "\"quantiles\":[1086"),
        ("1090,1091,1118]", "1090,1091,1117]"),
        ("1090,1091,1118]", "1090,1118]"),
        ("1090,1091,1118]", "1091,1090,1118]"),
        ("\"unit\"", "\"why\":\"no reason\",\"unit\""),
    ] {
        let line = YIELD.replacen(part, instead, 1);
        assert_ne!(line, YIELD, "{part}");
        assert!(read(&[&line]).is_err(), "{line}");
    }
    assert!(read(&[&YIELD[..300]]).is_err(), "cut off");
    assert!(read(&[&format!("{YIELD} [    5.1] a kernel's message in between")]).is_err());
    assert!(read(&[YIELD, YIELD]).is_err(), "twice");
    assert!(read(&[&SKIPPED.replace("\"why\"", "\"because\"")]).is_err());
    assert!(read(&["BENCH"]).is_err() && read(&["ROWS"]).is_err() && read(&["ROWS -1"]).is_err());
    let error = read(&[&format!("BENCH {}", "é".repeat(5_000))]).expect_err("no JSON").to_string();
    assert!(error.chars().count() < 400, "{error}");
}

#[test]
fn other_lines_are_the_kernels() -> Result<(), BadLine> {
    let mut reader = Reader::default();
    for line in [
        "",
        " ",
        "FIRST thing",
        "END of it",
        "BENCHMARK {",
        "BENCH{",
        "bench {}",
        "[    0.0] BENCH",
        "\u{fffd}",
    ] {
        assert_eq!(reader.take(line)?, Said::Nothing, "{line}");
    }
    assert!(reader.figures.rows.is_empty());
    Ok(())
}
