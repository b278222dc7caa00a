//! What is known of a run before anything is measured.

use std::time::SystemTime;

use crate::machine;
use crate::plan::Plan;
use crate::result::{Showdown, VERSION};

/// An empty result, with what a reader must know of the machine.
pub(super) fn begin(plan: &Plan) -> Showdown {
    let now = jiff::Timestamp::try_from(now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let machine = machine::this(vec![(String::from("cloakroom"), plan.version.clone())]);
    let mut notes = vec![String::from(
        "Where PostgreSQL takes part, a logout is sent to one server and its effect is looked for at another on the same \
         database; elsewhere both are one process.",
    )];
    if machine.load_before > f64::from(machine.cores) / 4.0 {
        notes.push(format!(
            "The machine was busy when this began: a load of {:.1} on {} cores. Compare within this run, and with care.",
            machine.load_before, machine.cores
        ));
    }
    if !cfg!(target_os = "linux") {
        notes.push(String::from(
            "CPU and memory are read from /proc, which is not there: they are 0 or absent.",
        ));
    }
    Showdown {
        version: VERSION,
        began_at: format!("{now:.0}"),
        partial: false,
        command: plan.command.clone(),
        seed: plan.seed,
        machine,
        settings: plan.recorded(),
        contenders: Vec::new(),
        hash_millis: None,
        took: None,
        expected: None,
        notes,
    }
}

#[expect(clippy::disallowed_methods, reason = "a report is dated, and no rule depends on it")]
fn now() -> SystemTime {
    SystemTime::now()
}
