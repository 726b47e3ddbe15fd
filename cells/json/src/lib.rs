//! Writes JSON (RFC 8259) objects on one line, straight to the console.
//!
//! Commands print figures and names, never read them; a writer of a page does that without putting a
//! serialization framework's generic code into every cell. Nesting is by closures, so brackets always match.
//!
//! ```
//! let mut out = String::new();
//! json::object(&mut out, |o| {
//!     o.field("n", 3u64)?.field("name", "a\"b")?.list("cores", [0u64, 1].into_iter(), |core, w| w.value(core))?;
//!     Ok(())
//! })
//! .unwrap();
//! assert_eq!(out, "{\"n\":3,\"name\":\"a\\\"b\",\"cores\":[0,1]}\n");
//! ```
#![no_std]
#![forbid(unsafe_code)]

use core::fmt::{self, Write};

/// A value without parts.
#[derive(Clone, Copy, Debug)]
pub enum Scalar<'a> {
    /// A whole number.
    Number(u64),
    /// True or false.
    Bool(bool),
    /// A string, not yet escaped.
    Text(&'a str),
    /// `null`.
    Null,
}

macro_rules! scalar_from {
    ($($kind:ty),*) => { $(
        impl From<$kind> for Scalar<'_> {
            fn from(value: $kind) -> Self {
                Self::Number(value as u64)
            }
        }
    )* };
}
scalar_from!(u8, u32, u64, usize);

impl From<bool> for Scalar<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<'a> From<&'a str> for Scalar<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a, T: Into<Scalar<'a>>> From<Option<T>> for Scalar<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Writes one value, and nothing else, to where it belongs.
pub struct ValueWriter<'w>(&'w mut dyn Write);

/// Writes the members of an object.
pub struct Object<'w> {
    out: &'w mut dyn Write,
    first: bool,
}

/// Writes an object and a line end.
///
/// # Errors
/// The writer's.
pub fn object(out: &mut dyn Write, members: impl FnOnce(&mut Object<'_>) -> fmt::Result) -> fmt::Result {
    ValueWriter(out).object(members)?;
    out.write_char('\n')
}

impl ValueWriter<'_> {
    /// A value without parts.
    ///
    /// # Errors
    /// The writer's, here and below.
    pub fn value<'a>(self, value: impl Into<Scalar<'a>>) -> fmt::Result {
        match value.into() {
            Scalar::Number(number) => write!(self.0, "{number}"),
            Scalar::Bool(value) => write!(self.0, "{value}"),
            Scalar::Text(text) => write_string(self.0, text),
            Scalar::Null => self.0.write_str("null"),
        }
    }

    /// An object.
    ///
    /// # Errors
    /// The writer's.
    pub fn object(self, members: impl FnOnce(&mut Object<'_>) -> fmt::Result) -> fmt::Result {
        self.0.write_char('{')?;
        members(&mut Object { out: &mut *self.0, first: true })?;
        self.0.write_char('}')
    }
}

impl Object<'_> {
    fn name(&mut self, name: &str) -> fmt::Result {
        if !core::mem::take(&mut self.first) {
            self.out.write_char(',')?;
        }
        write_string(self.out, name)?;
        self.out.write_char(':')
    }

    /// A member without parts.
    ///
    /// # Errors
    /// The writer's, here and below.
    pub fn field<'a>(&mut self, name: &str, value: impl Into<Scalar<'a>>) -> Result<&mut Self, fmt::Error> {
        self.name(name)?;
        ValueWriter(self.out).value(value)?;
        Ok(self)
    }

    /// A member that is an object.
    ///
    /// # Errors
    /// The writer's.
    pub fn object(
        &mut self,
        name: &str,
        members: impl FnOnce(&mut Object<'_>) -> fmt::Result,
    ) -> Result<&mut Self, fmt::Error> {
        self.name(name)?;
        ValueWriter(self.out).object(members)?;
        Ok(self)
    }

    /// A member that is a list; `element` writes each of `items`.
    ///
    /// # Errors
    /// The writer's.
    pub fn list<T>(
        &mut self,
        name: &str,
        items: impl Iterator<Item = T>,
        mut element: impl FnMut(T, ValueWriter<'_>) -> fmt::Result,
    ) -> Result<&mut Self, fmt::Error> {
        self.name(name)?;
        self.out.write_char('[')?;
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.write_char(',')?;
            }
            element(item, ValueWriter(self.out))?;
        }
        self.out.write_char(']')?;
        Ok(self)
    }
}

fn write_string(out: &mut dyn Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => out.write_str("\\\"")?,
            '\\' => out.write_str("\\\\")?,
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c))?,
            c => out.write_char(c)?,
        }
    }
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::String;

    #[test]
    fn nesting_commas_and_escapes() {
        let mut out = String::new();
        object(&mut out, |o| {
            o.field("text", "tab\there \"q\" \\ é")?.field("none", None::<u64>)?.field("yes", true)?;
            o.list("items", [(1u64, "a"), (2, "b")].into_iter(), |(id, name), w| {
                w.object(|o| o.field("id", id)?.field("name", name).map(drop))
            })?;
            o.list("empty", [0u64; 0].into_iter(), |v, w| w.value(v))?.object("inner", |_| Ok(()))?;
            Ok(())
        })
        .unwrap();
        assert_eq!(
            out,
            "{\"text\":\"tab\\u0009here \\\"q\\\" \\\\ é\",\"none\":null,\"yes\":true,\
             \"items\":[{\"id\":1,\"name\":\"a\"},{\"id\":2,\"name\":\"b\"}],\"empty\":[],\"inner\":{}}\n"
        );
    }
}
