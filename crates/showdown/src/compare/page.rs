//! A comparison as a page to read.

use maud::{Markup, html};

use super::chart::{self, Picture};
use super::text::cells;
use super::{Comparison, Row, Verdict, compare};
use crate::report::facts;
use crate::report::noise::cores;
use crate::report::shell::{Section, Shell};
use crate::report::table::{self, figures};
use crate::result::Showdown;

/// Measures that are drawn whether they differ or not: where they begin so.
const MAIN: [&str; 5] = [
    "requests per second,",
    "server CPU per request, ",
    "p99, ",
    "a logout bites after",
    "logins per second",
];

/// How to read all pictures.
const READING: &str = "The bar is A from its lowest to its highest figure, the line is B, both in multiples of the median of A. \
                       Where bar and line meet, the two are not known to differ: a dot. Where they are apart, they do: a \
                       diamond.";

/// Two results and what they are called: a page of its own that asks nobody for anything.
pub fn html(first: (&str, &Showdown), second: (&str, &Showdown)) -> String {
    let comparison = compare(first.1, second.1);
    let line = [("A", first), ("B", second)].map(|(letter, (name, showdown))| {
        format!("{letter}: {name}, {}", showdown.began_at.split('T').next().unwrap_or_default())
    });
    let (one, other) = (&first.1.machine, &second.1.machine);
    let machine = match one.processor == other.processor && one.cores == other.cores {
        true => format!(". Both on {}, {}", one.processor, cores(one.cores)),
        false => String::new(),
    };
    let line = format!("{}{machine}", line.join("; "));
    let answers = html! { div.answers { @for sentence in comparison.answer() { p.answer { (sentence) } } } };
    Shell {
        title: &format!("Do they agree? {} and {}", first.0, second.0),
        kicker: "cloakroom showdown compare",
        heading: "Do they agree?",
        line: &line,
        banner: html! {},
        answer: ("What the two runs say of each other", answers),
        notes: &comparison.remarks,
        sections: &sections(&comparison, first, second),
        footer: "Spreads that meet are no proof that nothing changed: more rounds, and a quieter machine, tell smaller \
                 differences apart.",
    }
    .html()
}

fn sections(comparison: &Comparison, first: (&str, &Showdown), second: (&str, &Showdown)) -> Vec<Section> {
    vec![
        Section { id: "differs", heading: "What differs", body: differs(comparison) },
        Section { id: "main", heading: "The main figures", body: main(comparison) },
        Section { id: "everything", heading: "Every figure", body: everything(comparison) },
        Section { id: "runs", heading: "The two runs", body: runs(first, second) },
    ]
}

/// A picture for each measure in which somebody differs, of those who do.
fn differs(comparison: &Comparison) -> Markup {
    let found: Vec<Picture<'_>> = comparison
        .measures()
        .into_iter()
        .map(|measure| comparison.rows_of(measure, |row| row.verdict == Verdict::Differ))
        .filter(|picture| !picture.rows.is_empty())
        .collect();
    html! {
        @if found.is_empty() {
            p { "Nothing: wherever both have a figure and more than one round, their spreads meet." }
        } @else {
            p { (READING) " Whoever agrees is left out." }
            div.grid { @for (at, picture) in found.iter().enumerate() { (chart::figure(&format!("differs-{at}"), picture)) } }
        }
    }
}

/// The measures that people look at, of everybody who is in both.
fn main(comparison: &Comparison) -> Markup {
    let both = |row: &Row| row.first.is_some() && row.second.is_some();
    let main = |measure: &&str| MAIN.into_iter().any(|main| measure.starts_with(main));
    let found: Vec<Picture<'_>> = comparison
        .measures()
        .into_iter()
        .filter(main)
        .map(|measure| comparison.rows_of(measure, both))
        .filter(|picture| !picture.rows.is_empty())
        .collect();
    html! {
        p { @if found.is_empty() { "Nobody was measured in both." } @else { (READING) } }
        div.grid { @for (at, picture) in found.iter().enumerate() { (chart::figure(&format!("main-{at}"), picture)) } }
    }
}

/// A table for each contender.
fn everything(comparison: &Comparison) -> Markup {
    html! {
        @for rows in comparison.rows.chunk_by(|one, next| one.contender == next.contender) {
            @if let Some(first) = rows.first() {
                details {
                    summary { (first.contender) ": " (super::text::summary(rows)) }
                    (figures(&first.contender, &HEADS, rows.iter().map(|row| cells(row)[1..].to_vec())))
                }
            }
        }
    }
}

const HEADS: [&str; 5] = ["What", "A", "B", "B/A", "says"];

/// What somebody needs to judge whether they can be compared.
fn runs(first: (&str, &Showdown), second: (&str, &Showdown)) -> Markup {
    let both = [first, second];
    let fact = |name: &str, of: &dyn Fn(&Showdown) -> String| {
        std::iter::once(name.to_owned()).chain(both.map(|(_, one)| of(one))).collect::<Vec<_>>()
    };
    let rows = [
        std::iter::once("File".to_owned()).chain(both.map(|(name, _)| name.to_owned())).collect(),
        fact("Began", &|one| one.began_at.clone()),
        fact("Took", &|one| facts::took(one).unwrap_or_else(table::none)),
        fact("Command", &|one| one.command.clone()),
        fact("Processor", &|one| one.machine.processor.clone()),
        fact("Cores", &|one| one.machine.cores.to_string()),
        fact("System", &|one| one.machine.system.clone()),
        fact("Load before", &|one| format!("{:.2}", one.machine.load_before)),
        fact("Rounds", &|one| one.settings.rounds.to_string()),
        fact("Seconds each", &|one| one.settings.seconds.to_string()),
        fact("Logins in turn", &|one| one.settings.logins.to_string()),
        fact("Seed", &|one| one.seed.to_string()),
        fact("Versions", &|one| {
            let versions = one.machine.versions.iter().map(|(part, version)| format!("{part} {version}"));
            versions.collect::<Vec<_>>().join(", ")
        }),
    ];
    html! {
        div.wraps { (figures("A and B", &["Fact", "A", "B"], rows.into_iter())) }
        p { "Compare them again with " code { "cloakroom showdown compare A.json B.json" } "." }
    }
}
