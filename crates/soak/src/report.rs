//! What is told of a run.

use std::fmt::Write as _;

use crate::check::Verdict;
use crate::record::{Answer, Deed, Logs};

/// So many violations are told one by one.
const SHOWN: usize = 10;

/// All of it.
pub(crate) fn report(logs: &Logs, verdict: &Verdict) -> String {
    let deeds = |is: fn(&Deed) -> bool| logs.deeds.iter().filter(|deed| is(deed)).count();
    let answers = |answer| logs.checks.iter().filter(|check| check.answer == answer).count();
    let millis = |nanos: u64| nanos as f64 / 1e6;
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<40}{value}");
    };
    line("verifier processes", logs.verifiers.to_string());
    line("logins", deeds(|deed| matches!(deed, Deed::Login { .. })).to_string());
    line("revocations asked for", deeds(|deed| matches!(deed, Deed::Revoke { .. })).to_string());
    line("  acknowledged", deeds(|deed| matches!(deed, Deed::Acknowledged { .. })).to_string());
    line("faults", deeds(|deed| matches!(deed, Deed::Fault { .. })).to_string());
    line("checks", logs.checks.len().to_string());
    line("  accepted", answers(Answer::Accepted).to_string());
    line("  401", answers(Answer::Refused).to_string());
    line("  503", answers(Answer::Unavailable).to_string());
    line("  of the dead, after the bound", verdict.put_to_the_test.to_string());
    line("  of the dead, accepted before it", verdict.within.to_string());
    line("latest of these, ms", format!("{:.1}", millis(verdict.latest)));
    if !verdict.bitten.is_empty() {
        let at = |part: usize| millis(verdict.bitten[(verdict.bitten.len() - 1) * part / 100]);
        let values = format!("{:.1} {:.1} {:.1}", at(50), at(90), at(100));
        line("first refusal, ms, p50 p90 max", values);
    }
    line("violations", verdict.violations.len().to_string());
    for violation in verdict.violations.iter().take(SHOWN) {
        let _ = writeln!(text, "  {violation:?}");
    }
    text
}
