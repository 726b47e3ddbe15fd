//! Archives that something has happened to, for boot tests: made from the built one.

use crate::build::Image;
use crate::run::qemu::Payload;
use serde::Deserialize;
use std::io::{self, Read};
use std::path::PathBuf;

/// What the guest gets as its initial RAM disk.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub enum Archive {
    /// What was built.
    #[default]
    Built,
    /// None at all.
    None,
    /// It ends in the middle of its last cell but one.
    Truncated,
    /// In the cell `priority`, the bytes from its middle on are flipped.
    CorruptCell,
    /// In the cell `priority`, the section table's place in the ELF header points outside the file.
    HostileCell,
    /// As long as the real one, and not an archive.
    Garbage,
    /// All cells, and not the symbol map of the base.
    NoMap,
    /// In the base's symbol map, the bytes from its middle on are flipped.
    CorruptMap,
    /// The console's cell is missing.
    NoConsole,
}

/// The cell that is damaged: one that the rest can do without.
const VICTIM: &str = "priority.cell";
const MAP: &str = "base.map";
const CONSOLE: &str = "console.cell";
/// Where the ELF header says where the section table is (`e_shoff`).
const SECTION_TABLE_OFFSET: std::ops::Range<usize> = 0x28..0x30;

type Files = Vec<(String, Vec<u8>)>;

impl Archive {
    /// `image` with this archive in the place of the built one; what is made here goes into a file beside it.
    pub fn of(self, image: &Image) -> io::Result<Payload> {
        let payload = Payload::from(image);
        let bytes = std::fs::read(&image.archive)?;
        let damaged = match self {
            Self::Built => return Ok(payload),
            Self::None => return Ok(Payload { archive: None, ..payload }),
            Self::Truncated => truncated(&bytes)?,
            Self::Garbage => garbage(bytes.len()),
            Self::CorruptCell => edited(&bytes, VICTIM, flip)?,
            Self::HostileCell => edited(&bytes, VICTIM, |cell| {
                if let Some(field) = cell.get_mut(SECTION_TABLE_OFFSET) {
                    field.fill(0xfe);
                }
            })?,
            Self::CorruptMap => edited(&bytes, MAP, flip)?,
            Self::NoMap => without(&bytes, MAP)?,
            Self::NoConsole => without(&bytes, CONSOLE)?,
        };
        let path: PathBuf = image.archive.with_file_name(format!("cells-{self:?}.tar").to_lowercase());
        std::fs::write(&path, damaged)?;
        Ok(Payload { archive: Some(path), ..payload })
    }
}

fn files(archive: &[u8]) -> io::Result<Files> {
    let mut files = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        let mut entry = entry?;
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.push((entry.path()?.display().to_string(), content));
    }
    Ok(files)
}

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("the archive has no {name} to damage"))
}

fn edited(archive: &[u8], name: &str, edit: impl FnOnce(&mut [u8])) -> io::Result<Vec<u8>> {
    let mut files = files(archive)?;
    let (_, content) = files.iter_mut().find(|(found, _)| found == name).ok_or_else(|| missing(name))?;
    edit(content);
    crate::build::archive::bytes(&files)
}

fn without(archive: &[u8], name: &str) -> io::Result<Vec<u8>> {
    let mut files = files(archive)?;
    let before = files.len();
    files.retain(|(found, _)| found != name);
    if files.len() == before { Err(missing(name)) } else { crate::build::archive::bytes(&files) }
}

fn flip(content: &mut [u8]) {
    let half = content.len() / 2;
    content.iter_mut().skip(half).for_each(|byte| *byte = !*byte);
}

fn truncated(archive: &[u8]) -> io::Result<Vec<u8>> {
    let mut starts = Vec::new();
    for entry in tar::Archive::new(archive).entries()? {
        starts.push(entry?.raw_file_position() as usize);
    }
    let [.., last_but_one, _] = starts[..] else { return Err(missing("two cells")) };
    Ok(archive.iter().copied().take(last_but_one + 100).collect())
}

/// Bytes without pattern, the same each time (Marsaglia's xorshift).
fn garbage(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> io::Result<Vec<u8>> {
        let file = |name: &str, length| (name.to_owned(), vec![7; length]);
        crate::build::archive::bytes(&[
            file(MAP, 700),
            file("a.cell", 9),
            file(VICTIM, 2000),
            file("z.cell", 3),
        ])
    }

    #[test]
    fn each_damage_is_what_it_says() -> io::Result<()> {
        let built = archive()?;
        let names = |bytes: &[u8]| -> io::Result<Vec<String>> {
            Ok(files(bytes)?.into_iter().map(|(name, _)| name).collect())
        };
        let flipped = files(&edited(&built, VICTIM, flip)?)?;
        let victim = &flipped.iter().find(|(name, _)| name == VICTIM).expect("it is kept").1;
        assert!(
            victim.iter().take(1000).all(|byte| *byte == 7) && victim.iter().skip(1000).all(|b| *b == !7)
        );
        assert_eq!(names(&without(&built, MAP)?)?, ["a.cell", VICTIM, "z.cell"]);
        let short = truncated(&built)?;
        assert!(short.len() < built.len() - 1500 && built.starts_with(&short));
        assert!(names(&garbage(10_000)).is_err());
        assert!(without(&built, CONSOLE).is_err());
        Ok(())
    }
}
