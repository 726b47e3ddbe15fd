//! Would the kernel load what we built? Asked here, of the kernel's own object linker, so that the answer does not
//! have to wait for a boot: each cell must parse, and each name that it imports must be exported by the base or by another cell.

use std::collections::BTreeSet;
use symbol_map::{CELL_SUFFIX, MAP_FILE, SymbolMap};

/// Why the kernel would refuse a cell.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The map is not readable.
    #[error("{MAP_FILE}: {0}")]
    Map(String),
    /// The object is not what the loader takes.
    #[error("{file}: the kernel would refuse it: {message}")]
    Object {
        /// The cell's file.
        file: String,
        /// What the loader says.
        message: String,
    },
    /// Nobody defines what it uses.
    #[error("{file} imports what neither the base nor a cell exports: {}", .names.join(", "))]
    Imports {
        /// The cell's file.
        file: String,
        /// The mangled names.
        names: Vec<String>,
    },
}

/// Checks the content of the archive, as (name, content).
pub fn cells(files: &[(String, Vec<u8>)]) -> Result<(), CheckError> {
    let (mut map, mut plans) = (None, Vec::new());
    for (name, content) in files {
        if name == MAP_FILE {
            map = Some(SymbolMap::parse(content).map_err(|error| CheckError::Map(error.to_string()))?);
        } else if name.ends_with(CELL_SUFFIX) {
            let refused = |message: String| CheckError::Object { file: name.clone(), message };
            object_linker::verify_seal(content).map_err(|error| refused(error.to_string()))?;
            let plan = object_linker::plan(content).map_err(|error| refused(error.to_string()))?;
            plans.push((name, plan));
        }
    }
    let map = map.ok_or_else(|| CheckError::Map("it is missing".to_owned()))?;
    let exported: BTreeSet<&str> =
        plans.iter().flat_map(|(_, plan)| plan.exports().map(|symbol| symbol.name)).collect();
    for (file, plan) in &plans {
        let missing = |name: &&str| map.find(name).is_none() && !exported.contains(name);
        let names: Vec<String> =
            plan.imports().iter().map(|import| import.name).filter(missing).map(str::to_owned).collect();
        if !names.is_empty() {
            return Err(CheckError::Imports { file: (*file).clone(), names });
        }
    }
    Ok(())
}
