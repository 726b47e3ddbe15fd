//! The base image.
#![no_std]
