//! The archive that Linux unpacks into its first file system: cpio in the format "newc".
//!
//! Each entry is a header of 110 characters (a magic number and 13 fields of eight hexadecimal digits), the name with a zero
//! byte, and the data, each padded to a multiple of four (Documentation/driver-api/early-userspace/buffer-format.rst).

/// An archive in the making.
#[derive(Debug, Default)]
pub struct Initramfs {
    bytes: Vec<u8>,
    entries: u32,
}

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const CHARACTER_DEVICE: u32 = 0o020_600;

impl Initramfs {
    /// Adds a folder; its parent must be there already.
    pub fn folder(&mut self, name: &str) {
        self.entry(name, FOLDER, (0, 0), &[]);
    }

    /// Adds a file that may be run. `data` must be shorter than 4 GiB.
    pub fn file(&mut self, name: &str, data: &[u8]) {
        self.entry(name, PROGRAM, (0, 0), data);
    }

    /// Adds a character device.
    pub fn device(&mut self, name: &str, major: u32, minor: u32) {
        self.entry(name, CHARACTER_DEVICE, (major, minor), &[]);
    }

    /// The whole archive.
    pub fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, (0, 0), &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, (major, minor): (u32, u32), data: &[u8]) {
        self.entries += 1;
        let length = |bytes: &[u8]| bytes.len() as u32;
        let fields = [
            self.entries, // inode
            mode,
            0, // user
            0, // group
            1, // links
            0, // time
            length(data),
            0, // the file system's device
            0,
            major,
            minor,
            length(name.as_bytes()) + 1,
            0, // checksum: none in this format
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08X}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(data);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, mode, device and data.
    type Entry = (String, u32, (u32, u32), Vec<u8>);

    /// Reads an archive by the format's definition.
    fn entries(mut archive: &[u8]) -> Vec<Entry> {
        let mut list = Vec::new();
        while !archive.is_empty() {
            assert_eq!(archive.get(..6), Some(&b"070701"[..]));
            let field = |index: usize| {
                let digits = &archive[6 + index * 8..][..8];
                u32::from_str_radix(std::str::from_utf8(digits).expect("digits"), 16).expect("a number")
            };
            let (name_length, length) = (field(11) as usize, field(6) as usize);
            let name = String::from_utf8(archive[110..][..name_length - 1].to_vec()).expect("a name");
            assert_eq!(archive[110 + name_length - 1], 0);
            let data = (110 + name_length).next_multiple_of(4);
            list.push((name, field(1), (field(9), field(10)), archive[data..][..length].to_vec()));
            archive = &archive[(data + length).next_multiple_of(4)..];
        }
        list
    }

    #[test]
    fn what_is_put_in_comes_out() {
        let mut archive = Initramfs::default();
        archive.folder("dev");
        archive.device("dev/console", 5, 1);
        for length in 0..5 {
            archive.file(&"name"[..4 - length.min(3)], &vec![b'x'; length]);
        }
        let list = entries(&archive.finish());
        assert_eq!(list.len(), 8);
        assert_eq!(list[0], ("dev".into(), FOLDER, (0, 0), vec![]));
        assert_eq!(list[1], ("dev/console".into(), CHARACTER_DEVICE, (5, 1), vec![]));
        assert_eq!(list[2], ("name".into(), PROGRAM, (0, 0), vec![]));
        assert_eq!(list[5], ("n".into(), PROGRAM, (0, 0), b"xxx".to_vec()));
        assert_eq!(list[6].3.len(), 4);
        assert_eq!(list[7].0, "TRAILER!!!");
    }
}
