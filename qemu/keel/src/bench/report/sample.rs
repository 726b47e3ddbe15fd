//! Results for tests: made up, of all instruments and all kinds of outcomes. No figure here was ever measured.

use super::results::{Better, Figures, Instrument, Outcome, Row, Run};
use std::collections::BTreeMap;

/// A stream of numbers that is always the same.
struct Stream(u64);

impl Stream {
    /// Between 0 and 1 (Knuth's linear congruence, upper bits).
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1u64 << 31) as f64
    }
}

/// Figures around a middle, with a tail; `spread` 0 makes all samples equal.
fn figures(stream: &mut Stream, middle: f64, spread: f64, repeats: usize) -> Figures {
    let mut samples: Vec<f64> = (0..400)
        .map(|index| {
            let tail = if index % 50 == 0 { 6.0 * stream.next() } else { 0.0 };
            middle * (1.0 + spread * (stream.next() + stream.next() - 1.0 + tail))
        })
        .collect();
    samples.sort_by(f64::total_cmp);
    let at = |share: f64| samples[(share * 399.0) as usize];
    Figures {
        n: 400 * repeats as u64,
        median: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        min: samples[0],
        max: samples[399],
        mad: middle * spread / 3.0,
        outliers: if spread > 0.0 { 8 } else { 0 },
        medians: (0..repeats).map(|_| at(0.5) * (1.0 + spread * (stream.next() - 0.5))).collect(),
        quantiles: (0..=20).map(|step| at(f64::from(step) / 20.0)).collect(),
    }
}

/// A row of which this is the outcome.
pub fn row(name: &str, subject: &str, unit: &str, outcome: Outcome) -> Row {
    let (name, subject, unit) = (name.to_owned(), subject.to_owned(), unit.to_owned());
    Row {
        name,
        subject,
        what: String::new(),
        subtracted: String::new(),
        unit,
        better: Better::Lower,
        outcome,
    }
}

/// A row that was measured.
pub fn measured(name: &str, subject: &str, unit: &str, median: f64) -> Row {
    let figures = Figures {
        n: 1,
        median,
        p90: median,
        p99: median,
        min: median,
        max: median,
        medians: vec![median],
        ..Figures::default()
    };
    row(name, subject, unit, Outcome::Measured(figures))
}

/// A run of these rows.
pub fn run(instrument: Instrument, rows: Vec<Row>) -> Run {
    let setting = [
        ("host", "Sample CPU, 2 cores"),
        ("QEMU", "10.0.11"),
        ("compiler", "rustc 1.95.0"),
        ("guest cores", "1"),
    ];
    let setting: BTreeMap<_, _> =
        setting.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    Run { instrument, commit: "8abc609fe2d1".into(), date: "2024-05-06T12:00:00Z".into(), setting, rows }
}

/// One run of each instrument.
pub fn runs() -> Vec<Run> {
    let mut stream = Stream(1);
    vec![
        run(Instrument::Instructions, in_kernel(&mut stream, "instructions", 1.0, 0.0)),
        run(Instrument::Kernel, in_kernel(&mut stream, "cycles", 6.0, 0.3)),
        run(Instrument::Linux, linux(&mut stream)),
        run(Instrument::Native, native(&mut stream)),
    ]
}

/// Older results of instrument instructions and of Linux, each a little different; one row appears late.
pub fn history() -> Vec<Run> {
    let mut stream = Stream(7);
    let older = (1..=8).flat_map(|month| {
        let worse = 1.0 + f64::from(9 - month) * 0.05 * stream.next();
        let mut one = run(Instrument::Instructions, in_kernel(&mut stream, "instructions", worse, 0.0));
        one.rows.retain(|row| month > 3 || row.name != "pingpong");
        let other = run(Instrument::Linux, linux(&mut stream));
        [one, other].map(|mut run| {
            run.commit = format!("{:07x}00", 0x00a1_b2c3 * month);
            run.date = format!("2024-0{}-15T10:00:00Z", month.min(4));
            run.date.replace_range(8..10, &format!("{:02}", month + 10));
            run
        })
    });
    older.collect()
}

/// What the kernel's own benchmarks bring.
fn in_kernel(stream: &mut Stream, unit: &str, scale: f64, spread: f64) -> Vec<Row> {
    let done = [
        ("yield", 104.0),
        ("yield_alone", 18.0),
        ("pingpong", 391.0),
        ("spawn", 1_720.0),
        ("mutex", 16.0),
        ("spinlock", 19.0),
        ("semaphore", 41.0),
        ("alloc_8", 62.0),
        ("alloc_64", 66.0),
        ("alloc_512", 66.0),
        ("alloc_4096", 141.0),
        ("alloc_65536", 212.0),
        ("threadtest", 83.0),
        ("threadtest_locked_list", 131.0),
        ("shbench", 102.0),
        ("shbench_locked_list", 388.0),
        ("frame", 52.0),
        ("map_4k", 1_310.0),
        ("map_given", 944.0),
        ("map_1m", 61_204.0),
        ("protect", 214.0),
        ("message", 612.0),
        ("null", 3.0),
        ("call_direct", 4.0),
        ("call_slot", 4.0),
        ("call_dyn", 7.0),
        ("rq_eval_spill_free", 71.0),
        ("rq_eval_spillful", 70.0),
        ("rq_eval_spawn_spill_free", 1_740.0),
        ("rq_eval_spawn_spillful", 1_731.0),
    ];
    let mut rows: Vec<Row> = done
        .into_iter()
        .map(|(name, middle)| {
            let mut row =
                row(name, "keel", unit, Outcome::Measured(figures(stream, middle * scale, spread, 1)));
            row.subtracted =
                "the loop and two readings: fastest of 32 empty loops, same length, same run".into();
            row
        })
        .collect();
    for (operation, cost) in [("map", 900.0), ("remap", 310.0), ("unmap", 640.0)] {
        for (step, count) in [100, 1_000, 10_000, 100_000].into_iter().enumerate() {
            let grown = 1.0 + step as f64;
            let both =
                [("mapped_pages", cost * (1.0 + 0.02 * grown)), ("vma_tree", cost * (1.2 + 0.25 * grown))];
            for (variant, middle) in both {
                let name = format!("mm_eval_{operation}_{variant}_{count}");
                rows.push(row(
                    &name,
                    "keel",
                    unit,
                    Outcome::Measured(figures(stream, middle * scale, spread, 1)),
                ));
            }
        }
    }
    for variant in [
        "threadtest_safe",
        "threadtest_partly_safe",
        "threadtest_unsafe",
        "shbench_safe",
        "shbench_partly_safe",
        "shbench_unsafe",
    ] {
        rows.push(row(variant, "keel", unit, Outcome::Missing("the heap has no such variant yet".into())));
    }
    rows.push(row(
        "cell_stage",
        "keel",
        unit,
        Outcome::Failed("core 0: the cell was refused; last line: `E: no room <here>`".into()),
    ));
    rows.push(row("wake_idle", "keel", unit, Outcome::Skipped("needs two cores; this run had one".into())));
    rows
}

/// Linux and Keel in one run.
fn linux(stream: &mut Stream) -> Vec<Row> {
    let all = [
        ("yield", "cycles", 640.0, Some(4_100.0), Some(9_300.0)),
        ("pingpong", "cycles", 2_500.0, Some(22_000.0), Some(44_000.0)),
        ("spawn", "cycles", 14_000.0, Some(301_000.0), Some(312_000.0)),
        ("alloc_64", "cycles", 400.0, Some(1_120.0), Some(560.0)),
        ("map_4k", "cycles", 8_100.0, Some(19_000.0), Some(102_000.0)),
        ("boot", "ms", 410.0, None, Some(6_400.0)),
        ("bringup", "ms", 48.0, Some(810.0), None),
        ("wake_idle", "cycles", 91_000.0, Some(108_000.0), Some(121_000.0)),
        ("pingpong_cross", "cycles", 209_000.0, Some(188_000.0), Some(241_000.0)),
        ("ipi", "cycles", 8_400.0, Some(7_900.0), None),
        ("shootdown", "cycles", 51_000.0, Some(157_000.0), None),
        ("protect_all", "cycles", 66_000.0, None, Some(274_000.0)),
    ];
    let mut rows = Vec::new();
    for (name, unit, keel, kernel, user) in all {
        for (subject, middle) in [("keel", Some(keel)), ("linux_kernel", kernel), ("linux_user", user)] {
            if let Some(middle) = middle {
                rows.push(row(name, subject, unit, Outcome::Measured(figures(stream, middle, 0.35, 5))));
            }
        }
    }
    rows.push(row("spawn_cross", "keel", "cycles", Outcome::Failed("core 3: no answer within 10 s".into())));
    rows.push(row(
        "spawn_cross",
        "linux_kernel",
        "cycles",
        Outcome::Measured(figures(stream, 1.1e6, 0.3, 5)),
    ));
    rows.push(row("hackbench", "keel", "ms", Outcome::Missing("needs processes".into())));
    rows.push(row("hackbench", "linux_user", "ms", Outcome::Measured(figures(stream, 310.0, 0.2, 5))));
    rows
}

/// The parts on the host.
fn native(stream: &mut Stream) -> Vec<Row> {
    let all: [(&str, &[(&str, f64)]); 5] = [
        ("frame_4k_1", &[("keel", 31.0), ("buddy_system_allocator", 44.0), ("per_core_lists", 22.0)]),
        ("frame_4k_2", &[("keel", 39.0), ("buddy_system_allocator", 187.0), ("per_core_lists", 25.0)]),
        (
            "heap_threadtest_1",
            &[("keel", 14.2), ("glibc", 19.8), ("mimalloc", 9.1), ("jemalloc", 12.4), ("snmalloc", 8.7)],
        ),
        ("heap_larson_2", &[("keel", 71.0), ("glibc", 66.0), ("mimalloc", 31.0), ("jemalloc", 44.0)]),
        (
            "runqueue_push_pop_1",
            &[("keel", 5.1), ("crossbeam_deque", 6.3), ("st3", 5.6), ("mutex_vecdeque", 21.0)],
        ),
    ];
    let mut rows: Vec<Row> = Vec::new();
    for (name, subjects) in all {
        for (subject, middle) in subjects {
            rows.push(row(name, subject, "ns", Outcome::Measured(figures(stream, *middle, 0.08, 1))));
        }
    }
    rows.push(row(
        "heap_larson_2",
        "snmalloc",
        "ns",
        Outcome::Skipped("its library could not be built here".into()),
    ));
    let mut linker = measured("linker_whole", "keel", "MB/s", 412.0);
    linker.better = Better::Higher;
    rows.push(linker);
    rows
}
