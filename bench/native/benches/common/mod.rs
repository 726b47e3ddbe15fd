//! What the programs here share: how long they measure, and how a team of threads becomes a benchmark.

#![allow(dead_code, reason = "each program uses a part of it")]

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode};
use native_benchmarks::threads::{Team, two_at_once};
use std::time::Duration;

/// Criterion with times that let all programs together end within a few minutes; the command line may say otherwise.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_200))
        .sample_size(30)
        .nresamples(10_000)
        .configure_from_args()
}

/// One operation, for all who do it. Every sample has equally many rounds, so that each is a fair figure of its own.
pub fn operation<'c>(criterion: &'c mut Criterion, name: &str) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// Measures what a team does. It is made when it is needed, for a filter may say that it is not.
pub fn team(group: &mut BenchmarkGroup<'_, WallTime>, subject: &str, make: impl Fn() -> Team) {
    let mut team = None;
    group.bench_function(subject, |bencher| {
        let team = team.get_or_insert_with(&make);
        bencher.iter_custom(|times| team.run(times));
    });
}

/// One thread, and two where they can run at the same time.
pub fn threads() -> &'static [usize] {
    if two_at_once() {
        return &[1, 2];
    }
    eprintln!("this machine runs one thread at a time: what two do to one another is left out");
    &[1]
}
