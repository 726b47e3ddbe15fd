//! The lines that were entered, and the walk through them.

use alloc::{collections::VecDeque, string::String};

/// So many lines are kept.
const MOST: usize = 100;

/// Newest last.
#[derive(Debug, Default)]
pub struct History {
    lines: VecDeque<String>,
    /// How far back the walk is; 0 is the line that is being typed.
    back: usize,
    /// What was typed before the walk began.
    typed: String,
}

impl History {
    /// Adds a line and ends the walk. Empty lines and repetitions of the last one are not kept.
    pub fn add(&mut self, line: &str) {
        self.back = 0;
        self.typed.clear();
        if line.trim().is_empty() || self.lines.back().is_some_and(|last| last == line) {
            return;
        }
        if self.lines.len() == MOST {
            self.lines.pop_front();
        }
        self.lines.push_back(line.into());
    }

    /// The line before, `current` being the line as it stands. `None` at the oldest.
    pub fn older(&mut self, current: &str) -> Option<&str> {
        if self.back == self.lines.len() {
            return None;
        }
        if self.back == 0 {
            self.typed = current.into();
        }
        self.back += 1;
        self.line()
    }

    /// The line after; at the end what was being typed. `None` there.
    pub fn newer(&mut self) -> Option<&str> {
        self.back = self.back.checked_sub(1)?;
        self.line()
    }

    fn line(&self) -> Option<&str> {
        match self.back {
            0 => Some(&self.typed),
            back => self.lines.get(self.lines.len().checked_sub(back)?).map(String::as_str),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_goes_there_and_back() {
        let mut history = History::default();
        for line in ["one", "two", "two", " ", "three"] {
            history.add(line);
        }
        assert_eq!(history.newer(), None);
        assert_eq!(history.older("typ"), Some("three"));
        assert_eq!(history.older("three"), Some("two"));
        assert_eq!(history.older("two"), Some("one"));
        assert_eq!(history.older("one"), None);
        assert_eq!(history.newer(), Some("two"));
        assert_eq!(history.newer(), Some("three"));
        assert_eq!(history.newer(), Some("typ"));
        assert_eq!(history.newer(), None);
    }

    #[test]
    fn it_forgets_the_oldest() {
        let mut history = History::default();
        for i in 0..150 {
            history.add(&alloc::format!("{i}"));
        }
        let oldest = (0..200).map_while(|_| history.older("").map(String::from)).last();
        assert_eq!(oldest.as_deref(), Some("50"));
    }
}
