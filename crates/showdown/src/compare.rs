//! Two results, figure by figure: whether they differ by more than the spreads they print.
//!
//! * `text`: that in words and for a terminal; `page`, `chart`: to read elsewhere

mod chart;
mod page;
mod text;

use serde::Serialize;

use self::chart::Picture;
use crate::report::ending::{Ending, Never};
use crate::report::measures::{self, Measure};
use crate::report::noise::noise;
use crate::report::numbers::Unit;
use crate::report::spread::Spread;
use crate::result::{Contender, Kind, Showdown};

pub use self::page::html;

/// Two results beside each other.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// What a reader must know of both.
    pub remarks: Vec<String>,
    /// Every figure of every contender of either.
    pub rows: Vec<Row>,
}

/// One figure of one contender.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// Whose.
    pub contender: String,
    /// Which kind that is.
    pub kind: Kind,
    /// `p99, 64 connections`
    pub measure: String,
    /// In the first result.
    pub first: Option<Spread>,
    /// In the second.
    pub second: Option<Spread>,
    /// The second median over the first.
    pub ratio: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
    /// What the figures count.
    unit: Unit,
}

/// What two figures say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Their spreads meet.
    Agree,
    /// Their spreads are apart.
    Differ,
    /// Nothing follows, and why.
    Incomparable(String),
}

impl Comparison {
    /// As JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers can be written")
    }

    /// The names of all figures, in the order in which they stand.
    fn measures(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in &self.rows {
            if !names.contains(&row.measure.as_str()) {
                names.push(&row.measure);
            }
        }
        names
    }

    /// Those of one of them.
    fn rows_of<'c>(&'c self, measure: &'c str, which: impl Fn(&Row) -> bool) -> Picture<'c> {
        let rows = self.rows.iter().filter(|row| row.measure == measure && which(row));
        Picture { measure, rows: rows.collect() }
    }
}

/// Sets two results beside each other.
pub fn compare(first: &Showdown, second: &Showdown) -> Comparison {
    let apart = machine(first, second).or_else(|| settings(first, second));
    let ids = first.contenders.iter().chain(&second.contenders).map(|one| one.id.as_str());
    let mut seen = Vec::new();
    let mut rows = Vec::new();
    for id in ids {
        if seen.contains(&id) {
            continue;
        }
        seen.push(id);
        let of = |showdown: &'_ Showdown| showdown.contenders.iter().position(|one| one.id == id);
        let (one, other) =
            (of(first).map(|at| &first.contenders[at]), of(second).map(|at| &second.contenders[at]));
        let why = apart.clone().or_else(|| versions(first, second, one.or(other)?));
        rows.extend(contender(one, other, why.as_deref()));
    }
    Comparison { remarks: remarks(first, second), rows }
}

fn contender(first: Option<&Contender>, second: Option<&Contender>, apart: Option<&str>) -> Vec<Row> {
    let Some(who) = first.or(second) else { return Vec::new() };
    let (first, second) =
        (first.map(measures::of).unwrap_or_default(), second.map(measures::of).unwrap_or_default());
    let only_second = second.iter().filter(|measure| !first.iter().any(|one| one.name == measure.name));
    first
        .iter()
        .chain(only_second)
        .map(|measure| {
            let spread = |of: &[Measure]| {
                let found = of.iter().find(|one| one.name == measure.name)?;
                Spread::of(found.values.iter().copied())
            };
            let but = [(&first, "A"), (&second, "B")].into_iter().find_map(|(of, letter)| {
                let found = of.iter().find(|one| one.name == measure.name)?;
                found.but.as_ref().map(|but| format!("{but} in {letter}"))
            });
            let (first, second) = (spread(&first), spread(&second));
            Row {
                contender: who.name.clone(),
                kind: who.kind,
                measure: measure.name.clone(),
                first,
                second,
                ratio: first.zip(second).and_then(|(first, second)| second.ratio_to(&first)),
                verdict: verdict(first, second, apart.or(but.as_deref())),
                unit: measure.unit,
            }
        })
        .collect()
}

fn verdict(first: Option<Spread>, second: Option<Spread>, apart: Option<&str>) -> Verdict {
    let because = |why: &str| Verdict::Incomparable(why.to_owned());
    let (first, second) = match (first, second) {
        (Some(first), Some(second)) => (first, second),
        (Some(_), None) => return because("not in B"),
        (None, Some(_)) => return because("not in A"),
        (None, None) => return because("in neither"),
    };
    match apart {
        Some(why) => because(why),
        None if first.overlaps(&second) => Verdict::Agree,
        None if first.count < 2 || second.count < 2 => because("taken once, so its spread is not known"),
        None => Verdict::Differ,
    }
}

/// Why no figure of two machines can be compared.
fn machine(first: &Showdown, second: &Showdown) -> Option<String> {
    let (one, other) = (&first.machine, &second.machine);
    let differs = [
        (one.processor != other.processor, "processor"),
        (one.cores != other.cores, "number of cores"),
        (one.memory != other.memory, "memory"),
        (one.system != other.system, "system"),
    ];
    let differs: Vec<&str> = differs.into_iter().filter(|one| one.0).map(|one| one.1).collect();
    (!differs.is_empty()).then(|| format!("other machine: {}", differs.join(", ")))
}

/// Those of the settings that change what is measured; others only change what is there.
fn settings(first: &Showdown, second: &Showdown) -> Option<String> {
    let (one, other) = (&first.settings, &second.settings);
    if one.seconds != other.seconds {
        return Some(format!("other settings: {} s and {} s a measurement", one.seconds, other.seconds));
    }
    (one.logins != other.logins)
        .then(|| format!("other settings: {} and {} logins in turn", one.logins, other.logins))
}

/// Parts that this contender rests on. Cloakroom's own version is no reason: to see what it changed is what a comparison
/// is for, and it stands in the remarks.
fn versions(first: &Showdown, second: &Showdown, of: &Contender) -> Option<String> {
    let rests = |part: &str| match of.kind {
        Kind::Floor => false,
        Kind::Classic | Kind::Cloakroom => of.id.contains(part) || of.name.to_lowercase().contains(part),
        Kind::Peer => true,
    };
    changed(first, second)
        .into_iter()
        .find(|(part, ..)| part != "cloakroom" && rests(&part.to_lowercase()))
        .map(|(part, one, other)| format!("other version: {part} {one} and {other}"))
}

/// Parts in different versions, or in one of the results only.
fn changed(first: &Showdown, second: &Showdown) -> Vec<(String, String, String)> {
    let version = |of: &Showdown, part: &str| {
        let found = of.machine.versions.iter().find(|one| one.0 == part);
        found.map_or_else(|| "none".to_owned(), |one| one.1.clone())
    };
    let mut parts: Vec<&String> =
        first.machine.versions.iter().chain(&second.machine.versions).map(|one| &one.0).collect();
    parts.sort_unstable();
    parts.dedup();
    parts
        .into_iter()
        .map(|part| (part.clone(), version(first, part), version(second, part)))
        .filter(|(_, one, other)| one != other)
        .collect()
}

fn remarks(first: &Showdown, second: &Showdown) -> Vec<String> {
    let mut remarks = Vec::new();
    remarks.extend(machine(first, second));
    remarks.extend(settings(first, second));
    for (part, one, other) in changed(first, second) {
        remarks.push(format!("{part}: {one} in A, {other} in B"));
    }
    for (letter, one) in [("A", first), ("B", second)] {
        if one.partial {
            remarks.push(format!("{letter} is partial: it was ended before everything was measured"));
        }
        remarks.push(format!("{letter}: {}", noise(one)));
        for who in &one.contenders {
            // That of one which only expires is no surprise.
            let logout = who.logout.as_ref().filter(|logout| Ending::of(logout).may_bite());
            let never = logout.and_then(Never::of);
            remarks.extend(never.map(|never| format!("{letter}: logouts of {}: {}", who.name, never.long())));
        }
    }
    let said = |one: &Showdown, note: &String| one.notes.contains(note);
    for note in &first.notes {
        remarks.push(format!("{}: {note}", if said(second, note) { "A and B" } else { "A" }));
    }
    remarks.extend(second.notes.iter().filter(|note| !said(first, note)).map(|note| format!("B: {note}")));
    remarks
}
