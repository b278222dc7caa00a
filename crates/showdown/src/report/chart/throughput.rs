//! Requests a second at each number of connections.

use maud::{Markup, html};

use super::figure;
use super::rows::{Mark, Row, Rows};
use crate::report::numbers::{Unit, times};
use crate::report::scale::Scale;
use crate::report::spread::{self, Spread};
use crate::report::table;
use crate::result::Showdown;

/// One picture for each number of connections.
pub(crate) fn figures(showdown: &Showdown) -> Markup {
    html! {
        @for connections in spread::connections(showdown) { (one(showdown, connections)) }
    }
}

fn one(showdown: &Showdown, connections: u32) -> Markup {
    let found: Vec<_> = showdown
        .contenders
        .iter()
        .filter_map(|one| Some((one, spread::closed(one, connections, |closed| closed.per_second)?)))
        .collect();
    let scale = Scale::linear(found.iter().map(|(_, spread)| spread.max));
    let picture = Rows {
        id: format!("throughput-{connections}"),
        title: format!("Requests per second at {connections} connections"),
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
    let floor = showdown
        .contenders
        .first()
        .and_then(|one| spread::closed(one, connections, |closed| closed.per_second));
    let rows = found.iter().map(|(one, spread)| {
        let share = floor.as_ref().and_then(|floor: &Spread| spread.ratio_to(floor));
        let mut row = vec![one.name.clone()];
        row.extend([spread.min, spread.median, spread.max].map(|value| Unit::PerSecond.show(value)));
        row.push(share.map_or_else(table::none, times));
        row.push(failed(one, connections));
        row
    });
    let heads = ["Who", "lowest", "median", "highest", "of the floor", "failed"];
    figure(
        &plural(connections),
        &picture.svg(),
        "Longer is better. Every connection sends its next request when it has the answer to the last.",
        &table::figures(&format!("Requests per second, {}", plural(connections)), &heads, rows),
    )
}

fn failed(contender: &crate::result::Contender, connections: u32) -> String {
    let of = contender.closed.iter().filter(|closed| closed.connections == connections);
    of.map(|closed| closed.failed).fold(0, u64::saturating_add).to_string()
}

/// `1 connection`, `64 connections`.
pub(crate) fn plural(connections: u32) -> String {
    if connections == 1 { "1 connection".to_owned() } else { format!("{connections} connections") }
}
