//! What criterion leaves on the disk after a benchmark, as figures.
//!
//! `sample.json` has, for each sample, how many rounds it had and how many nanoseconds they took; `benchmark.json`
//! says which benchmark it is and how much work a round does. Both are read as what they are, files that anybody may
//! have written.

use crate::bench::results::{Better, Figures, Outcome, Row};
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many quantiles a row has.
const QUANTILES: usize = 21;
/// [`statistics`] has whole numbers: the unit is cut into so many parts. Nanoseconds become picoseconds, far below what
/// a sample of many rounds can tell.
const PARTS: f64 = 1_000.0;

/// Why a benchmark has no figures.
#[derive(Debug, thiserror::Error)]
pub enum CriterionError {
    /// Criterion wrote no such file.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is left over from another time.
    #[error("{0} was not written in this run; the benchmark has not ended")]
    Old(PathBuf),
    /// Not what criterion writes.
    #[error("{path} is not what criterion writes: {message}; remove it and measure again")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// One benchmark's samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Nanoseconds for a round, sample by sample; at least one, all positive.
    pub nanoseconds: Vec<f64>,
    /// Things that a round works on, if it says.
    pub elements: Option<f64>,
    /// Bytes that a round works on, if it says.
    pub bytes: Option<f64>,
}

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    throughput: Option<Throughput>,
}

#[derive(Deserialize)]
enum Throughput {
    Bytes(f64),
    Elements(f64),
    ElementsAndBytes { elements: f64, bytes: f64 },
}

#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

/// Reads what the benchmark `subject` of `group` left below `home`, criterion's folder, if it did so after `since`.
pub fn read(home: &Path, group: &str, subject: &str, since: SystemTime) -> Result<Samples, CriterionError> {
    let folder = home.join(group).join(subject).join("new");
    let path = folder.join("benchmark.json");
    let malformed =
        |path: &Path, message: String| CriterionError::Malformed { path: path.to_owned(), message };
    let benchmark: Benchmark = parse(&path, since)?;
    if benchmark.group_id != group || benchmark.function_id.as_deref() != Some(subject) {
        let is = format!("{}/{}", benchmark.group_id, benchmark.function_id.unwrap_or_default());
        return Err(malformed(&path, format!("it is about {is:?}")));
    }
    let (elements, bytes) = match benchmark.throughput {
        None => (None, None),
        Some(Throughput::Bytes(bytes)) => (None, Some(bytes)),
        Some(Throughput::Elements(elements)) => (Some(elements), None),
        Some(Throughput::ElementsAndBytes { elements, bytes }) => (Some(elements), Some(bytes)),
    };
    let path = folder.join("sample.json");
    let Sample { iters, times } = parse(&path, since)?;
    if iters.len() != times.len() || times.is_empty() {
        return Err(malformed(&path, format!("{} numbers of rounds, {} times", iters.len(), times.len())));
    }
    let nanoseconds: Vec<f64> = times.iter().zip(&iters).map(|(time, rounds)| time / rounds).collect();
    match nanoseconds.iter().find(|time| !time.is_normal() || time.is_sign_negative()) {
        Some(time) => Err(malformed(&path, format!("a round of {time} ns"))),
        None => Ok(Samples { nanoseconds, elements, bytes }),
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, since: SystemTime) -> Result<T, CriterionError> {
    let fail = |source| CriterionError::Read { path: path.to_owned(), source };
    let written = std::fs::metadata(path).and_then(|data| data.modified()).map_err(fail)?;
    if written < since {
        return Err(CriterionError::Old(path.to_owned()));
    }
    let text = std::fs::read_to_string(path).map_err(fail)?;
    serde_json::from_str(&text)
        .map_err(|error| CriterionError::Malformed { path: path.to_owned(), message: error.to_string() })
}

/// The rows of one benchmark: the time of a round, and what it does in a second, where it says how much it does.
pub fn rows(name: &str, subject: &str, what: &str, samples: &Samples) -> Vec<Row> {
    let row = |suffix: &str, unit: &str, better: Better, values: Vec<f64>| Row {
        name: format!("{name}{suffix}"),
        subject: subject.to_owned(),
        what: what.to_owned(),
        subtracted: String::new(),
        unit: unit.to_owned(),
        better,
        outcome: figures(&values)
            .map_or_else(|| Outcome::Failed("criterion took no sample".into()), Outcome::Measured),
    };
    let per_second = |amount: f64, unit: f64| {
        samples.nanoseconds.iter().map(|time| amount / unit / (time / 1e9)).collect()
    };
    let mut rows = vec![row("", "ns", Better::Lower, samples.nanoseconds.clone())];
    if let Some(bytes) = samples.bytes {
        rows.push(row("_bytes", "MB/s", Better::Higher, per_second(bytes, 1e6)));
    }
    if let Some(elements) = samples.elements {
        rows.push(row("_relocations", "1/s", Better::Higher, per_second(elements, 1.0)));
    }
    rows
}

/// Order statistics of one repeat, by the rules of all other instruments; `None` of nothing.
fn figures(values: &[f64]) -> Option<Figures> {
    // A figure too large for a whole number becomes the largest.
    let mut parts: Vec<u64> = values.iter().map(|value| (value * PARTS).round() as u64).collect();
    let summary = statistics::summarize(&mut parts)?;
    let whole = |parts: u64| parts as f64 / PARTS;
    Some(Figures {
        n: summary.n as u64,
        median: whole(summary.median),
        p90: whole(summary.p90),
        p99: whole(summary.p99),
        min: whole(summary.min),
        max: whole(summary.max),
        mad: whole(summary.mad),
        outliers: summary.outliers as u64,
        medians: vec![whole(summary.median)],
        quantiles: statistics::quantiles::<QUANTILES>(&parts).map(whole).to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// As criterion 0.8.2 wrote them.
    const BENCHMARK: &str = r#"{"group_id":"linker_whole","function_id":"keel","value_str":null,"throughput":{"ElementsAndBytes":{"elements":5000,"bytes":1000000}},"full_id":"linker_whole/keel","directory_name":"linker_whole/keel","title":"linker_whole/keel"}"#;
    const SAMPLE: &str =
        r#"{"sampling_mode":"Flat","iters":[10.0,10.0,20.0],"times":[10000000.0,30000000.0,40000000.0]}"#;

    fn folder(benchmark: &str, sample: &str) -> io::Result<tempfile::TempDir> {
        let home = tempfile::tempdir()?;
        let new = home.path().join("linker_whole/keel/new");
        std::fs::create_dir_all(&new)?;
        std::fs::write(new.join("benchmark.json"), benchmark)?;
        std::fs::write(new.join("sample.json"), sample)?;
        Ok(home)
    }

    fn read_these(benchmark: &str, sample: &str) -> Result<Samples, String> {
        let home = folder(benchmark, sample).map_err(|error| error.to_string())?;
        read(home.path(), "linker_whole", "keel", SystemTime::UNIX_EPOCH).map_err(|error| error.to_string())
    }

    #[test]
    fn what_criterion_wrote_becomes_figures() -> Result<(), String> {
        let samples = read_these(BENCHMARK, SAMPLE)?;
        assert_eq!(samples.nanoseconds, [1e6, 3e6, 2e6]);
        let rows = rows("linker_whole", "keel", "link", &samples);
        let names: Vec<_> =
            rows.iter().map(|row| (row.name.as_str(), row.unit.as_str(), row.better)).collect();
        assert_eq!(
            names,
            [
                ("linker_whole", "ns", Better::Lower),
                ("linker_whole_bytes", "MB/s", Better::Higher),
                ("linker_whole_relocations", "1/s", Better::Higher),
            ]
        );
        let medians: Vec<f64> = rows
            .iter()
            .map(|row| if let Outcome::Measured(figures) = &row.outcome { figures.median } else { f64::NAN })
            .collect();
        // A million bytes and 5000 relocations in 2 ms.
        assert_eq!(medians, [2e6, 500.0, 2_500_000.0]);
        Ok(())
    }

    #[test]
    fn a_benchmark_without_an_amount_has_one_row() -> Result<(), String> {
        let samples =
            read_these(r#"{"group_id":"linker_whole","function_id":"keel","throughput":null}"#, SAMPLE)?;
        assert_eq!(rows("linker_whole", "keel", "", &samples).len(), 1);
        Ok(())
    }

    #[test]
    fn hostile_files_are_refused_with_their_name() {
        let about_another = BENCHMARK.replace("\"keel\"", "\"other\"");
        for (benchmark, sample) in [
            ("", SAMPLE),
            ("[]", SAMPLE),
            (about_another.as_str(), SAMPLE),
            (r#"{"group_id":"linker_whole","function_id":"keel","throughput":{"Bits":1}}"#, SAMPLE),
            (BENCHMARK, ""),
            (BENCHMARK, "{}"),
            (BENCHMARK, r#"{"iters":[],"times":[]}"#),
            (BENCHMARK, r#"{"iters":[1.0],"times":[1.0,2.0]}"#),
            (BENCHMARK, r#"{"iters":[0.0],"times":[1.0]}"#),
            (BENCHMARK, r#"{"iters":[0.0],"times":[0.0]}"#),
            (BENCHMARK, r#"{"iters":[1.0],"times":[-1.0]}"#),
            (BENCHMARK, r#"{"iters":[1e-300],"times":[1e300]}"#),
            (BENCHMARK, r#"{"iters":[1.0],"times":["1.0"]}"#),
        ] {
            let error = read_these(benchmark, sample).expect_err("not what criterion writes");
            assert!(error.contains(".json is not what criterion writes"), "{sample}: {error}");
        }
    }

    #[test]
    fn what_is_older_than_the_run_does_not_count() -> io::Result<()> {
        let home = folder(BENCHMARK, SAMPLE)?;
        let later = SystemTime::now() + Duration::from_secs(60);
        let old = read(home.path(), "linker_whole", "keel", later);
        assert!(matches!(old, Err(CriterionError::Old(_))), "{old:?}");
        let missing = read(home.path(), "linker_whole", "nobody", SystemTime::UNIX_EPOCH);
        assert!(matches!(missing, Err(CriterionError::Read { .. })), "{missing:?}");
        Ok(())
    }

    #[test]
    fn order_statistics() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).chain([10_000.0]).collect();
        let figures = figures(&values).expect("some");
        assert_eq!((figures.n, figures.median, figures.min, figures.max), (101, 51.0, 1.0, 10_000.0));
        assert_eq!((figures.p90, figures.p99), (91.0, 100.0));
        assert_eq!((figures.mad, figures.outliers), (25.0, 1));
        assert_eq!(figures.quantiles.len(), QUANTILES);
        assert_eq!((figures.quantiles.first(), figures.quantiles.last()), (Some(&1.0), Some(&10_000.0)));
        assert!(figures.quantiles.is_sorted());
        assert_eq!(super::figures(&[]), None);
    }

    #[test]
    fn what_differs_by_less_than_can_be_told_is_no_outlier() {
        let same = figures(&[5.0; 4]).expect("some");
        assert_eq!((same.outliers, same.mad, same.quantiles), (0, 0.0, vec![5.0; QUANTILES]));
        // A MAD of 0 counts as a picosecond, of which an outlier is more than five away.
        let near = figures(&[5.0, 5.0, 5.0, 5.0, 5.005]).expect("some");
        let far = figures(&[5.0, 5.0, 5.0, 5.0, 5.006]).expect("some");
        assert_eq!((near.mad, near.outliers, far.outliers), (0.0, 0, 1));
        // Parts of a nanosecond stay.
        assert_eq!(figures(&[8.6837]).map(|figures| figures.median), Some(8.684));
    }
}
