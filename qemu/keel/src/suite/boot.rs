//! Runs one boot test.

use super::Verdict;
use super::case::{BootCase, Status};
use crate::build::Image;
use crate::run::command_line::CommandLine;
use crate::run::console::Tail;
use crate::run::guest::{Event, Guest, Outcome};
use crate::run::qemu::{self, Accelerator, Console, Machine, X2APIC_SINCE};
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
    let machine = Machine {
        smp: case.smp,
        mem: case.mem.clone(),
        accel: Accelerator::Tcg,
        cpu: case.cpu.clone(),
        machine: case.machine.clone(),
        qemu: case.qemu.iter().map(Into::into).collect(),
    };
    let kernel = CommandLine {
        smp: case.smp,
        policy: case.policy.as_deref(),
        log: None,
        exec: &case.exec,
        extra: &case.append,
    };
    let guest = qemu::command(image, &machine, &kernel, Console::Pipe)
        .and_then(|command| Guest::start(command).map_err(Into::into));
    let mut guest = match guest {
        Ok(guest) => guest,
        Err(error) => return Verdict::Failed(error.to_string()),
    };
    let deadline = Instant::now() + Duration::from_secs(case.timeout);
    let (mut tail, mut text) = (Tail::default(), String::new());
    let outcome = loop {
        match guest.next(deadline) {
            Ok(Event::Console(bytes) | Event::Error(bytes)) => {
                for line in tail.push(&bytes) {
                    text += &line;
                    text.push('\n');
                }
            }
            Ok(Event::Ended(outcome)) => break Some(outcome),
            Ok(Event::Quiet) => break None,
            Err(error) => return Verdict::Failed(error.to_string()),
        }
    };
    text += &tail.partial();
    match judge(case, outcome, &text) {
        Ok(()) => Verdict::Passed(1),
        Err(what) => Verdict::Failed(format!("{what}\nlast console lines:\n{}", tail.text())),
    }
}

/// What is wrong with how the guest ended or with what it printed.
fn judge(case: &BootCase, outcome: Option<Outcome>, text: &str) -> Result<(), String> {
    let mut faults = Vec::new();
    let wanted = match case.status {
        Status::Success => Outcome::Success,
        Status::Failed => Outcome::CommandFailed,
        Status::Fatal => Outcome::Fatal,
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
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::case::Pattern;

    fn case(status: Status) -> BootCase {
        let pattern = |text: &str| Pattern::try_from(text.to_owned()).expect("valid");
        BootCase {
            name: "x".into(),
            smp: 1,
            cpu: "max".into(),
            mem: "64M".into(),
            machine: "q35".into(),
            exec: Vec::new(),
            append: Vec::new(),
            policy: None,
            qemu: Vec::new(),
            expect: vec![pattern("hello")],
            forbid: vec![pattern("panicked")],
            status,
            timeout: 1,
            needs_x2apic: false,
        }
    }

    #[test]
    fn each_way_to_fail_is_named() {
        let judge = |status, outcome, text| super::judge(&case(status), outcome, text);
        assert_eq!(judge(Status::Success, Some(Outcome::Success), "hello"), Ok(()));
        assert_eq!(judge(Status::Fatal, Some(Outcome::Fatal), "hello"), Ok(()));
        let failures = [
            (judge(Status::Success, None, "hello"), "not ended after 1 s"),
            (judge(Status::Success, Some(Outcome::Silent), "hello"), "triple fault"),
            (judge(Status::Failed, Some(Outcome::Success), "hello"), "expected: a console command failed"),
            (judge(Status::Success, Some(Outcome::Success), "bye"), "did not print: hello"),
            (judge(Status::Success, Some(Outcome::Success), "hello, panicked"), "it printed: panicked"),
        ];
        for (result, words) in failures {
            assert!(
                result.as_ref().is_err_and(|text| text.contains(words)),
                "{result:?} should say {words:?}"
            );
        }
    }
}
