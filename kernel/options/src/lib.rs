//! The kernel's command line: `smp=4 policy=priority log=debug exit=debug run="cores; mem"`.
//!
//! Words are separated by white space; a value may be quoted, and then holds anything but a quote. A wrong
//! word never stops the boot: it is kept as a [`Problem`], which the console prints, and the default holds.
#![no_std]
#![forbid(unsafe_code)]

use arrayvec::ArrayVec;
use core::fmt;
use log::LevelFilter;
use spin::Once;

/// How `poweroff` ends the machine.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Exit {
    /// Through the chipset, or by halting for ever.
    #[default]
    Machine,
    /// Through QEMU's `isa-debug-exit` device at port 0xf4, with a status for the host.
    Debug,
}

/// Which local APIC mode to use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ApicMode {
    /// x2APIC where the CPU has it.
    #[default]
    Best,
    /// xAPIC even where x2APIC exists.
    XApic,
}

/// What the command line asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Options<'a> {
    /// `smp=N`: use at most this many cores.
    pub smp: Option<usize>,
    /// `policy=NAME`: the scheduling policy to start with.
    pub policy: Option<&'a str>,
    /// `log=LEVEL`: what the kernel logs at boot.
    pub log: Option<LevelFilter>,
    /// `exit=debug|machine`.
    pub exit: Exit,
    /// `apic=xapic|best`.
    pub apic: ApicMode,
    /// `acpi=off`: do not read the ACPI tables, for a machine whose tables are worse than none.
    pub acpi_off: bool,
    /// `idle=poll`: an idle core looks for work without pause instead of halting; for measuring what a halt costs.
    pub idle_polls: bool,
    /// `tsc=instructions`: the machine's time-stamp counter counts instructions, as under QEMU's `-icount shift=0`.
    pub tsc_counts_instructions: bool,
    /// `run="CMD; CMD"`: console commands to run, after which the machine is powered off.
    pub run: Option<&'a str>,
    /// What could not be understood.
    pub problems: ArrayVec<Problem<'a>, 8>,
}

/// A word of the command line that was ignored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem<'a> {
    /// No such option.
    Unknown(&'a str),
    /// The option exists, the value does not fit; what would.
    BadValue {
        /// The option's name.
        option: &'static str,
        /// The value that was given.
        value: &'a str,
        /// What is accepted.
        expected: &'static str,
    },
    /// A quote that is not closed.
    OpenQuote(&'a str),
}

impl fmt::Display for Problem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(word) => {
                write!(
                    f,
                    "unknown option `{word}`: known are smp= policy= log= exit= apic= acpi= idle= tsc= run="
                )
            }
            Self::BadValue { option, value, expected } => {
                write!(f, "`{option}={value}` ignored: expected {expected}")
            }
            Self::OpenQuote(word) => write!(f, "`{word}` ignored: its quote is not closed"),
        }
    }
}

const LEVEL: &str = "off, error, warn, info, debug or trace";

impl<'a> Options<'a> {
    /// Reads a command line. Never fails: what is wrong is in `problems` (the first eight of them).
    pub fn parse(line: &'a str) -> Self {
        let mut options = Self::default();
        let mut rest = line.trim_start();
        while !rest.is_empty() {
            let (word, value, after) = match split_word(rest) {
                Ok(parts) => parts,
                Err(word) => {
                    let _ = options.problems.try_push(Problem::OpenQuote(word));
                    break;
                }
            };
            rest = after.trim_start();
            if let Err(problem) = options.set(word, value) {
                let _ = options.problems.try_push(problem);
            }
        }
        options
    }

    fn set(&mut self, word: &'a str, value: Option<&'a str>) -> Result<(), Problem<'a>> {
        let Some(value) = value else { return Err(Problem::Unknown(word)) };
        let bad = |option, expected| Problem::BadValue { option, value, expected };
        match word {
            "smp" => {
                let count = value.parse().ok().filter(|&count: &usize| count > 0);
                self.smp = Some(count.ok_or(bad("smp", "a number of cores, 1 or more"))?);
            }
            "policy" if value.is_empty() => return Err(bad("policy", "the name of a policy cell")),
            "policy" => self.policy = Some(value),
            "log" => self.log = Some(value.parse().map_err(|_| bad("log", LEVEL))?),
            "exit" => {
                self.exit = match value {
                    "debug" => Exit::Debug,
                    "machine" => Exit::Machine,
                    _ => return Err(bad("exit", "debug or machine")),
                }
            }
            "apic" => {
                self.apic = match value {
                    "best" => ApicMode::Best,
                    "xapic" => ApicMode::XApic,
                    _ => return Err(bad("apic", "best or xapic")),
                }
            }
            "acpi" => {
                self.acpi_off = match value {
                    "off" => true,
                    "on" => false,
                    _ => return Err(bad("acpi", "on or off")),
                }
            }
            "idle" => {
                self.idle_polls = match value {
                    "poll" => true,
                    "halt" => false,
                    _ => return Err(bad("idle", "halt or poll")),
                }
            }
            "tsc" => {
                self.tsc_counts_instructions = match value {
                    "instructions" => true,
                    "cycles" => false,
                    _ => return Err(bad("tsc", "cycles or instructions")),
                }
            }
            "run" => self.run = Some(value),
            _ => return Err(Problem::Unknown(word)),
        }
        Ok(())
    }
}

/// Splits off the first word: its name, its value if it has one, and what follows. An error is the word whose quote stays open.
fn split_word(text: &str) -> Result<(&str, Option<&str>, &str), &str> {
    let end = text.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let Some(value) = rest.strip_prefix('=') else { return Ok((name, None, rest)) };
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, after) = quoted.split_once('"').ok_or(name)?;
        return Ok((name, Some(value), after));
    }
    let end = value.find(char::is_whitespace).unwrap_or(value.len());
    let (value, after) = value.split_at(end);
    Ok((name, Some(value), after))
}

static OPTIONS: Once<Options<'static>> = Once::new();

/// Reads the command line that the kernel was booted with. Only the first call counts.
pub fn init(line: &'static str) -> &'static Options<'static> {
    OPTIONS.call_once(|| Options::parse(line))
}

/// The options of this boot; defaults before [`init`].
pub fn get() -> &'static Options<'static> {
    init("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_option() {
        let options = Options::parse(
            r#" smp=4 policy=priority  log=debug exit=debug apic=xapic acpi=off idle=poll tsc=instructions run="cores; mem --json""#,
        );
        assert_eq!(
            options,
            Options {
                smp: Some(4),
                policy: Some("priority"),
                log: Some(LevelFilter::Debug),
                exit: Exit::Debug,
                apic: ApicMode::XApic,
                acpi_off: true,
                idle_polls: true,
                tsc_counts_instructions: true,
                run: Some("cores; mem --json"),
                problems: ArrayVec::new(),
            }
        );
    }

    #[test]
    fn wrong_words_are_named_and_ignored() {
        let options = Options::parse("smp=0 turbo=9 log=loud quiet run=\"x");
        assert_eq!((options.smp, options.log, options.run), (None, None, None));
        let problems: [Problem; 5] =
            options.problems.into_iter().collect::<ArrayVec<_, 5>>().into_inner().unwrap();
        assert!(matches!(problems[0], Problem::BadValue { option: "smp", value: "0", .. }));
        assert_eq!(problems[1], Problem::Unknown("turbo"));
        assert!(matches!(problems[2], Problem::BadValue { option: "log", value: "loud", .. }));
        assert_eq!(problems[3..], [Problem::Unknown("quiet"), Problem::OpenQuote("run")]);
    }

    proptest! {
        #[test]
        fn anything_is_read_to_the_end(line in any::<std::string::String>()) {
            Options::parse(&line);
        }
    }

    extern crate std;
}
