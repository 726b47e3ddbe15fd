//! How large each crate is, and how much of it the compiler cannot check.
//!
//! Lines are those that hold code: neither blank nor comment alone. Unsafe code is counted on the syntax tree, so that words in
//! comments, strings and macros' names do not count: blocks, and items that are declared unsafe (functions, traits, implementations,
//! methods), not counting those in `extern` blocks. Tests are left out: files called `tests.rs`, `model.rs` or `models.rs`, folders
//! called `tests`, and items behind `#[cfg(test)]`.

use crate::workspace::{Role, Workspace};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// What is counted of one crate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Size {
    /// Lines with code.
    pub lines: usize,
    /// `unsafe { … }`.
    pub blocks: usize,
    /// Functions, methods, traits and implementations declared unsafe.
    pub items: usize,
}

/// Why a crate cannot be counted.
#[derive(Debug, thiserror::Error)]
pub enum CountError {
    /// A file cannot be read.
    #[error("cannot read {0}: {1}")]
    Io(PathBuf, std::io::Error),
    /// A file is no Rust.
    #[error("cannot parse {0}: {1}")]
    Syntax(PathBuf, syn::Error),
}

#[derive(Default)]
struct Counter(Size);

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|argument| argument == "test")
    })
}

impl<'ast> Visit<'ast> for Counter {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.0.blocks += 1;
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.0.items += usize::from(signature.unsafety.is_some());
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.0.items += usize::from(item.unsafety.is_some());
        visit::visit_item_impl(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.0.items += usize::from(item.unsafety.is_some());
        visit::visit_item_trait(self, item);
    }

    // What is declared in there is defined elsewhere.
    fn visit_item_foreign_mod(&mut self, _: &'ast syn::ItemForeignMod) {}
}

/// Counts one file's text.
fn count_text(text: &str) -> Result<Size, syn::Error> {
    let mut counter = Counter::default();
    counter.visit_file(&syn::parse_file(text)?);
    // An inline test module comes last in its file, by this workspace's convention.
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//");
    counter.0.lines = code.lines().map(str::trim).filter(is_code).count();
    Ok(counter.0)
}

fn count_folder(folder: &Path, size: &mut Size) -> Result<(), CountError> {
    let io = |error| CountError::Io(folder.to_owned(), error);
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        if matches!(&*stem, "tests" | "model" | "models") {
            continue;
        }
        if path.is_dir() {
            count_folder(&path, size)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).map_err(|error| CountError::Io(path.clone(), error))?;
            let file = count_text(&text).map_err(|error| CountError::Syntax(path.clone(), error))?;
            size.lines += file.lines;
            size.blocks += file.blocks;
            size.items += file.items;
        }
    }
    Ok(())
}

/// Counts each crate of the workspace and prints a table.
///
/// # Errors
/// [`CountError`].
pub fn print(workspace: &Workspace) -> Result<(), CountError> {
    let mut kernel = Size::default();
    println!("{:<18} {:>6} {:>7} {:>6}  (unsafe)", "crate", "lines", "blocks", "items");
    for package in &workspace.packages {
        let Some(folder) = package.root_file.parent() else { continue };
        let mut size = Size::default();
        count_folder(folder, &mut size)?;
        println!("{:<18} {:>6} {:>7} {:>6}", package.name, size.lines, size.blocks, size.items);
        if package.role != Role::Host {
            kernel.lines += size.lines;
            kernel.blocks += size.blocks;
            kernel.items += size.items;
        }
    }
    println!("{:<18} {:>6} {:>7} {:>6}", "the kernel", kernel.lines, kernel.blocks, kernel.items);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_not_code_do_not_count() -> Result<(), syn::Error> {
        let text = r#"
//! unsafe { }

// unsafe fn
unsafe fn a() {}
fn b() { let _ = "unsafe { }"; unsafe { a() } }
unsafe extern "C" { fn c(); static D: u8; }
unsafe impl Send for X {}

#[cfg(test)]
mod tests {
    fn t() { unsafe { super::a() } }
}
"#;
        assert_eq!(count_text(text)?, Size { lines: 4, blocks: 1, items: 2 });
        Ok(())
    }
}
