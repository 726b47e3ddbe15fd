//! First come, first served, with a time slice.
#![no_std]
