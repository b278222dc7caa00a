//! What was run, where, and by whom: what somebody needs to repeat it.

use maud::{Markup, html};

use super::chart::kind;
use super::noise::{cores, noise};
use super::numbers::Unit;
use super::spread::Spread;
use super::{measures, table};
use crate::result::Showdown;

/// One line under the title.
pub(crate) fn headline(showdown: &Showdown) -> String {
    let machine = &showdown.machine;
    let cores = cores(machine.cores);
    let day = showdown.began_at.split('T').next().unwrap_or_default();
    format!("Measured on {}, {cores}, on {day}", machine.processor)
}

/// Each contender and how it checks a request.
pub(crate) fn contenders(showdown: &Showdown) -> Markup {
    html! {
        dl.contenders {
            @for one in &showdown.contenders {
                div class=(kind(one.kind).1) {
                    dt { (one.name) " " small { (kind(one.kind).0) ", " code { (one.id) } } }
                    dd { (one.how) }
                }
            }
        }
    }
}

/// Every figure with its spread, one table for each contender.
pub(crate) fn everything(showdown: &Showdown) -> Markup {
    html! {
        @for one in &showdown.contenders {
            details {
                summary { (one.name) }
                @let rows = measures::of(one).into_iter().filter_map(|measure| {
                    let spread = Spread::of(measure.values.iter().copied())?;
                    let mut row = vec![measure.name];
                    row.extend([spread.min, spread.median, spread.max].map(|value| measure.unit.show(value)));
                    row.push(spread.count.to_string());
                    Some(row)
                });
                (table::figures(&one.name, &["What", "lowest", "median", "highest", "figures"], rows))
            }
        }
    }
}

/// How long it took, and was expected to: `24.1 min (25 min expected)`.
pub(crate) fn took(showdown: &Showdown) -> Option<String> {
    let seconds = |seconds: f64| Unit::Millis.show(seconds * 1000.0);
    let expected = showdown.expected.map(|expected| format!(" ({} expected)", seconds(expected)));
    showdown.took.map(|took| format!("{}{}", seconds(took), expected.unwrap_or_default()))
}

/// Machine, versions, command, seed and settings.
pub(crate) fn run(showdown: &Showdown) -> Markup {
    let (machine, settings) = (&showdown.machine, &showdown.settings);
    let numbers = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    let facts = [
        ("Began", showdown.began_at.clone()),
        ("Processor", machine.processor.clone()),
        ("Cores", machine.cores.to_string()),
        ("Memory", Unit::Bytes.show(machine.memory as f64)),
        ("System", machine.system.clone()),
        ("Load before", format!("{:.2}", machine.load_before)),
        ("Took", took(showdown).unwrap_or_else(table::none)),
        ("Stores", settings.stores.join(", ")),
        ("Connections", numbers(&settings.connections)),
        ("Rates", numbers(&settings.rates)),
        ("Seconds each", settings.seconds.to_string()),
        ("Rounds", settings.rounds.to_string()),
        ("Logins in turn", settings.logins.to_string()),
        ("Seed", showdown.seed.to_string()),
    ];
    html! {
        dl.facts {
            @for (name, fact) in &facts { div { dt { (name) } dd { (fact) } } }
            @for (part, version) in &machine.versions { div { dt { (part) } dd { (version) } } }
            @if let Some(millis) = showdown.hash_millis {
                div { dt { "One password hash" } dd { (Unit::Millis.show(millis)) " on one thread" } }
            }
        }
        p { "How noisy it was: " (noise(showdown)) }
        p { "Repeat it with" }
        pre tabindex="0" { code { (showdown.command) } }
        p { "Compare two runs on one machine with " code { "cloakroom showdown compare A.json B.json --html page.html" } "." }
    }
}
