//! The `log` crate's back end: time, level and core in front of each line.

use crate::output;
use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};

struct Console;

impl Log for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let micros = clock::now_ns() / 1_000;
        output::print(format_args!(
            "[{:>4}.{:06} {:>5} {}] {}\n",
            micros / 1_000_000,
            micros % 1_000_000,
            record.level(),
            core_local::current(),
            record.args()
        ));
    }

    fn flush(&self) {}
}

/// Makes the console the log's back end.
///
/// # Errors
/// If there is one already.
pub fn init(level: LevelFilter) -> Result<(), SetLoggerError> {
    log::set_logger(&Console)?;
    log::set_max_level(level);
    Ok(())
}

/// Sets which messages are printed from now on.
pub fn set_level(level: LevelFilter) {
    log::set_max_level(level);
}
