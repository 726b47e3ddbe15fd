//! Writing to COM1.

use arrayvec::ArrayString;
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

/// Bytes of formatted text that come out in one piece.
const PIECE: usize = 512;

/// Collects text, so that it is formatted outside of the lock: a `Display` may print or panic itself.
struct Pieces(ArrayString<PIECE>);

impl Pieces {
    fn flush(&mut self) {
        self::write_str(&self.0);
        self.0.clear();
    }
}

impl Write for Pieces {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for line in text.split_inclusive('\n') {
            if self.0.try_push_str(line).is_err() {
                self.flush();
                if self.0.try_push_str(line).is_err() {
                    self::write_str(line);
                }
            }
            // Rather a piece too many than a line in two.
            if line.ends_with('\n') && self.0.len() > PIECE / 2 {
                self.flush();
            }
        }
        Ok(())
    }
}

/// Prints formatted text. A line of up to 256 bytes comes out whole, and so does a text of several that is not longer.
pub fn print(text: fmt::Arguments<'_>) {
    let mut pieces = Pieces(ArrayString::new());
    // `Pieces` never fails; of a `Display` that does, what there is is printed.
    let _ = pieces.write_fmt(text);
    pieces.flush();
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
