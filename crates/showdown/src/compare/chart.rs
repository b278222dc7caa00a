//! One figure of several contenders in both results: how far B lies from A, and whether by more than their spreads.

use maud::{Markup, html};

use super::text::{cells, summary};
use super::{Row, Verdict};
use crate::report::chart::figure as framed;
use crate::report::chart::rows::{self, Mark, Rows};
use crate::report::numbers::times;
use crate::report::scale::Scale;
use crate::report::spread::Spread;
use crate::report::table::figures;

/// How far an axis goes from A's median in both directions: the first that holds everything.
const REACH: [f64; 12] = [1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 5.0, 10.0, 100.0, 1e3, 1e4, 1e6];

/// A measure, and those who are drawn.
pub(super) struct Picture<'a> {
    pub(super) measure: &'a str,
    pub(super) rows: Vec<&'a Row>,
}

/// With its words and its table.
pub(super) fn figure(id: &str, picture: &Picture<'_>) -> Markup {
    let heads = ["Who", "A", "B", "B/A", "says"];
    let cells = picture.rows.iter().map(|row| {
        let [who, _, rest @ ..] = cells(row);
        std::iter::once(who).chain(rest).collect()
    });
    let table = figures(picture.measure, &heads, cells);
    let drawn: Vec<Drawn<'_>> = picture.rows.iter().filter_map(|row| Drawn::of(row)).collect();
    let svg = if drawn.is_empty() {
        html! { p { "A is nothing there: see the table." } }
    } else {
        svg(id, picture, &drawn)
    };
    framed(&heading(picture.measure), &svg, "In multiples of A's median.", &table)
}

/// In multiples of A's median.
struct Drawn<'a> {
    row: &'a Row,
    first: [f64; 2],
    second: [f64; 3],
}

impl<'a> Drawn<'a> {
    /// `None` where A is nothing.
    fn of(row: &'a Row) -> Option<Self> {
        let (first, second) = (row.first?, row.second?);
        let of = |value: f64| {
            Some(value / first.median).filter(|_| first.median > 0.0).filter(|of| of.is_finite())
        };
        let Spread { min, median, max, .. } = second;
        Some(Self { row, first: [of(first.min)?, of(first.max)?], second: [of(min)?, of(median)?, of(max)?] })
    }

    fn all(&self) -> impl Iterator<Item = f64> {
        self.first.into_iter().chain(self.second)
    }
}

fn svg(id: &str, picture: &Picture<'_>, drawn: &[Drawn<'_>]) -> Markup {
    // What is nothing lies at the end, wherever that is.
    let far = drawn
        .iter()
        .flat_map(Drawn::all)
        .filter(|of| *of > 0.0)
        .map(|of| of.max(1.0 / of))
        .fold(1.0, f64::max);
    let reach = REACH.into_iter().find(|reach| far <= *reach).unwrap_or(far);
    let scale = Scale::Log { min: 1.0 / reach, max: reach };
    Rows {
        id: id.to_owned(),
        title: format!("{}: B beside A", picture.measure),
        says: says(picture),
        ticks: [1.0 / reach, 1.0, reach].map(|tick| (scale.at(tick), times(tick))).to_vec(),
        rows: drawn.iter().map(|drawn| row(drawn, &scale)).collect(),
        legend: vec![
            ("first", "A"),
            ("range", "B"),
            ("dot", "agrees"),
            ("diamond", "differs"),
            ("guide", "A's median"),
        ],
        guide: Some(scale.at(1.0)),
    }
    .svg()
}

fn row<'a>(drawn: &Drawn<'a>, scale: &Scale) -> rows::Row<'a> {
    let [from, to] = drawn.first.map(|of| scale.at(of));
    let [min, median, max] = drawn.second.map(|of| scale.at(of));
    let middle = match drawn.row.verdict {
        Verdict::Differ => Mark::Diamond { at: median },
        Verdict::Agree | Verdict::Incomparable(_) => Mark::Dot { at: median },
    };
    rows::Row {
        kind: drawn.row.kind,
        name: &drawn.row.contender,
        value: drawn.row.ratio.map_or_else(String::new, times),
        marks: vec![Mark::Bar { from, to, class: "first" }, Mark::Range { from: min, to: max }, middle],
    }
}

/// Who differs by how much, and how many do not.
fn says(picture: &Picture<'_>) -> String {
    let differ = picture.rows.iter().filter(|row| row.verdict == Verdict::Differ);
    let named = differ.map(|row| format!("{} {}", row.contender, row.ratio.map_or_else(String::new, times)));
    let named = named.collect::<Vec<_>>().join(", ");
    let named = if named.is_empty() { named } else { format!("B differs: {named}. ") };
    format!("{named}{}", summary(picture.rows.iter().copied()))
}

/// A percentile is no word.
fn heading(measure: &str) -> String {
    let mut letters = measure.chars();
    let first = letters.next().unwrap_or_default();
    if letters.clone().next().is_some_and(char::is_numeric) {
        return measure.to_owned();
    }
    first.to_uppercase().chain(letters).collect()
}
