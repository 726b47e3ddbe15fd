//! Live cells, their symbols and their swap.
#![no_std]
