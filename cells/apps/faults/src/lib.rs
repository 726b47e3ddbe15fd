//! Console commands that make a task fail on purpose.
#![no_std]
