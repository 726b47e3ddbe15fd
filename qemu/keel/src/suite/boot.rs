//! Runs one boot test.

use super::Verdict;
use super::case::{ALARMS, BootCase, Judged, Status};
use super::transcript::Transcript;
use crate::build::Image;
use crate::run::command_line::CommandLine;
use crate::run::console::{Plain, Tail};
use crate::run::guest::{Event, Guest, Outcome};
use crate::run::qemu::{self, Accelerator, Console, Machine, X2APIC_SINCE};
use std::error::Error;
use std::time::{Duration, Instant};

/// Boots `image` as `case` says, and judges what comes of it.
pub fn run(image: &Image, case: &BootCase) -> Verdict {
    match qemu::version() {
        Ok((major, _)) if case.needs_x2apic && major < X2APIC_SINCE => {
            return Verdict::Skipped(format!("QEMU {major} emulates no x2APIC"));
        }
        Ok(_) => {}
        Err(error) => return Verdict::Failed(error.to_string()),
    }
    match boot(image, case) {
        Err(error) => Verdict::Failed(error.to_string()),
        Ok((outcome, text)) => match judge(case, outcome, &text) {
            Ok(()) => Verdict::Passed(1),
            Err(what) => {
                let mut tail = Tail::default();
                text.lines().for_each(|line| drop(tail.push(shortened(line).as_bytes())));
                Verdict::Failed(format!("{what}\nlast console lines:\n{}", tail.text()))
            }
        },
    }
}

/// Boots the guest and stays until it has ended or its time is over: how it ended, and all that it printed.
fn boot(image: &Image, case: &BootCase) -> Result<(Option<Outcome>, String), Box<dyn Error>> {
    let machine = Machine {
        smp: case.smp(),
        mem: case.mem.clone(),
        accel: Accelerator::Tcg,
        cpu: case.cpu.clone(),
        machine: case.machine.clone(),
        qemu: case.qemu.iter().map(Into::into).collect(),
    };
    let commands = case.commands();
    let kernel = CommandLine {
        smp: case.smp(),
        policy: case.policy.as_deref(),
        log: case.log.as_deref(),
        exec: &commands,
        extra: &case.append,
    };
    let payload = case.archive.of(image)?;
    let mut guest = Guest::start(qemu::command(&payload, &machine, &kernel, Console::Pipe)?)?;
    let deadline = Instant::now() + Duration::from_secs(case.timeout);
    let mut printed = Vec::new();
    let mut keys = case.typed.iter();
    let (mut next, mut typed_at) = (keys.next(), 0);
    loop {
        match guest.next(deadline)? {
            Event::Console(bytes) | Event::Error(bytes) => printed.extend(bytes),
            Event::Ended(outcome) => return Ok((Some(outcome), text(&printed))),
            Event::Quiet => return Ok((None, text(&printed))),
        }
        if let Some(typed) = next
            && typed.after.matches(&text(printed.get(typed_at..).unwrap_or_default()))
        {
            typed_at = printed.len();
            guest.write(typed.keys.as_bytes())?;
            next = keys.next();
        }
    }
}

/// What was printed, as text with plain line ends.
fn text(printed: &[u8]) -> String {
    String::from_utf8_lossy(&Plain::default().filter(printed)).into_owned()
}

/// What is wrong with how the guest ended or with what it printed.
fn judge(case: &BootCase, outcome: Option<Outcome>, text: &str) -> Result<(), String> {
    let mut faults = Vec::new();
    let wanted = match case.status {
        Status::Success => Outcome::Success,
        Status::Failed => Outcome::CommandFailed,
        Status::Fatal => Outcome::Fatal,
        Status::Reboot => Outcome::Reboot,
        Status::Reset => Outcome::Silent,
    };
    match outcome {
        None => faults.push(format!("it had not ended after {} s", case.timeout)),
        Some(outcome) if outcome != wanted => faults.push(format!("{outcome} (expected: {wanted})")),
        Some(_) => {}
    }
    for pattern in case.expect.iter().filter(|pattern| !pattern.matches(text)) {
        faults.push(format!("it did not print: {pattern}"));
    }
    for pattern in case.forbid.iter().filter(|pattern| pattern.matches(text)) {
        faults.push(format!("it printed: {pattern}"));
    }
    for alarm in ALARMS.iter().filter(|alarm| text.contains(**alarm)) {
        faults.push(format!("it printed: {alarm}"));
    }
    let commands = case.commands();
    let transcript = Transcript::new(text, &commands);
    let ran_all = matches!(case.status, Status::Success | Status::Failed);
    if let Some(missing) = commands.get(transcript.commands.len()).filter(|_| ran_all) {
        faults.push(format!("it did not get as far as `{missing}`"));
    }
    let judged = transcript.commands.get(case.exec.len()..).unwrap_or_default();
    for (index, (command, printed)) in case.command.iter().zip(judged).enumerate() {
        faults.extend(judge_command(command, printed));
        let mut before = case.command.iter().zip(judged).take(index).rev();
        if let Some(pattern) = &command.unchanged {
            let earlier = before.find(|(other, _)| other.run == command.run);
            let (old, new) = (earlier.and_then(|(_, text)| pattern.find(text)), pattern.find(printed));
            if old.is_none() || old != new {
                faults.push(format!("`{}` printed {new:?}, and before: {old:?}", command.run));
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// `line`, cut where nobody reads on, and its end.
pub fn shortened(line: &str) -> String {
    const SHOWN: usize = 160;
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…\n", line.get(..end).unwrap_or_default()),
        None => format!("{line}\n"),
    }
}

/// What is wrong with what `command` printed.
fn judge_command(command: &Judged, printed: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut fault = |what: String| faults.push(format!("`{}` {what}", command.run));
    for pattern in command.expect.iter().filter(|pattern| !pattern.matches(printed)) {
        fault(format!("did not print: {pattern}"));
    }
    for pattern in command.forbid.iter().filter(|pattern| pattern.matches(printed)) {
        fault(format!("printed: {pattern}"));
    }
    let lines = printed.lines().count();
    if let Some(wanted) = command.lines.filter(|wanted| *wanted != lines) {
        fault(format!("printed {lines} lines instead of {wanted}"));
    }
    if let Some(Err(what)) = command.json.as_ref().map(|shape| shape.judge(printed)) {
        fault(format!("has other JSON: {what}"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(text: &str) -> BootCase {
        toml::from_str(&format!("name = 'x'\ntimeout = 1\n{text}")).expect("valid")
    }

    #[test]
    fn each_way_to_end_wrongly_is_named() {
        let judge = |status, outcome, text| {
            let rest = "exec = []\nexpect = ['hello']\nforbid = ['panicked']";
            super::judge(&case(&format!("status = '{status}'\n{rest}")), outcome, text)
        };
        assert_eq!(judge("success", Some(Outcome::Success), "hello"), Ok(()));
        assert_eq!(judge("fatal", Some(Outcome::Fatal), "hello"), Ok(()));
        assert_eq!(judge("reboot", Some(Outcome::Reboot), "hello"), Ok(()));
        let failures = [
            (judge("success", None, "hello"), "not ended after 1 s"),
            (judge("success", Some(Outcome::Silent), "hello"), "triple fault"),
            (judge("failed", Some(Outcome::Success), "hello"), "expected: a console command failed"),
            (judge("success", Some(Outcome::Success), "bye"), "did not print: hello"),
            (judge("success", Some(Outcome::Success), "hello, panicked"), "it printed: panicked"),
            (judge("success", Some(Outcome::Success), "hello\nKEEL STOPS on"), "it printed: KEEL STOPS"),
        ];
        for (result, words) in failures {
            assert!(
                result.as_ref().is_err_and(|text| text.contains(words)),
                "{result:?} should say {words:?}"
            );
        }
    }

    #[test]
    fn what_must_not_change_is_compared_with_the_last_time() {
        let again = "[[command]]\nrun = 'm'\nunchanged = 'a=\\d+'";
        let case = case(&format!("[[command]]\nrun = 'm'\n[[command]]\nrun = 'x'\n{again}\n{again}"));
        let text =
            |a, b, c| format!("keel> m\na={a} b=1\nkeel> x\na=9\nkeel> m\na={b} b=2\nkeel> m\na={c}\n");
        let judge = |text: String| super::judge(&case, Some(Outcome::Success), &text);
        assert_eq!(judge(text(5, 5, 5)), Ok(()));
        assert!(judge(text(5, 6, 6)).is_err_and(|what| what.contains("a=6") && what.contains("a=5")));
        assert!(judge(text(5, 5, 6)).is_err());
        assert!(judge(text(5, 5, 5).replace("a=", "c=")).is_err());
    }

    #[test]
    fn each_command_is_judged_by_what_it_printed_itself() {
        let case = case(
            "exec = ['a']\n[[command]]\nrun = 'b'\nexpect = ['^two$']\nforbid = ['one']\nlines = 1\n\
             [[command]]\nrun = 'c'\njson = { x = 'number' }",
        );
        let judge = |text| super::judge(&case, Some(Outcome::Success), text);
        assert_eq!(judge("boot\nkeel> a\none\nkeel> b\ntwo\nkeel> c\n{\"x\":1}\n"), Ok(()));
        for (text, words) in [
            ("boot\nkeel> a\ntwo\nkeel> b\nthree\nkeel> c\n{\"x\":1}\n", "`b` did not print: ^two$"),
            ("boot\nkeel> a\nkeel> b\ntwo\none\nkeel> c\n{\"x\":1}\n", "`b` printed: one"),
            ("boot\nkeel> a\nkeel> b\ntwo\nthree\nkeel> c\n{\"x\":1}\n", "`b` printed 2 lines instead of 1"),
            ("boot\nkeel> a\nkeel> b\ntwo\nkeel> c\n{\"x\":\"1\"}\n", "`c` has other JSON"),
            ("boot\nkeel> a\nkeel> b\ntwo\n", "did not get as far as `c`"),
        ] {
            let result = judge(text);
            assert!(
                result.as_ref().is_err_and(|what| what.contains(words)),
                "{result:?} should say {words:?}"
            );
        }
    }
}
