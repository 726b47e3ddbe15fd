//! The archive that the kernel gets as its initial RAM disk: plain ustar, `base.map` first, then the cells by name.
//!
//! No times, owners or modes of the build machine go in: equal cells give equal bytes.

use std::io;
use std::path::Path;

/// Writes an archive of (name, content) to `output`.
pub fn write(output: &Path, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    std::fs::write(output, bytes(files)?)
}

/// An archive of (name, content).
pub fn bytes(files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, content.as_slice())?;
    }
    builder.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_files_give_equal_archives_in_order() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let files = [("base.map".to_owned(), vec![1; 700]), ("a.cell".to_owned(), vec![2])];
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        write(&one, &files)?;
        write(&two, &files)?;
        let bytes = std::fs::read(&one)?;
        assert_eq!(bytes, std::fs::read(two)?);
        assert_eq!(bytes.get(257..262), Some(b"ustar".as_slice()));
        let mut archive = tar::Archive::new(bytes.as_slice());
        let names: Vec<_> =
            archive.entries()?.filter_map(|e| Some(e.ok()?.path().ok()?.display().to_string())).collect();
        assert_eq!(names, ["base.map", "a.cell"]);
        Ok(())
    }
}
