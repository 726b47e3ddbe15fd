//! In preparation.
#![no_std]
