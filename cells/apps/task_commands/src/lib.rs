//! Console commands about tasks.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod ledger;
#[cfg(test)]
mod ledger_tests;
mod request;
mod script;
