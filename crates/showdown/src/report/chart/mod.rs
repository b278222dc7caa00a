//! Pictures of figures, as SVG inside the page.
//!
//! Positions along an axis are percentages, so a picture fits any width and its letters keep their size. Colours are
//! classes that the style sheet fills in, light or dark; what a colour says is also said by a word or a pattern.

pub(crate) mod bytes;
pub(crate) mod cpu;
pub(crate) mod curve;
pub(crate) mod latency;
pub(crate) mod logins;
pub(crate) mod logout;
pub(crate) mod outage;
mod rates;
pub(crate) mod rows;
pub(crate) mod throughput;

use maud::{Markup, html};

use crate::result::Kind;

/// A picture with its words: a heading, the picture, how to read it, and the same figures as a table.
pub(crate) fn figure(heading: &str, picture: &Markup, reading: &str, table: &Markup) -> Markup {
    html! {
        figure {
            h3 { (heading) }
            (picture)
            figcaption { (reading) }
            details { summary { "The figures as a table" } (table) }
        }
    }
}

/// What contenders of a kind are called together, and the class of their marks.
pub(crate) const fn kind(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Floor => ("The floor: no check at all", "floor"),
        Kind::Classic => ("Classic designs", "classic"),
        Kind::Cloakroom => ("Cloakroom", "cloakroom"),
        Kind::Peer => ("Others", "peer"),
    }
}

/// What a contender is called where its kind is said already: "Cloakroom session" among Cloakroom's is "Session".
pub(crate) fn within(kind: Kind, name: &str) -> String {
    let said = match kind {
        Kind::Classic => "Classic ",
        Kind::Cloakroom => "Cloakroom ",
        Kind::Floor | Kind::Peer => "",
    };
    let Some(rest) = name.strip_prefix(said).filter(|rest| !said.is_empty() && !rest.is_empty()) else {
        return name.to_owned();
    };
    let mut letters = rest.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// As the attributes of SVG want it.
pub(crate) fn percent(at: f64) -> String {
    format!("{at:.2}%")
}

/// At most so many letters, since those of a picture cannot wrap.
pub(crate) fn short(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    name.chars().take(letters.saturating_sub(1)).chain(['…']).collect()
}
