//! What a guest printed, taken apart: the boot, then what each console command printed.
//!
//! The kernel prints the prompt and the command before it runs a command of its command line. That line is the seam.

use crate::run::PROMPT;

/// What a guest printed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transcript<'a> {
    /// Before the first command.
    pub boot: &'a str,
    /// What each command printed; shorter than the list of commands if the guest did not come so far.
    pub commands: Vec<&'a str>,
}

impl<'a> Transcript<'a> {
    /// Takes `text` apart at the prompts of `commands`, which were to run in this order.
    pub fn new(text: &'a str, commands: &[String]) -> Self {
        let (mut rest, mut parts) = (text, Vec::new());
        for command in commands {
            // The console leaves out blanks at the ends of a command.
            let Some((before, after)) = split_at_line(rest, &format!("{PROMPT}{}", command.trim())) else {
                break;
            };
            parts.push(before);
            rest = after;
        }
        parts.push(rest);
        let boot = parts.remove(0);
        Self { boot, commands: parts }
    }
}

/// What is before the first line that is `line`, and what is after it.
fn split_at_line<'a>(text: &'a str, line: &str) -> Option<(&'a str, &'a str)> {
    let mut start = 0;
    for found in text.split_inclusive('\n') {
        let end = start + found.len();
        if found.strip_suffix('\n').unwrap_or(found) == line {
            return Some((text.get(..start)?, text.get(end..)?));
        }
        start = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str, commands: &[&str]) -> (String, Vec<String>) {
        let commands: Vec<String> = commands.iter().map(|c| (*c).to_owned()).collect();
        let transcript = Transcript::new(text, &commands);
        (transcript.boot.into(), transcript.commands.into_iter().map(Into::into).collect())
    }

    #[test]
    fn it_is_cut_at_the_prompts() {
        let text = "boot\nkeel> mem\n1\nkeel> memory\n2\n3\nkeel> mem\n";
        let expected = ("boot\n".into(), vec!["1\n".into(), "2\n3\n".into(), String::new()]);
        assert_eq!(parts(text, &["mem", " memory ", "mem"]), expected);
    }

    #[test]
    fn a_guest_that_died_has_fewer_parts() {
        assert_eq!(parts("boot\nkeel> a\ndead", &["a", "b"]), ("boot\n".into(), vec!["dead".into()]));
        assert_eq!(parts("dead", &["a"]), ("dead".into(), vec![]));
    }
}
