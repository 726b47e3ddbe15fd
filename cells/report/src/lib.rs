//! Tables and figures as a person reads them, so that every command prints them alike.
//!
//! A program reads `--json` (crate `json`) instead.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod spread;
mod table;
mod units;

pub use spread::Spread;
pub use table::{Column, Table, left, right};
pub use units::{Bytes, Nanoseconds, plural};
