//! Logins and refreshes a second.

use maud::Markup;

use super::figure;
use super::rows::{Mark, Row, Rows};
use crate::report::numbers::Unit;
use crate::report::scale::Scale;
use crate::report::spread::Spread;
use crate::report::table;
use crate::result::{Contender, Showdown};

/// Logins; `None` where nobody logged in.
pub(crate) fn logins(showdown: &Showdown) -> Option<Markup> {
    let reading =
        "Longer is better. A login hashes the password, on purpose slowly, and that is what it costs.";
    picture(showdown, "Logins", reading, |one| &one.logins)
}

/// Refreshes; `None` where there were none.
pub(crate) fn refreshes(showdown: &Showdown) -> Option<Markup> {
    let reading = "Longer is better. A refresh hands out a new access token and replaces the refresh token.";
    picture(showdown, "Refreshes", reading, |one| &one.refreshes)
}

fn picture(
    showdown: &Showdown,
    what: &str,
    reading: &str,
    of: impl Fn(&Contender) -> &Vec<f64>,
) -> Option<Markup> {
    let found: Vec<(&Contender, Spread)> = showdown
        .contenders
        .iter()
        .filter_map(|one| Some((one, Spread::of(of(one).iter().copied())?)))
        .collect();
    if found.is_empty() {
        return None;
    }
    let scale = Scale::linear(found.iter().map(|(_, spread)| spread.max));
    let rows = Rows {
        id: format!("{}-rate", what.to_lowercase()),
        title: format!("{what} per second"),
        says: table::ranking(
            found.iter().map(|(one, spread)| (one.name.as_str(), spread.median)),
            Unit::PerSecond,
        ),
        ticks: scale.ticks().into_iter().map(|tick| (scale.at(tick), Unit::PerSecond.show(tick))).collect(),
        rows: found
            .iter()
            .map(|(one, spread)| Row {
                kind: one.kind,
                name: &one.name,
                value: Unit::PerSecond.show(spread.median),
                marks: vec![
                    Mark::Bar { from: 0.0, to: scale.at(spread.median), class: "plain" },
                    Mark::Range { from: scale.at(spread.min), to: scale.at(spread.max) },
                ],
            })
            .collect(),
        legend: vec![("plain", "median"), ("range", "lowest to highest round")],
        guide: None,
    };
    let cells = found.iter().map(|(one, spread)| {
        let mut row = vec![one.name.clone()];
        row.extend([spread.min, spread.median, spread.max].map(|value| Unit::PerSecond.show(value)));
        row
    });
    let table = table::figures(&format!("{what} per second"), &["Who", "lowest", "median", "highest"], cells);
    Some(figure(&format!("{what} per second"), &rows.svg(), reading, &table))
}
