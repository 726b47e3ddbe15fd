//! Ctrl-C and its kin: we note them and end the guest ourselves, so that no QEMU is left behind.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether someone wants us to stop.
#[derive(Clone, Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// From now on, the signals that ask a program to end are noted instead.
    pub fn install() -> io::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag))?;
        }
        Ok(Self(flag))
    }

    /// Leaves the signals their usual effect: they end this program, and the system ends the guest with it.
    pub fn never() -> Self {
        Self(Arc::default())
    }

    /// Whether such a signal has come. (Relaxed: nothing else is published with it.)
    pub fn wanted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
