//! A list of cores, as `--cores` takes it: `0,2-4`.

use alloc::string::String;
use core::fmt;
use core_local::{CoreId, CoreSet};

/// What is wrong with a list of cores. `Display` is one line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum CoresError {
    /// Neither a number nor a range.
    NotANumber(String),
    /// From high to low.
    Backwards(String),
    /// No such core is online.
    Offline(u32),
}

impl fmt::Display for CoresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber(part) => {
                write!(f, "--cores wants numbers and ranges such as `0,2-4`, not `{part}`")
            }
            Self::Backwards(part) => write!(f, "--cores: the range `{part}` runs backwards"),
            Self::Offline(core) => {
                write!(f, "--cores: core {core} is not online; `cores` lists those that are")
            }
        }
    }
}

/// Reads a list, all of whose cores must be among `online`.
///
/// # Errors
/// The first part of the list that is wrong.
pub(crate) fn parse(list: &str, online: CoreSet) -> Result<CoreSet, CoresError> {
    let mut cores = CoreSet::default();
    for part in list.split(',') {
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| CoresError::NotANumber(part.into()));
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(part)?, number(part)?),
        };
        if first > last {
            return Err(CoresError::Backwards(part.into()));
        }
        for core in first..=last {
            // Ends at the first core that there is not, so a huge range does no harm.
            let id = CoreId::new(core).filter(|id| online.contains(*id)).ok_or(CoresError::Offline(core))?;
            cores.insert(id);
        }
    }
    Ok(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONLINE: CoreSet = CoreSet::from_bits(0b1111_0111);

    #[test]
    fn numbers_and_ranges() {
        let bits = |list| parse(list, ONLINE).map(CoreSet::bits);
        assert_eq!(bits("0"), Ok(0b1));
        assert_eq!(bits("0,4-6, 2"), Ok(0b0111_0101));
        assert_eq!(bits("7-7,7"), Ok(0b1000_0000));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (list, error) in [
            ("3", CoresError::Offline(3)),
            ("1-4", CoresError::Offline(3)),
            ("5-4294967295", CoresError::Offline(8)),
            ("4-2", CoresError::Backwards("4-2".into())),
            ("1,x", CoresError::NotANumber("x".into())),
            ("", CoresError::NotANumber("".into())),
            ("-1", CoresError::NotANumber("-1".into())),
        ] {
            assert_eq!(parse(list, ONLINE), Err(error), "{list}");
        }
    }
}
