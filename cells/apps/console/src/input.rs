//! Keys from the serial line, waited for without spinning.

use alloc::collections::VecDeque;
use irq_lock::IrqLock;
use scheduler::TaskRef;

/// The task to be woken when a byte arrives.
static READER: IrqLock<Option<TaskRef>> = IrqLock::new("console reader", None);

/// So many bytes that are typed while a command runs are kept.
const AHEAD: usize = 1024;
/// Ctrl-C.
const INTERRUPT: u8 = 0x03;

/// Runs in the serial port's interrupt: waking takes no lock and allocates nothing.
fn arrived() {
    if let Some(reader) = &*READER.lock() {
        reader.unpark();
    }
}

/// The console's input.
#[derive(Debug, Default)]
pub struct Input {
    ahead: VecDeque<u8>,
}

impl Input {
    /// Makes the calling task the reader.
    pub fn open() -> Self {
        *READER.lock() = Some(scheduler::current());
        serial::set_input_hook(arrived);
        Self::default()
    }

    /// The next byte; waits for it.
    pub fn next(&mut self) -> u8 {
        loop {
            // A byte that arrives after this look leaves a wake-up behind, so `park` returns at once.
            if let Some(byte) = self.ahead.pop_front().or_else(serial::read_byte) {
                return byte;
            }
            scheduler::park();
        }
    }

    /// Looks at what has arrived, without waiting: says whether Ctrl-C is in it, and keeps the rest for later.
    pub fn interrupted(&mut self) -> bool {
        let mut interrupted = false;
        while let Some(byte) = serial::read_byte() {
            if byte == INTERRUPT {
                self.ahead.clear();
                interrupted = true;
            } else if self.ahead.len() < AHEAD {
                self.ahead.push_back(byte);
            }
        }
        interrupted
    }
}
