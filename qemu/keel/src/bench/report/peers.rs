//! What the report puts beside the figures: those of other kernels, and those to reach. From `bench/peers.toml`.
//!
//! The file also says under which heading a row stands, and which rows are variants of one thing: so no figure and no
//! row's name stands in the code.

use serde::Deserialize;
use std::collections::BTreeMap;

/// Built into the tool, so that a report can be made anywhere.
const TEXT: &str = include_str!("../../../../../bench/peers.toml");

/// All of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peers {
    /// How the other kernels' figures came about, for the reader.
    pub how: String,
    /// Other kernels, by the name under which their figures stand.
    pub subjects: BTreeMap<String, Subject>,
    /// Headings, in the order of the page.
    pub groups: Vec<Group>,
    /// One core, guest instructions.
    pub instructions: Vec<Target>,
    /// Several cores.
    pub several_cores: Vec<Words>,
    /// Variants of one thing, side by side.
    pub comparisons: Vec<Comparison>,
    /// The cost that must not grow.
    pub growth: Growth,
    /// What is wanted beside libraries on the host.
    pub native: Vec<NativeWords>,
}

/// Another kernel, from one side.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// In full.
    pub name: String,
    /// At the head of a column.
    pub short: String,
    /// What exactly was measured.
    pub source: String,
}

/// Rows under one heading.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// The heading.
    pub title: String,
    /// Names of rows; a star at the end stands for any ending.
    pub rows: Vec<String>,
}

/// One operation on one core: what it costs elsewhere and what it may cost.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The row's name.
    pub row: String,
    /// The operation in words.
    pub what: String,
    /// What must be reached, in instructions.
    pub must: f64,
    /// What is aimed at, in instructions.
    pub aim: f64,
    /// What a reader must know to compare.
    pub note: Option<String>,
    /// By subject.
    pub peers: BTreeMap<String, Peer>,
}

/// What an operation costs elsewhere, in instructions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The figure, or the lower end.
    pub figure: f64,
    /// The upper end, where it is a range.
    pub to: Option<f64>,
    /// By which means, where it is not obvious.
    pub by: Option<String>,
}

/// One operation on several cores, as said in words and, where a number decides, as numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// The row's name.
    pub row: String,
    /// The operation in words.
    pub what: String,
    /// What Linux took at an earlier time, in words.
    pub linux: Option<String>,
    /// What other kernels took at an earlier time, by subject.
    #[serde(default)]
    pub earlier: BTreeMap<String, Earlier>,
    /// What must be reached.
    pub must: String,
    /// What must be reached, as a ratio to Linux.
    pub must_ratio: Option<f64>,
    /// What is aimed at, as a ratio to Linux.
    pub aim_ratio: Option<f64>,
    /// What must be reached, as a ratio to another of Keel's rows.
    pub to_row: Option<ToRow>,
}

/// A figure of another run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earlier {
    /// The figure.
    pub figure: f64,
    /// Its unit, as in results.
    pub unit: String,
    /// What a reader must know to compare.
    pub by: Option<String>,
    /// What Keel's cost to it may be, where that is to be reached.
    pub at_most: Option<f64>,
}

/// A limit in terms of another row of the same run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToRow {
    /// The other row.
    pub row: String,
    /// So many times it, at most.
    pub at_most: f64,
}

/// Variants of one thing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Comparison {
    /// The heading.
    pub title: String,
    /// What is compared, in a sentence or two.
    pub about: String,
    /// The variants, in order.
    pub rows: Vec<Variant>,
    /// What their ratio may be, where that is to be reached.
    pub wanted: Option<Wanted>,
}

/// One of several variants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// The row's name.
    pub row: String,
    /// What sets it apart.
    pub name: String,
}

/// What the ratio of two variants may be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// This row…
    pub row: String,
    /// …to this row…
    pub to: String,
    /// …at most so much.
    pub at_most: f64,
    /// What is known from elsewhere.
    pub known: String,
}

/// A cost over a growing number of things: rows `<prefix><operation>_<variant>_<count>`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// The heading.
    pub title: String,
    /// What is compared.
    pub about: String,
    /// What the rows' names begin with.
    pub prefix: String,
    /// The operations that there are.
    pub operations: Vec<String>,
    /// Of what there are so many.
    pub counted: String,
    /// How many, in rising order. Without the first and the last nobody can say whether the cost grows.
    pub counts: Vec<u64>,
    /// Keel's way.
    pub ours: Side,
    /// The other way.
    pub other: Side,
    /// Keel's cost to the other's, at most.
    pub at_most: f64,
    /// Keel's cost at the largest count to that at the smallest, at most.
    pub flat: f64,
}

/// One way of doing it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Side {
    /// As rows' names have it.
    pub variant: String,
    /// As a reader has it.
    pub name: String,
}

/// What is wanted of a part on the host.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NativeWords {
    /// The part.
    pub part: String,
    /// Its rows; a star at the end stands for any ending.
    pub rows: Vec<String>,
    /// Beside what it is measured.
    pub peers: String,
    /// What is to be reached.
    pub wanted: String,
    /// What is known from elsewhere.
    pub known: Option<String>,
    /// What is to be reached, as numbers.
    pub limits: Vec<Limit>,
}

/// What Keel's rows on the host may be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Which rows; a star at the end stands for any ending.
    pub rows: String,
    /// The figure itself is limited, in this unit.
    pub unit: Option<String>,
    /// The ratio to this row of Keel's is limited. Without this and a unit: the ratio to the best other library.
    pub to: Option<String>,
    /// What must be reached.
    pub at_most: f64,
    /// What is aimed at.
    pub aim: Option<f64>,
}

/// Whether a pattern, in which a star at the end stands for any ending, is this row.
pub fn claims(pattern: &str, row: &str) -> bool {
    pattern.strip_suffix('*').map_or(row == pattern, |beginning| row.starts_with(beginning))
}

impl Peers {
    /// Reads the file that was built in.
    pub fn read() -> Result<Self, toml::de::Error> {
        toml::from_str(TEXT)
    }

    /// The place of a row in the page's order, with its heading; what no heading claims comes last.
    pub fn group(&self, row: &str) -> (usize, &str) {
        let place =
            self.groups.iter().position(|group| group.rows.iter().any(|pattern| claims(pattern, row)));
        place.map_or((self.groups.len(), "Other"), |place| (place, self.groups[place].title.as_str()))
    }

    /// Under its heading and in order, each of some things that have a row's name.
    pub fn grouped<'a, T>(&self, items: &'a [T], name: impl Fn(&T) -> &str) -> Vec<(&str, Vec<&'a T>)> {
        let mut groups: BTreeMap<usize, (&str, Vec<&T>)> = BTreeMap::new();
        for item in items {
            let (place, title) = self.group(name(item));
            groups.entry(place).or_insert((title, Vec::new())).1.push(item);
        }
        groups.into_values().collect()
    }

    /// What is wanted of a row on one core.
    pub fn target(&self, row: &str) -> Option<&Target> {
        self.instructions.iter().find(|target| target.row == row)
    }

    /// What is wanted of a row on several cores.
    pub fn words(&self, row: &str) -> Option<&Words> {
        self.several_cores.iter().find(|words| words.row == row)
    }

    /// Whose figures these are, for a reader. A name that nobody registered is shown as it is.
    pub fn subject<'a>(&'a self, subject: &'a str) -> &'a str {
        match (subject, self.subjects.get(subject)) {
            ("keel", _) => "Keel",
            (_, Some(known)) => &known.name,
            (unknown, None) => unknown,
        }
    }

    /// Subjects that have a figure for some row on one core, most first: the columns of a table.
    pub fn columns(&self) -> Vec<(&str, &Subject)> {
        let used = |subject: &str| {
            self.instructions.iter().filter(|target| target.peers.contains_key(subject)).count()
        };
        let mut columns: Vec<_> =
            self.subjects.iter().map(|(name, subject)| (name.as_str(), subject)).collect();
        columns.retain(|(name, _)| used(name) > 0);
        columns.sort_by_key(|(name, _)| std::cmp::Reverse(used(name)));
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_file_is_whole() {
        let peers = Peers::read().expect("bench/peers.toml is what peers.rs describes");
        for target in &peers.instructions {
            assert!(0.0 < target.aim && target.aim <= target.must, "{}: aim beyond must", target.row);
            assert!(
                peers.group(&target.row).0 < peers.groups.len(),
                "{} stands under no heading",
                target.row
            );
            for (subject, peer) in &target.peers {
                assert!(peers.subjects.contains_key(subject), "{}: who is {subject}?", target.row);
                assert!(
                    peer.figure > 0.0 && peer.to.is_none_or(|to| to > peer.figure),
                    "{}: {subject}",
                    target.row
                );
            }
        }
        for words in &peers.several_cores {
            let ratios = [words.must_ratio, words.aim_ratio];
            let limits = words.earlier.values().filter_map(|earlier| earlier.at_most);
            let limits = limits.chain(words.to_row.as_ref().map(|to| to.at_most));
            let mut all = ratios.into_iter().flatten().chain(limits).peekable();
            assert!(all.peek().is_some(), "{}: no number decides", words.row);
            assert!(all.all(|ratio| ratio > 0.0), "{}: no ratio", words.row);
            for (subject, earlier) in &words.earlier {
                assert!(peers.subjects.contains_key(subject), "{}: who is {subject}?", words.row);
                assert!(earlier.figure > 0.0, "{}: {subject}", words.row);
            }
        }
        for comparison in &peers.comparisons {
            let has = |row: &str| comparison.rows.iter().any(|variant| variant.row == row);
            let known = comparison.wanted.as_ref().is_none_or(|wanted| has(&wanted.row) && has(&wanted.to));
            assert!(known, "{}: no such variant", comparison.title);
        }
        let counts = &peers.growth.counts;
        assert!(counts.len() > 1 && counts.is_sorted(), "growth is from one count to another");
    }

    #[test]
    fn no_row_is_named_twice() {
        let peers = Peers::read().expect("a test above says what is wrong");
        let one = peers.instructions.iter().map(|target| &target.row);
        let mut names: Vec<_> = one.chain(peers.several_cores.iter().map(|words| &words.row)).collect();
        let before = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), before);
    }

    #[test]
    fn a_star_stands_for_any_ending() {
        let peers = Peers::read().expect("a test above says what is wrong");
        assert_eq!(peers.group("alloc_64").1, peers.group("alloc_99").1);
        assert_eq!(peers.group("no_such_row").1, "Other");
        assert_eq!(peers.subject("no_such_subject"), "no_such_subject");
    }
}
