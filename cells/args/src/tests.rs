//! What is accepted, and the line that each mistake gets.

extern crate std;
use super::*;
use std::string::ToString;

#[test]
fn options_may_stand_anywhere() {
    for words in [
        ["--core", "3", "spin", "--all"],
        ["spin", "--all", "--core", "3"],
        ["--all", "--core=3", "spin", "9"],
    ] {
        let mut args = Args::new(&words);
        assert_eq!(args.number("--core", 0..=63), Ok(Some(3)));
        assert_eq!((args.flag("--all"), args.flag("--any")), (Ok(true), Ok(false)));
        assert_eq!(args.choice("KIND", &["load", "spin"]), Ok(1));
        assert!(matches!(args.optional_number("COUNT", 1..=9), Ok(None | Some(9))));
        assert_eq!(args.finish(), Ok(()));
    }
}

#[test]
fn a_name_that_begins_alike_is_another_option() {
    let mut args = Args::new(&["--core-set", "3"]);
    assert_eq!(args.value("--core"), Ok(None));
    assert_eq!(args.finish(), Err(ArgError::UnknownOption("--core-set")));
}

#[test]
fn each_mistake_has_its_line() {
    fn line<T: core::fmt::Debug>(result: Result<T, ArgError<'_>>) -> std::string::String {
        result.unwrap_err().to_string()
    }
    let args = |words: &[&'static str]| Args::new(words);
    assert_eq!(line(args(&["-v"]).word("NAME")), "unknown option `-v`");
    assert_eq!(line(args(&[]).word("NAME")), "NAME is missing");
    assert_eq!(line(none(&["x"])), "unexpected argument `x`");
    assert_eq!(line(args(&["--n", "1", "--n=2"]).value("--n")), "`--n` is given more than once");
    assert_eq!(line(args(&["--n"]).value("--n")), "`--n` needs a value");
    assert_eq!(line(args(&["--n="]).value("--n")), "`--n` needs a value");
    assert_eq!(line(args(&["--n", "--m"]).value("--n")), "`--n` needs a value");
    assert_eq!(line(args(&["--n=1"]).flag("--n")), "`--n` takes no value, but `1` was given");
    assert_eq!(
        line(args(&["-5"]).optional_number("COUNT", 1..=10)),
        "COUNT must be a whole number from 1 to 10, not `-5`"
    );
    assert_eq!(
        line(args(&["--s", "0"]).number("--s", 1..=u64::MAX)),
        "--s must be a whole number of at least 1, not `0`"
    );
    assert_eq!(line(args(&["b", "x"]).choice("KIND", &["a", "c", "d"])), "KIND must be a, c or d, not `b`");
}
