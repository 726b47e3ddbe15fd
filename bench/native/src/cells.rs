//! Every cell of this project, as `cargo keel build` leaves it, and linking it as the kernel does.

use std::io;
use std::path::{Path, PathBuf};

use elf::ElfBytes;
use elf::abi::{SHF_ALLOC, SHT_RELA};
use elf::endian::LittleEndian;
use object_linker::{Bases, Images, LinkError, LinkPlan, Part, verify_seal};

/// Where cells go in a kernel.
const BASE: u64 = 0xffff_ffff_a000_0000;
/// Where the base image is, whose symbols they import.
const IMPORTS: u64 = 0xffff_ffff_8020_0000;

/// Why there are no cells to link.
#[derive(Debug, thiserror::Error)]
pub enum CellsError {
    /// They have not been built.
    #[error("no cells in {0}; build them with `cargo keel build`")]
    NotBuilt(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A cell does not link.
    #[error("{name} does not link: {message}; build it anew with `cargo keel build`")]
    Refused {
        /// The cell's file.
        name: String,
        /// What the linker says.
        message: String,
    },
}

/// A cell's object and memory for its parts.
pub struct Cell {
    name: String,
    object: Vec<u8>,
    relocations: u64,
    imports: Vec<u64>,
    bases: Bases,
    text: Vec<u8>,
    rodata: Vec<u8>,
    data: Vec<u8>,
}

/// All cells.
pub struct Cells(Vec<Cell>);

impl Cell {
    /// Reads the object's needs and links it once, with every result checked.
    fn new(name: String, object: Vec<u8>) -> Result<Self, CellsError> {
        let refused = |message: String| CellsError::Refused { name: name.clone(), message };
        verify_seal(&object).map_err(|error| refused(error.to_string()))?;
        let plan = object_linker::plan(&object).map_err(|error| refused(error.to_string()))?;
        let layout = plan.layout();
        let memory = |bytes: u64| vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        let page = |bytes: u64| bytes.next_multiple_of(4096);
        let rodata = BASE + page(layout.text);
        let bases = Bases { text: BASE, rodata, data: rodata + page(layout.rodata) };
        let mut cell = Self {
            relocations: relocations(&object).map_err(|error| refused(error.to_string()))?,
            imports: (0..plan.imports().len() as u64).map(|index| IMPORTS + index * 64).collect(),
            bases,
            text: memory(layout.text),
            rodata: memory(layout.rodata),
            data: memory(layout.data),
            object: Vec::new(),
            name: name.clone(),
        };
        cell.link(&plan).map_err(|error| refused(error.to_string()))?;
        cell.check(&plan);
        cell.object = object;
        Ok(cell)
    }

    fn link(&mut self, plan: &LinkPlan<'_>) -> Result<(), LinkError> {
        let images = Images { text: &mut self.text, rodata: &mut self.rodata, data: &mut self.data };
        plan.link(self.bases, &self.imports, images)
    }

    /// Every word through which the cell reaches another must hold what it was given.
    fn check(&self, plan: &LinkPlan<'_>) {
        for site in plan.sites() {
            let start = site.offset as usize;
            let word = self.data.get(start..start + 8).and_then(|bytes| bytes.try_into().ok());
            let wanted = self.imports[site.import].wrapping_add(site.addend.cast_unsigned());
            assert_eq!(word.map(u64::from_le_bytes), Some(wanted), "{}: a site at {start:#x}", self.name);
        }
        let text = plan.exports().filter(|symbol| symbol.part == Part::Text).count();
        assert!(
            text == 0 || self.text.iter().any(|&byte| byte != 0),
            "{}: its code was not copied",
            self.name
        );
    }
}

/// Relocations of sections that are loaded.
fn relocations(object: &[u8]) -> Result<u64, elf::ParseError> {
    let file = ElfBytes::<LittleEndian>::minimal_parse(object)?;
    let Some(headers) = file.section_headers() else { return Ok(0) };
    let mut sum = 0;
    for table in headers.iter().filter(|header| header.sh_type == SHT_RELA) {
        if headers.get(table.sh_info as usize)?.sh_flags & u64::from(SHF_ALLOC) != 0 {
            sum += file.section_data_as_relas(&table)?.count() as u64;
        }
    }
    Ok(sum)
}

impl Cells {
    /// Where `cargo keel build` leaves them, for a build in the same target folder as this program.
    #[must_use]
    pub fn folder(target_tmp: &Path) -> PathBuf {
        target_tmp.parent().unwrap_or(target_tmp).join("keel").join("cells")
    }

    /// All of `folder`, by name.
    ///
    /// # Errors
    /// [`CellsError`].
    pub fn read(folder: &Path) -> Result<Self, CellsError> {
        let fail = |path: &Path| {
            let path = path.to_owned();
            |source| CellsError::Read { path, source }
        };
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>().map_err(fail(folder))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(fail(folder)(error)),
        };
        let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "cell"));
        paths.sort();
        if paths.is_empty() {
            return Err(CellsError::NotBuilt(folder.to_owned()));
        }
        let cells = paths.into_iter().map(|path| {
            let object = std::fs::read(&path).map_err(fail(&path))?;
            Cell::new(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), object)
        });
        cells.collect::<Result<_, _>>().map(Self)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes of all objects together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.iter().map(|cell| cell.object.len() as u64).sum()
    }

    /// Relocations of all loaded sections together.
    #[must_use]
    pub fn relocations(&self) -> u64 {
        self.0.iter().map(|cell| cell.relocations).sum()
    }

    /// Checks all seals: reads every byte once. Returns how many were right.
    #[must_use]
    pub fn seals(&self) -> usize {
        self.0.iter().filter(|cell| verify_seal(&cell.object).is_ok()).count()
    }

    /// Plans all cells; what checks a cell that may be hostile. Returns how many can be linked.
    #[must_use]
    pub fn plan(&self) -> usize {
        self.0.iter().filter(|cell| object_linker::plan(&cell.object).is_ok()).count()
    }

    /// Checks the seals of all cells, plans and links them. Returns how many that worked for.
    #[must_use]
    pub fn whole(&mut self) -> usize {
        let mut linked = 0;
        for cell in &mut self.0 {
            let object = std::mem::take(&mut cell.object);
            let plan = verify_seal(&object).ok().and_then(|_| object_linker::plan(&object).ok());
            linked += usize::from(plan.is_some_and(|plan| cell.link(&plan).is_ok()));
            cell.object = object;
        }
        linked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_there_are_none_it_says_how_to_build_them() {
        let error = Cells::read(Path::new("/nowhere/keel/cells")).err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("/nowhere/keel/cells") && text.contains("cargo keel build")));
        assert_eq!(Cells::folder(Path::new("/a/target/tmp")), Path::new("/a/target/keel/cells"));
    }

    #[test]
    fn a_folder_without_cells_is_one_where_nothing_was_built() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("x.o"), "no cell")?;
        assert!(matches!(Cells::read(folder.path()), Err(CellsError::NotBuilt(_))));
        assert!(matches!(Cells::read(&folder.path().join("x.o")), Err(CellsError::Read { .. })));
        Ok(())
    }

    #[test]
    fn what_is_no_cell_is_refused_by_name() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("x.cell"), "hello")?;
        let error = Cells::read(folder.path()).err();
        assert!(matches!(error, Some(CellsError::Refused { .. })));
        assert!(error.is_some_and(|error| error.to_string().starts_with("x.cell does not link: ")));
        Ok(())
    }
}
