//! The ways to fail, and what the joiner must be told of each.

use crate::trigger;
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
}

impl Kind {
    /// The names by which people choose, in the order of [`Kind::ALL`].
    pub const NAMES: [&'static str; 6] = ["panic", "page", "divide", "ud", "gp", "stack"];
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Panic, Self::Page, Self::Divide, Self::InvalidOpcode, Self::GeneralProtection, Self::Stack];

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
        }
    }

    /// What the joiner must be told, in words.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Page => "page fault",
            Self::Divide => "divide error",
            Self::InvalidOpcode => "invalid opcode",
            Self::GeneralProtection => "general protection fault",
            Self::Stack => "stack overflow",
        }
    }

    /// Whether `death` is what this kind of failure must be reported as.
    pub fn explains(self, death: &Death) -> bool {
        let fault = match death {
            Death::Panicked(message) => return self == Self::Panic && message.contains(trigger::MESSAGE),
            Death::Fault(fault) => fault,
            _ => return false,
        };
        match self {
            Self::Panic => false,
            Self::Page => fault.kind == FaultKind::Page && fault.address == Some(trigger::UNMAPPED),
            Self::Divide => fault.kind == FaultKind::DivideError,
            Self::InvalidOpcode => fault.kind == FaultKind::InvalidOpcode,
            Self::GeneralProtection => fault.kind == FaultKind::GeneralProtection,
            Self::Stack => fault.kind == FaultKind::StackOverflow,
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::string::ToString;
    use unwind::Fault;

    #[test]
    fn names_and_kinds_are_in_one_order() {
        for kind in Kind::ALL {
            assert_eq!(Kind::ALL[kind as usize], kind);
        }
        assert_eq!(Kind::InvalidOpcode.name(), "ud");
    }

    #[test]
    fn each_kind_explains_its_own_death_alone() {
        let fault = |kind, address| Death::Fault(Fault { kind, ip: 1, address });
        let deaths = [
            Death::Panicked(trigger::MESSAGE.to_string()),
            fault(FaultKind::Page, Some(trigger::UNMAPPED)),
            fault(FaultKind::DivideError, None),
            fault(FaultKind::InvalidOpcode, None),
            fault(FaultKind::GeneralProtection, None),
            fault(FaultKind::StackOverflow, Some(7)),
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
