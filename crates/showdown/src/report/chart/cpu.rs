//! CPU of one request: the server's and the database's, beside a request without any check.

use maud::{Markup, html};

use super::figure;
use super::rows::{Mark, Row, Rows};
use super::throughput::plural;
use crate::report::numbers::{Unit, times};
use crate::report::scale::Scale;
use crate::report::spread::{self, Spread};
use crate::report::table;
use crate::result::{Contender, Kind, Showdown};

/// How far past the others a bar may go before it is cut: past that, nothing could be told of the others.
const FAR: f64 = 4.0;

/// One picture for each number of connections.
pub(crate) fn figures(showdown: &Showdown) -> Markup {
    html! {
        @for connections in spread::connections(showdown) { (one(showdown, connections)) }
    }
}

struct Cost<'a> {
    contender: &'a Contender,
    server: Spread,
    database: Option<Spread>,
    both: Spread,
}

fn one(showdown: &Showdown, connections: u32) -> Markup {
    let costs: Vec<Cost<'_>> =
        showdown.contenders.iter().filter_map(|contender| cost(contender, connections)).collect();
    let floor = costs.first().filter(|cost| cost.contender.kind == Kind::Floor).map(|cost| cost.both);
    let scale = scale(&costs);
    let picture = Rows {
        id: format!("cpu-{connections}"),
        title: format!("CPU per request at {connections} connections, server and database"),
        says: table::ranking(
            costs.iter().map(|cost| (cost.contender.name.as_str(), cost.both.median)),
            Unit::Micros,
        ),
        ticks: scale.ticks().into_iter().map(|tick| (scale.at(tick), Unit::Micros.show(tick))).collect(),
        rows: costs.iter().map(|cost| row(cost, &scale)).collect(),
        legend: vec![("plain", "server"), ("database", "database"), ("guide", "the floor")],
        guide: floor.map(|floor| scale.at(floor.median)),
    };
    let heads = ["Who", "server", "server, range", "database", "both", "of the floor"];
    let rows = costs.iter().map(|cost| {
        let ratio = floor.as_ref().and_then(|floor| cost.both.ratio_to(floor));
        vec![
            cost.contender.name.clone(),
            Unit::Micros.show(cost.server.median),
            Unit::Micros.range(&cost.server).unwrap_or_else(table::none),
            cost.database.map_or_else(table::none, |database| Unit::Micros.show(database.median)),
            Unit::Micros.show(cost.both.median),
            ratio.map_or_else(table::none, times),
        ]
    });
    figure(
        &plural(connections),
        &picture.svg(),
        "Shorter is better. The medians of what the kernel counts for the processes, user and system time; the thin \
         line is the spread of both together. A bar with two strokes at its end goes on past the axis.",
        &table::figures(&format!("CPU per request, {}", plural(connections)), &heads, rows),
    )
}

fn cost(contender: &Contender, connections: u32) -> Option<Cost<'_>> {
    Some(Cost {
        contender,
        server: spread::closed(contender, connections, |closed| closed.server_cpu)?,
        database: spread::closed_some(contender, connections, |closed| closed.database_cpu),
        both: spread::cpu(contender, connections)?,
    })
}

/// Others may be hundreds of times as dear: the axis is made for the rest, and they are cut.
fn scale(costs: &[Cost<'_>]) -> Scale {
    let of = |peers: bool| {
        let max = |cost: &Cost<'_>| {
            cost.both.max.max(cost.server.median + cost.database.map_or(0.0, |one| one.median))
        };
        costs.iter().filter(move |cost| peers || cost.contender.kind != Kind::Peer).map(max)
    };
    let (ours, all) = (of(false).fold(0.0, f64::max), of(true).fold(0.0, f64::max));
    if ours > 0.0 && all > ours * FAR { Scale::linear([ours * 1.1]) } else { Scale::linear([all]) }
}

fn row<'a>(cost: &Cost<'a>, scale: &Scale) -> Row<'a> {
    let server = cost.server.median;
    let database = cost.database.map_or(0.0, |database| database.median);
    let (Scale::Linear { max } | Scale::Log { max, .. }) = *scale;
    let mut marks = vec![Mark::Bar { from: 0.0, to: scale.at(server), class: "plain" }];
    if database > 0.0 {
        marks.push(Mark::Bar { from: scale.at(server), to: scale.at(server + database), class: "database" });
    }
    if cost.both.median > max {
        marks.push(Mark::Cut);
    } else {
        marks.push(Mark::Range { from: scale.at(cost.both.min), to: scale.at(cost.both.max) });
    }
    Row {
        kind: cost.contender.kind,
        name: &cost.contender.name,
        value: Unit::Micros.show(cost.both.median),
        marks,
    }
}
