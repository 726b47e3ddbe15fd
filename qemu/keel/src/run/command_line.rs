//! What the kernel is told on its command line: `smp=8 policy=NAME log=LEVEL exit=debug run="a; b"`.
//!
//! The kernel splits at blanks, and inside the quotes at `;`: so neither these nor quotes may be in what is
//! passed on, and it keeps no more than [`LIMIT`] bytes. We say so here, where a person still sees it.

/// The longest command line that the kernel takes, in bytes.
pub const LIMIT: usize = 4096;

/// What can be set.
#[derive(Clone, Debug, Default)]
pub struct CommandLine<'a> {
    /// How many cores the kernel may start.
    pub smp: u32,
    /// The policy cell to begin with.
    pub policy: Option<&'a str>,
    /// The least severe message to print.
    pub log: Option<&'a str>,
    /// Console commands to run before powering off; none means: stay interactive.
    pub exec: &'a [String],
    /// Anything more, passed on as it is.
    pub extra: &'a [String],
}

/// Why a command line cannot be passed on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommandLineError {
    /// A separator or a quote inside a console command.
    #[error("--exec {0:?}: a command must not contain {1:?}; give each command an --exec of its own")]
    Separator(String, char),
    /// Nothing to run.
    #[error("--exec needs a command; `--exec help` lists them")]
    Empty,
    /// A name with other characters.
    #[error("--{0} {1:?}: use letters, digits, `_` and `-` only")]
    Name(&'static str, String),
    /// It would be cut off.
    #[error(
        "the kernel's command line would be {0} bytes long, and it takes {LIMIT}; give fewer or shorter --exec commands"
    )]
    TooLong(usize),
}

impl CommandLine<'_> {
    /// The text for QEMU's `-append`.
    pub fn text(&self) -> Result<String, CommandLineError> {
        let mut text = format!("smp={}", self.smp);
        for (key, value) in [("policy", self.policy), ("log", self.log)] {
            if let Some(value) = value {
                if value.is_empty() || !value.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)) {
                    return Err(CommandLineError::Name(key, value.to_owned()));
                }
                text += &format!(" {key}={value}");
            }
        }
        text += " exit=debug";
        for word in self.extra {
            text += " ";
            text += word;
        }
        if !self.exec.is_empty() {
            for command in self.exec {
                let forbidden = |c: &char| matches!(c, '"' | ';') || c.is_control() || !c.is_ascii();
                if let Some(bad) = command.chars().find(forbidden) {
                    return Err(CommandLineError::Separator(command.clone(), bad));
                }
                if command.trim().is_empty() {
                    return Err(CommandLineError::Empty);
                }
            }
            text += &format!(" run=\"{}\"", self.exec.join("; "));
        }
        if text.len() > LIMIT { Err(CommandLineError::TooLong(text.len())) } else { Ok(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(commands: &[&str]) -> Result<String, CommandLineError> {
        let exec: Vec<String> = commands.iter().map(|c| (*c).to_owned()).collect();
        CommandLine { smp: 4, exec: &exec, ..Default::default() }.text()
    }

    #[test]
    fn commands_are_joined_in_order() {
        assert_eq!(exec(&[]).as_deref(), Ok("smp=4 exit=debug"));
        assert_eq!(
            exec(&["cores --json", "mem"]).as_deref(),
            Ok(r#"smp=4 exit=debug run="cores --json; mem""#)
        );
    }

    #[test]
    fn what_would_be_misread_is_refused() {
        for bad in ["a; b", "a \"b\"", "a\nb", "naïve"] {
            assert!(matches!(exec(&[bad]), Err(CommandLineError::Separator(..))), "{bad}");
        }
        assert_eq!(exec(&["mem", " "]), Err(CommandLineError::Empty));
        assert!(matches!(exec(&[&"x".repeat(LIMIT)]), Err(CommandLineError::TooLong(_))));
        let policy = CommandLine { smp: 1, policy: Some("a b"), ..Default::default() }.text();
        assert!(matches!(policy, Err(CommandLineError::Name("policy", _))));
    }
}
