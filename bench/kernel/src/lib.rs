//! In-kernel microbenchmarks.
#![no_std]
