//! Work that is up to date is not done again.
//!
//! Beside each output lies a stamp: a hash over what it was made from. Inputs are named by path, length and time of
//! change, as cargo itself does; the tool's own executable is one of them, so a new tool makes everything anew.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh64::Xxh64;

/// What an output is made from, boiled down to a number.
pub struct Inputs(Xxh64);

impl Inputs {
    /// Starts with the tool itself.
    pub fn new() -> io::Result<Self> {
        let mut inputs = Self(Xxh64::new(0));
        inputs.file(&std::env::current_exe()?)?;
        Ok(inputs)
    }

    /// Adds a file, by path, length and time of change.
    pub fn file(&mut self, path: &Path) -> io::Result<()> {
        let metadata = fs::metadata(path)?;
        let changed = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        self.text(&format!("{} {} {}", path.display(), metadata.len(), changed.as_nanos()));
        Ok(())
    }

    /// Adds a setting.
    pub fn text(&mut self, text: &str) {
        self.0.update(&(text.len() as u64).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    /// The stamp's content.
    pub fn stamp(&self) -> String {
        format!("{:016x}\n", self.0.digest())
    }
}

/// Whether `output` exists and was made from exactly the inputs of `stamp`.
pub fn is_fresh(output: &Path, stamp: &str) -> bool {
    output.is_file() && fs::read_to_string(stamp_path(output)).is_ok_and(|old| old == stamp)
}

/// Records that `output` is finished.
pub fn finished(output: &Path, stamp: &str) -> io::Result<()> {
    fs::write(stamp_path(output), stamp)
}

/// Forgets that `output` was finished, before it is made again.
pub fn begin(output: &Path) -> io::Result<()> {
    match fs::remove_file(stamp_path(output)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn stamp_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".stamp");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_input_makes_the_output_stale() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        let stamp = |setting: &str| -> io::Result<String> {
            let mut inputs = Inputs::new()?;
            inputs.file(&input)?;
            inputs.text(setting);
            Ok(inputs.stamp())
        };
        fs::write(&input, "one")?;
        let first = stamp("a")?;
        assert!(!is_fresh(&output, &first));
        fs::write(&output, "made")?;
        assert!(!is_fresh(&output, &first), "an output without a stamp may be half written");
        finished(&output, &first)?;
        assert!(is_fresh(&output, &first));
        assert!(!is_fresh(&output, &stamp("b")?));
        fs::write(&input, "longer")?;
        assert!(!is_fresh(&output, &stamp("a")?));
        begin(&output)?;
        assert!(!is_fresh(&output, &first));
        Ok(())
    }
}
