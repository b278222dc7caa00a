//! Bars of what is done in a second, with how far the rounds lie apart, and the same figures as cells.

use maud::Markup;

use super::rows::{Mark, Row, Rows};
use crate::report::numbers::Unit;
use crate::report::scale::Scale;
use crate::report::spread::Spread;
use crate::report::table;
use crate::result::Contender;

/// The picture.
pub(super) fn bars(id: String, title: String, found: &[(&Contender, Spread)]) -> Markup {
    let scale = Scale::linear(found.iter().map(|(_, spread)| spread.max));
    let rows = found.iter().map(|(one, spread)| Row {
        kind: one.kind,
        name: &one.name,
        value: Unit::PerSecond.show(spread.median),
        marks: vec![
            Mark::Bar { from: 0.0, to: scale.at(spread.median), class: "plain" },
            Mark::Range { from: scale.at(spread.min), to: scale.at(spread.max) },
        ],
    });
    let medians = found.iter().map(|(one, spread)| (one.name.as_str(), spread.median));
    Rows {
        id,
        title,
        says: table::ranking(medians, Unit::PerSecond),
        ticks: scale.ticks().into_iter().map(|tick| (scale.at(tick), Unit::PerSecond.show(tick))).collect(),
        rows: rows.collect(),
        legend: vec![("plain", "median"), ("range", "lowest to highest round")],
        guide: None,
    }
    .svg()
}

/// What the cells of [`row`] are.
pub(super) const HEADS: [&str; 4] = ["Who", "lowest", "median", "highest"];

/// One contender in a table.
pub(super) fn row(one: &Contender, spread: &Spread) -> Vec<String> {
    let figures = [spread.min, spread.median, spread.max].map(|value| Unit::PerSecond.show(value));
    std::iter::once(one.name.clone()).chain(figures).collect()
}
