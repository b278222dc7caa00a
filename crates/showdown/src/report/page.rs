//! The report of one run.

use maud::{Markup, html};

use super::shell::{Section, Shell};
use super::{chart, facts, matrix, noise, words};
use crate::result::Showdown;

/// The whole report.
pub fn html(showdown: &Showdown) -> String {
    let answers =
        html! { div.answers { @for sentence in words::answer(showdown) { p.answer { (sentence) } } } };
    let notes: Vec<String> =
        std::iter::once(noise::noise(showdown)).chain(showdown.notes.iter().cloned()).collect();
    Shell {
        title: &format!("Session or JWT? Measured on {}", showdown.machine.processor),
        kicker: "cloakroom showdown",
        heading: "Session or JWT?",
        line: &facts::headline(showdown),
        banner: banner(showdown),
        answer: ("The answer of this run", answers),
        notes: &notes,
        sections: &sections(showdown),
        footer: "Ratios within one run are what to compare. Absolute figures belong to the machine.",
    }
    .html()
}

fn sections(showdown: &Showdown) -> Vec<Section> {
    let section = |id, heading, body: Option<Markup>| Some(Section { id, heading, body: body? });
    let some = |body: Markup| (!body.0.trim().is_empty()).then_some(body);
    let grid = |body: Markup| some(body).map(|body| html! { div.grid { (body) } });
    let optional = |bodies: [Option<Markup>; 2]| {
        let bodies: Vec<Markup> = bodies.into_iter().flatten().collect();
        (!bodies.is_empty()).then(|| html! { div.grid { @for body in &bodies { (body) } } })
    };
    [
        section("comparison", "The comparison", matrix::tables(showdown)),
        section("logout", "Until a logout bites", chart::logout::picture(showdown)),
        section("latency", "Latency", grid(chart::latency::figures(showdown))),
        section("throughput", "Throughput", grid(chart::throughput::figures(showdown))),
        section("cpu", "CPU per request", grid(chart::cpu::figures(showdown))),
        section("outage", "When the database stops", chart::outage::picture(showdown)),
        section("size", "Size", optional([chart::bytes::wire(showdown), chart::bytes::memory(showdown)])),
        section(
            "logins",
            "Logins and refreshes",
            optional([chart::logins::logins(showdown), chart::logins::refreshes(showdown)]),
        ),
        section("contenders", "Who took part", Some(facts::contenders(showdown))),
        section("everything", "Everything that was measured", Some(facts::everything(showdown))),
        section("run", "The run", Some(facts::run(showdown))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn banner(showdown: &Showdown) -> Markup {
    html! {
        @if showdown.partial {
            p.banner role="note" {
                strong { "Partial." }
                " This run was ended before everything was measured: what is missing is not in the pictures, and \
                 there may be fewer rounds than were asked for."
            }
        }
    }
}
