//! The levels of the log, by the names that people type.

use log::LevelFilter;

/// The names, in the order of [`LEVELS`].
pub const NAMES: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// All levels, the quietest first.
pub const LEVELS: [LevelFilter; 6] = [
    LevelFilter::Off,
    LevelFilter::Error,
    LevelFilter::Warn,
    LevelFilter::Info,
    LevelFilter::Debug,
    LevelFilter::Trace,
];

/// The name of a level.
pub const fn name(level: LevelFilter) -> &'static str {
    NAMES[level as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_levels_are_in_one_order() {
        for (text, level) in NAMES.into_iter().zip(LEVELS) {
            assert_eq!((text.parse(), name(level)), (Ok(level), text));
        }
    }
}
