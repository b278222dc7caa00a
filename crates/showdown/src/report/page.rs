//! The page around the pictures.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::{chart, facts, matrix, noise, words};
use crate::result::Showdown;

const STYLE: &str = include_str!("style.css");

/// The whole report.
pub fn html(showdown: &Showdown) -> String {
    let sections = sections(showdown);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy());
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content="cloakroom showdown";
                title { "Session or JWT? Measured on " (showdown.machine.processor) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#answer" { "To the answer" }
                header {
                    p.kicker { "cloakroom showdown" }
                    h1 { "Session or JWT?" }
                    p.where { (facts::headline(showdown)) }
                }
                main {
                    (banner(showdown))
                    section #answer aria-labelledby="answer-heading" {
                        h2 #answer-heading { "The answer of this run" }
                        div.answers { @for sentence in words::answer(showdown) { p.answer { (sentence) } } }
                    }
                    (notes(showdown))
                    nav aria-label="Contents" {
                        ul { @for section in &sections { li { a href={ "#" (section.id) } { (section.heading) } } } }
                    }
                    @for section in &sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-heading" } {
                            h2 id={ (section.id) "-heading" } { (section.heading) }
                            (section.body)
                        }
                    }
                }
                footer {
                    p { "Ratios within one run are what to compare. Absolute figures belong to the machine." }
                }
            }
        }
    }
    .into_string()
}

/// Nothing may be fetched, run, framed or sent, whatever got into the page; the style is known by its hash.
fn policy() -> String {
    let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

struct Section {
    id: &'static str,
    heading: &'static str,
    body: Markup,
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

fn notes(showdown: &Showdown) -> Markup {
    html! {
        aside.notes aria-label="Notes" {
            h2 { "What to know when reading" }
            ul {
                li { (noise::noise(showdown)) }
                @for note in &showdown.notes { li { (note) } }
            }
        }
    }
}
