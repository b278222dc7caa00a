//! The short form of the soak: a few seconds of everything at once, and a verifier that is wrong and found.
#![expect(clippy::unwrap_used, reason = "a test")]
#![expect(unreachable_pub, reason = "shared with other suites")]

#[path = "../../server/tests/common/skip.rs"]
mod skip;

use std::io::Write;
use std::process::{Command, Output};

use skip::skip;

fn soak(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloakroom-soak"));
    let Output { status, stdout, stderr } = command.arg("feed").args(arguments).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    // Not by `println!`, which is not shown of a test that passes.
    let _ = write!(std::io::stderr(), "soak feed {}\n{told}", arguments.join(" "));
    (status.code(), told)
}

/// A number of the report.
fn number(told: &str, name: &str) -> usize {
    let line = told.lines().find_map(|line| line.trim_start().strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name}: {told}")).trim().parse().unwrap()
}

#[test]
fn the_bound_is_kept_under_faults() {
    let arguments = ["--seconds", "12", "--seed", "6", "--bound", "1000", "--verifiers", "2"];
    let (mut code, mut told) = soak(&arguments);
    if told.contains("PostgreSQL is not installed") {
        skip("the soak on PostgreSQL", "apt-get install postgresql");
        (code, told) = soak(&[&arguments[..], &["--database", "sqlite"]].concat());
    }
    assert_eq!(code, Some(0), "{told}");
    // It was about something.
    for (name, least) in [("faults", 5), ("accepted ", 100), ("401", 10), ("acknowledged", 10)] {
        assert!(number(&told, name) >= least, "{name}: {told}");
    }
    assert!(number(&told, "of the dead, after the bound") >= 10, "{told}");
}

#[test]
fn a_verifier_that_trusts_old_answers_is_found() {
    let arguments =
        ["--seconds", "5", "--seed", "1", "--bound", "500", "--verifiers", "1", "--database", "sqlite"];
    let (code, told) = soak(&[&arguments[..], &["--tamper", "old-answers"]].concat());
    assert_eq!(code, Some(1), "{told}");
    assert!(number(&told, "violations") > 0 && told.contains("TooLate"), "{told}");
}
