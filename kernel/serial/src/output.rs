//! Writing to COM1.

use core::fmt::{self, Write};
use irq_lock::IrqLock;
use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::IER;
use uart_16550::{BaudRate, Config, Uart16550};
use x86_64::instructions::port::Port;

/// The first serial port of a PC.
pub const COM1: u16 = 0x3f8;

/// The port, once a UART has answered there. A machine without one runs mute.
pub(crate) struct Com1(pub(crate) Option<Uart16550<PioBackend>>);

pub(crate) static PORT: IrqLock<Com1> = IrqLock::new("serial port", Com1(None));

impl Write for Com1 {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some(uart) = &mut self.0 else { return Ok(()) };
        for line in text.split_inclusive('\n') {
            match line.strip_suffix('\n') {
                Some(line) => {
                    uart.send_bytes_exact(line.as_bytes());
                    uart.send_bytes_exact(b"\r\n");
                }
                None => uart.send_bytes_exact(line.as_bytes()),
            }
        }
        Ok(())
    }
}

/// Sets COM1 to 115,200 baud, 8N1, if it exists. Says whether it does.
pub fn init() -> bool {
    // SAFETY: COM1's ports belong to this crate alone.
    let Ok(mut uart) = (unsafe { Uart16550::new_port(COM1) }) else { return false };
    let config = Config { baud_rate: BaudRate::Baud115200, interrupts: IER::DATA_READY, ..Config::default() };
    if uart.init(config).is_err() {
        return false;
    }
    PORT.lock().0 = Some(uart);
    true
}

/// Writes formatted text in one piece.
pub fn print(text: fmt::Arguments<'_>) {
    // `Com1` never fails; a `Display` that does has printed what it could.
    let _ = PORT.lock().write_fmt(text);
}

/// Writes text in one piece.
pub fn write_str(text: &str) {
    let _ = PORT.lock().write_str(text);
}

/// Writes without the lock and without the driver: for a kernel that is about to stop, whose lock may be
/// held by the very code that panicked. Lines of other cores may come out in between.
pub fn emergency(text: fmt::Arguments<'_>) {
    struct Raw;
    impl Write for Raw {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            let (mut data, mut status) = (Port::<u8>::new(COM1), Port::<u8>::new(COM1 + 5));
            for byte in text.bytes() {
                for byte in [b'\r', byte].into_iter().skip(usize::from(byte != b'\n')) {
                    // SAFETY: line status and data register of COM1: reading and sending a byte change nothing else. The
                    // wait is bounded, for a port that is not there reads as all ones.
                    unsafe {
                        let mut tries = 100_000;
                        while status.read() & 0x20 == 0 && tries > 0 {
                            tries -= 1;
                        }
                        data.write(byte);
                    }
                }
            }
            Ok(())
        }
    }
    let _ = Raw.write_fmt(text);
}
