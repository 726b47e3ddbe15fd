//! Which benchmarks words select: as the kernel's own `bench` does.

/// Whether `words` select `name` among `all` names. A word is a benchmark's name or else that of a group, which its members have
/// before an underscore: `alloc` is `alloc_8` and so on, but `yield` is not `yield_alone`. No words select everything.
pub fn selects(words: &[String], name: &str, all: &[&str]) -> bool {
    let selects = |word: &String| {
        let in_group = name.strip_prefix(word.as_str()).is_some_and(|rest| rest.starts_with('_'));
        name == word || (in_group && !all.contains(&word.as_str()))
    };
    words.is_empty() || words.iter().any(selects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_name_or_else_a_group() {
        let all = ["null", "yield", "yield_alone", "alloc_8", "alloc_64", "allocate"];
        for (words, selected) in [
            (&[][..], &all[..]),
            (&["yield"], &["yield"]),
            (&["alloc", "null"], &["null", "alloc_8", "alloc_64"]),
            (&["allo", "nil"], &[]),
        ] {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            let found: Vec<&str> = all.into_iter().filter(|name| selects(&words, name, &all)).collect();
            assert_eq!(found, selected, "{words:?}");
        }
    }
}
