//! The ways to fail, and what the joiner must be told of each.

use crate::trigger;
use core::fmt;
use scheduler::Death;
use unwind::FaultKind;

/// A way to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A panic.
    Panic,
    /// A read of an address that is not mapped.
    Page,
    /// A division by zero that the compiler does not see.
    Divide,
    /// An instruction that does not exist.
    InvalidOpcode,
    /// A read of an address that is not canonical.
    GeneralProtection,
    /// A recursion without end.
    Stack,
    /// A write to the cell's own code.
    Text,
    /// A call of an address where the cell's data are.
    Exec,
}

impl Kind {
    /// The names by which people choose, in the order of [`Kind::ALL`].
    pub const NAMES: [&'static str; 8] = ["panic", "page", "divide", "ud", "gp", "stack", "text", "exec"];
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Panic,
        Self::Page,
        Self::Divide,
        Self::InvalidOpcode,
        Self::GeneralProtection,
        Self::Stack,
        Self::Text,
        Self::Exec,
    ];

    /// The name by which people choose it.
    pub const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// What makes a task fail so.
    pub const fn trigger(self) -> fn() {
        match self {
            Self::Panic => trigger::panic,
            Self::Page => trigger::page,
            Self::Divide => trigger::divide,
            Self::InvalidOpcode => trigger::invalid_opcode,
            Self::GeneralProtection => trigger::general_protection,
            Self::Stack => trigger::stack,
            Self::Text => trigger::text,
            Self::Exec => trigger::exec,
        }
    }

    /// The exception behind it; a panic has none.
    const fn exception(self) -> Option<FaultKind> {
        match self {
            Self::Panic => None,
            Self::Page | Self::Text | Self::Exec => Some(FaultKind::Page),
            Self::Divide => Some(FaultKind::DivideError),
            Self::InvalidOpcode => Some(FaultKind::InvalidOpcode),
            Self::GeneralProtection => Some(FaultKind::GeneralProtection),
            Self::Stack => Some(FaultKind::StackOverflow),
        }
    }

    /// The address that must be named; `None` where any will do, or none is.
    fn address(self) -> Option<usize> {
        match self {
            Self::Page => Some(trigger::UNMAPPED),
            Self::Text => Some(trigger::own_text()),
            Self::Exec => Some(trigger::own_data()),
            _ => None,
        }
    }

    /// Whether `death` is what this kind of failure must be reported as.
    pub fn explains(self, death: &Death) -> bool {
        match (self.exception(), death) {
            (None, Death::Panicked(message)) => message.contains(trigger::MESSAGE),
            // The scheduler hands on the text of `unwind::Fault`: the exception, the instruction, the address.
            (Some(exception), Death::Fault(text)) => {
                let named = |address| text.ends_with(&alloc::format!(", address {address:#x}"));
                text.starts_with(&alloc::format!("{exception} at ")) && self.address().is_none_or(named)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Kind {
    /// What the joiner must be told, in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.exception() {
            None => f.write_str("panic"),
            Some(exception) => exception.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;
    use unwind::{Cause, Fault};

    #[test]
    fn names_and_kinds_are_in_one_order() {
        for kind in Kind::ALL {
            assert_eq!(Kind::ALL[kind as usize], kind);
        }
        assert_eq!(Kind::InvalidOpcode.name(), "ud");
    }

    #[test]
    fn each_kind_explains_its_own_death_alone() {
        let fault = |kind, address| Death::from(Cause::Fault(Fault { kind, ip: 1, address }));
        let deaths = [
            Death::Panicked(trigger::MESSAGE.to_string()),
            fault(FaultKind::Page, Some(trigger::UNMAPPED)),
            fault(FaultKind::DivideError, None),
            fault(FaultKind::InvalidOpcode, None),
            fault(FaultKind::GeneralProtection, None),
            fault(FaultKind::StackOverflow, Some(7)),
            fault(FaultKind::Page, Some(trigger::own_text())),
            fault(FaultKind::Page, Some(trigger::own_data())),
        ];
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            for (other, death) in deaths.iter().enumerate() {
                assert_eq!(kind.explains(death), index == other, "{kind:?} {death:?}");
            }
            assert!(!kind.explains(&Death::Killed));
        }
        assert!(!Kind::Page.explains(&fault(FaultKind::Page, Some(1))));
        assert!(!Kind::Panic.explains(&Death::Panicked("another".to_string())));
    }
}
