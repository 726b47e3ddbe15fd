//! Finds the files of `src/operations`: each is a module with a `BENCHES`, so that a new benchmark is a new file and
//! nothing else.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("src/operations");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    let text = modules(&files).ok_or("a file in src/operations has a name that is no identifier")?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("operations.rs"), text)?;
    Ok(())
}

/// A module for each file, and the list of what they offer.
fn modules(files: &[PathBuf]) -> Option<String> {
    let mut modules = String::new();
    let mut list = String::from("const GROUPS: &[&[cell_api::Bench]] = &[\n");
    for file in files {
        let name = file.file_stem()?.to_str()?;
        let path = file.to_str()?;
        write!(modules, "#[path = {path:?}]\nmod {name};\n").ok()?;
        writeln!(list, "    {name}::BENCHES,").ok()?;
    }
    Some(modules + &list + "];\n")
}
