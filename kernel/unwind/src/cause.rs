//! Why a task ended other than by returning.

use alloc::string::String;
use core::fmt;

/// What went wrong in the CPU, reduced to what a person acts on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultKind {
    /// `#PF`: an address that is not mapped, or not for this kind of access.
    Page,
    /// `#PF` in the guard below the task's stack.
    StackOverflow,
    /// `#DE`: division by zero, or a quotient that does not fit.
    DivideError,
    /// `#UD`: an instruction that does not exist.
    InvalidOpcode,
    /// `#GP`: a non-canonical address, or a privileged operation with bad operands.
    GeneralProtection,
    /// Any other exception, by its vector.
    Other(u8),
}

/// One CPU exception (SDM vol. 3, chapter 6).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Which exception.
    pub kind: FaultKind,
    /// Address of the instruction that faulted.
    pub ip: usize,
    /// The address that was accessed (CR2), for the two kinds of page fault.
    pub address: Option<usize>,
}

/// Why a task ended other than by returning.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// It panicked, with this message and place.
    Panic(String),
    /// It caused a CPU exception.
    Fault(Fault),
    /// Somebody killed it.
    Killed,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page => f.write_str("page fault"),
            Self::StackOverflow => f.write_str("stack overflow"),
            Self::DivideError => f.write_str("divide error"),
            Self::InvalidOpcode => f.write_str("invalid opcode"),
            Self::GeneralProtection => f.write_str("general protection fault"),
            Self::Other(vector) => write!(f, "exception {vector}"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:#x}", self.kind, self.ip)?;
        match self.address {
            Some(address) => write!(f, ", address {address:#x}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panic(message) => write!(f, "panicked: {message}"),
            Self::Fault(fault) => write!(f, "{fault}"),
            Self::Killed => f.write_str("killed"),
        }
    }
}
