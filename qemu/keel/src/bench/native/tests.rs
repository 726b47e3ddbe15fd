//! What cargo and the programs say, and what becomes of programs that go wrong.

use super::compile::messages;
use super::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A flag that nobody sets.
fn nobody_stops() -> Stop {
    Stop::install().expect("signals can be noted")
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

fn watched(script: &str, limit: Duration) -> (Ended, Vec<String>) {
    let mut begun = Vec::new();
    let ended = watch(&mut shell(script), limit, &nobody_stops(), |name| begun.push(name.to_owned()));
    (ended.expect("sh starts"), begun)
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn benchmarks_are_told_as_they_begin() {
    let script = "echo 'Benchmarking a_1/keel' >&2; echo 'Benchmarking a_1/keel: Warming up for 500 ms' >&2; \
        echo 'Benchmarking a_1/glibc' >&2; echo out";
    assert_eq!(watched(script, LONG), (Ended::Well, vec!["a_1/keel".into(), "a_1/glibc".into()]));
}

#[test]
fn a_program_that_dies_says_where_and_how() {
    let (ended, _) = watched("echo 'Benchmarking a_1/keel' >&2; echo 'it hurts' >&2; exit 3", LONG);
    let Ended::Badly(why) = ended else { panic!("{ended:?}") };
    assert!(why.contains("a_1/keel") && why.contains("exit status: 3") && why.ends_with("it hurts"), "{why}");
}

/// Files as criterion leaves them, written for these benchmarks.
fn files(benchmarks: &[Benchmark]) -> io::Result<tempfile::TempDir> {
    let home = tempfile::tempdir()?;
    for (group, subject) in benchmarks {
        let folder = home.path().join(group).join(subject).join("new");
        std::fs::create_dir_all(&folder)?;
        let benchmark = format!(r#"{{"group_id":"{group}","function_id":"{subject}","throughput":null}}"#);
        std::fs::write(folder.join("benchmark.json"), benchmark)?;
        std::fs::write(folder.join("sample.json"), r#"{"iters":[1.0,2.0],"times":[7.0,8.0]}"#)?;
    }
    Ok(home)
}

#[test]
fn figures_of_the_benchmark_in_which_a_program_dies_do_not_count() -> io::Result<()> {
    let listed = ["keel", "glibc", "mimalloc"].map(|subject| ("a_1".to_owned(), subject.to_owned()));
    let home = files(&listed)?;
    let outcomes = |script: &str| {
        let (ended, begun) = watched(script, LONG);
        let why = if let Ended::Badly(why) = ended { Some(why) } else { None };
        let rows = results(home.path(), SystemTime::UNIX_EPOCH, &listed, &begun, why.as_deref());
        rows.into_iter().map(|row| (row.subject, row.outcome)).collect::<Vec<_>>()
    };
    // The second writes its files, and then finds out that a task was lost.
    let script = "echo 'Benchmarking a_1/keel' >&2; echo 'Benchmarking a_1/glibc' >&2; \
        echo 'task 3 was lost' >&2; exit 101";
    let rows = outcomes(script);
    let [(_, keel), (_, glibc), (_, mimalloc)] = rows.as_slice() else { panic!("{rows:?}") };
    assert!(matches!(keel, Outcome::Measured(_)), "{keel:?}");
    assert!(matches!(glibc, Outcome::Failed(why) if why.ends_with("task 3 was lost")), "{glibc:?}");
    assert!(
        matches!(mimalloc, Outcome::Failed(why) if why.contains("not begun") && why.contains("a_1/glibc")),
        "{mimalloc:?}"
    );
    // After the last, after one that nobody knows, before the first: some row fails always.
    for script in [
        "for who in keel glibc mimalloc; do echo Benchmarking a_1/$who >&2; done; exit 101",
        "for who in keel glibc mimalloc nobody; do echo Benchmarking a_1/$who >&2; done; exit 101",
        "exit 101",
    ] {
        let rows = outcomes(script);
        assert!(rows.iter().any(|(_, outcome)| matches!(outcome, Outcome::Failed(_))), "{script}: {rows:?}");
    }
    let rows = outcomes("for who in keel glibc mimalloc; do echo Benchmarking a_1/$who >&2; done");
    assert!(rows.iter().all(|(_, outcome)| matches!(outcome, Outcome::Measured(_))), "{rows:?}");
    Ok(())
}

#[test]
fn a_program_that_hangs_is_ended() {
    let (ended, _) = watched("echo 'Benchmarking a_1/keel' >&2; exec sleep 600", Duration::from_millis(200));
    let Ended::Badly(why) = ended else { panic!("{ended:?}") };
    assert!(why.contains("a_1/keel") && why.contains("no sign of life"), "{why}");
}

#[test]
fn only_the_last_lines_of_a_talker_are_kept() {
    let (ended, _) = watched("for i in $(seq 1 500); do echo line $i >&2; done; exit 1", LONG);
    let Ended::Badly(why) = ended else { panic!("{ended:?}") };
    assert!(why.ends_with("line 500") && !why.contains("line 480\n"), "{why}");
}

#[test]
fn a_list_is_read_and_other_lines_are_not() {
    let text = "heap_larson_1/keel: benchmark\nnoise\nno_subject: benchmark\na/b: test\n\nheap_larson_1/glibc: benchmark\n";
    let expected = [("heap_larson_1", "keel"), ("heap_larson_1", "glibc")];
    assert_eq!(listed(text), expected.map(|(group, subject)| (group.to_owned(), subject.to_owned())));
}

#[test]
fn cargos_messages_say_which_programs_and_versions() {
    // As cargo 1.95 writes them, shortened where it lists files.
    let artifact = |id: &str, kind: &str, name: &str, executable: &str| {
        format!(
            r#"{{"reason":"compiler-artifact","package_id":"{id}","manifest_path":"/w/Cargo.toml","target":{{"kind":["{kind}"],"crate_types":["{kind}"],"name":"{name}","src_path":"/w/x.rs","edition":"2024","doc":false,"doctest":false,"test":false}},"profile":{{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":true,"test":false}},"features":[],"filenames":["/t/x"],"executable":{executable},"fresh":true}}"#
        )
    };
    let text = [
        artifact(
            "registry+https://example.org/index#tikv-jemallocator@0.7.0",
            "lib",
            "tikv_jemallocator",
            "null",
        ),
        artifact("path+file:///w/bench/native#native_benchmarks@0.1.0", "lib", "native_benchmarks", "null"),
        "Compiling by hand".into(),
        artifact("path+file:///w/bench/native#native_benchmarks@0.1.0", "bench", "heap", r#""/t/heap-1""#),
    ]
    .join("\n");
    let built = messages(text.as_bytes());
    assert_eq!(built.programs, BTreeMap::from([("heap".into(), PathBuf::from("/t/heap-1"))]));
    assert_eq!(built.versions, BTreeMap::from([("jemalloc".into(), "0.7.0".into())]));
}

#[test]
fn names_become_a_filter_and_nothing_else_does() {
    assert_eq!(filter(&[]).ok().as_deref(), Some("^()"));
    assert_eq!(
        filter(&["heap".into(), "frame_4k_1/keel".into()]).ok().as_deref(),
        Some("^(heap|frame_4k_1/keel)")
    );
    for name in ["a.*", "--save-baseline", "(", "a b"] {
        assert!(matches!(filter(&[name.into()]), Err(NativeError::Unknown(_))), "{name}");
    }
}

#[test]
fn what_is_left_out_has_rows_that_say_why() {
    let measured = [
        row("heap_larson_1", "keel", Outcome::Missing(String::new())),
        row("frame_4k_1", "keel", Outcome::Missing(String::new())),
    ];
    let missing: Vec<&Peer> = PEERS.iter().filter(|peer| peer.name == "snmalloc").collect();
    let rows = skipped_peers(&measured, &missing);
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((row.name.as_str(), row.subject.as_str()), ("heap_larson_1", "snmalloc"));
    assert!(matches!(&row.outcome, Outcome::Skipped(why) if why.contains("g++")), "{row:?}");

    let notes = ["linker: skipped: no cells".to_owned(), "other noise".to_owned()];
    let names = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    assert_eq!(skipped_programs(&notes, &names(&[])).len(), 1);
    assert_eq!(skipped_programs(&notes, &names(&["linker_plan"])).len(), 1);
    assert_eq!(skipped_programs(&notes, &names(&["heap"])).len(), 0);
}

#[test]
fn a_tool_that_is_not_there_leaves_its_peer_out() {
    let peer = |tool| Peer { name: "x", tools: tool, install: "x" };
    assert!(peer(&[("KEEL_TEST_NO_SUCH_VARIABLE", "sh -c true")]).can_be_compiled());
    assert!(!peer(&[("KEEL_TEST_NO_SUCH_VARIABLE", "keel-no-such-tool")]).can_be_compiled());
}

#[test]
fn every_operation_has_words() {
    assert!(what("runqueue_steal_half_1").contains("half"));
    assert!(what("heap_larson_2").ends_with("two threads"));
    assert_eq!(what("unknown_2"), "");
}
