//! How far a long run is, and how long it will still take.
//!
//! On a terminal that is one line on standard error which is rewritten; in a pipe or a log, a line per step. Standard
//! output is left to the results.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// The progress of a run of so many steps that take about equally long.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    total: u64,
    done: u64,
    plain: bool,
}

impl Progress {
    /// A run of `total` steps; `what` stands at the beginning of the line.
    pub fn new(what: &str, total: u64) -> Self {
        let plain = !io::stderr().is_terminal();
        let target = if plain { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(total), target).with_prefix(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template("{prefix} [{bar:24}] {pos}/{len} {eta} left  {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        Self { bar, started: Instant::now(), total, done: 0, plain }
    }

    /// The next step begins: says which one, and how long the rest will take.
    pub fn begin(&self, step: &str) {
        self.bar.set_message(step.to_owned());
        if self.plain {
            let left = self.left().map_or(String::new(), |left| format!(", about {} left", words(left)));
            eprintln!("[{}/{}{left}] {}: {step}", self.done + 1, self.total, self.bar.prefix());
        }
    }

    /// The step that began last has ended.
    pub fn end(&mut self) {
        self.done += 1;
        self.bar.inc(1);
    }

    /// From the steps so far; `None` before the first has ended.
    fn left(&self) -> Option<Duration> {
        let each = self.started.elapsed().checked_div(u32::try_from(self.done).ok()?)?;
        Some(each * u32::try_from(self.total.saturating_sub(self.done)).ok()?)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// A time to wait: `5 s`, `2 min`.
pub fn words(time: Duration) -> String {
    match time.as_secs() {
        few @ 0..100 => format!("{few} s"),
        many => format!("{} min", (many + 30) / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_is_done() {
        let mut progress = Progress::new("test", 4);
        assert_eq!(progress.left(), None);
        progress.started = Instant::now() - Duration::from_secs(10);
        progress.end();
        assert!(progress.left().is_some_and(|left| left.as_secs() == 30));
        progress.done = 4;
        assert!(progress.left().is_some_and(|left| left.is_zero()));
        assert_eq!(
            (words(Duration::from_secs(99)), words(Duration::from_secs(200))),
            ("99 s".into(), "3 min".into())
        );
    }
}
