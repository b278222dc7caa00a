//! Requests a second at each number of connections.

use maud::{Markup, html};

use super::{figure, rates};
use crate::report::numbers::times;
use crate::report::spread::{self, Spread};
use crate::report::table;
use crate::result::{Contender, Showdown};

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
    let picture = rates::bars(
        format!("throughput-{connections}"),
        format!("Requests per second at {connections} connections"),
        &found,
    );
    let floor = showdown
        .contenders
        .first()
        .and_then(|one| spread::closed(one, connections, |closed| closed.per_second));
    let rows = found.iter().map(|(one, spread)| {
        let share = floor.as_ref().and_then(|floor: &Spread| spread.ratio_to(floor));
        let mut row = rates::row(one, spread);
        row.push(share.map_or_else(table::none, times));
        row.push(failed(one, connections));
        row
    });
    let heads = [&rates::HEADS[..], &["of the floor", "failed"]].concat();
    figure(
        &plural(connections),
        &picture,
        "Longer is better. Every connection sends its next request when it has the answer to the last.",
        &table::figures(&format!("Requests per second, {}", plural(connections)), &heads, rows),
    )
}

fn failed(contender: &Contender, connections: u32) -> String {
    let of = contender.closed.iter().filter(|closed| closed.connections == connections);
    of.map(|closed| closed.failed).fold(0, u64::saturating_add).to_string()
}

/// `1 connection`, `64 connections`.
pub(crate) fn plural(connections: u32) -> String {
    if connections == 1 { "1 connection".to_owned() } else { format!("{connections} connections") }
}
