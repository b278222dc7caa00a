//! How long an answer takes: the usual, the rare and the very rare one.

use maud::{Markup, html};

use super::curve::{Curve, Panel};
use super::rows::{Mark, Row, Rows};
use super::throughput::plural;
use super::{curve, figure, kind};
use crate::report::numbers::Unit;
use crate::report::scale::Scale;
use crate::report::spread::{self, Spread};
use crate::report::table;
use crate::result::{Contender, Latency, Showdown};

/// One connection, then each fixed rate, then whole distributions.
pub(crate) fn figures(showdown: &Showdown) -> Markup {
    let lonely = spread::connections(showdown).into_iter().next();
    let rates = spread::rates(showdown);
    html! {
        @if let Some(connections) = lonely { (closed(showdown, connections)) }
        @for &rate in &rates { (open(showdown, rate)) }
        @if let Some(rate) = rates.last() { (distributions(showdown, *rate)) }
    }
}

/// The percentiles of a contender, each over its rounds.
struct Times<'a> {
    contender: &'a Contender,
    p50: Spread,
    p99: Spread,
    p999: Spread,
    remark: Option<String>,
}

fn closed(showdown: &Showdown, connections: u32) -> Markup {
    let found = showdown.contenders.iter().filter_map(|contender| {
        let of =
            |figure: fn(&Latency) -> f64| spread::closed(contender, connections, |one| figure(&one.latency));
        Some(Times {
            contender,
            p50: of(|one| one.p50)?,
            p99: of(|one| one.p99)?,
            p999: of(|one| one.p999)?,
            remark: None,
        })
    });
    let heading = format!("{}, one request after the other", plural(connections));
    strip(&format!("latency-{connections}"), &heading, "", &found.collect::<Vec<_>>())
}

fn open(showdown: &Showdown, rate: u32) -> Markup {
    let found = showdown.contenders.iter().filter_map(|contender| {
        let of = |figure: fn(&Latency) -> f64| spread::open(contender, rate, |one| figure(&one.latency));
        Some(Times {
            contender,
            p50: of(|one| one.p50)?,
            p99: of(|one| one.p99)?,
            p999: of(|one| one.p999)?,
            remark: remark(contender, rate),
        })
    });
    let heading = format!("{} on a fixed schedule", Unit::PerSecond.show(f64::from(rate)));
    let reading =
        " Each request is timed from when it was due, so a stall counts for all that waited for it.";
    strip(&format!("latency-rate-{rate}"), &heading, reading, &found.collect::<Vec<_>>())
}

/// A server that cannot keep up has a latency that only says how long it was asked.
fn remark(contender: &Contender, rate: u32) -> Option<String> {
    spread::behind(contender, rate)
        .map(|came| format!("fell behind: {} came", Unit::PerSecond.show(came.median)))
}

fn strip(id: &str, heading: &str, reading: &str, found: &[Times<'_>]) -> Markup {
    let kept = found.iter().filter(|one| one.remark.is_none());
    let scale = Scale::log(kept.flat_map(|one| [one.p50.median, one.p99.median, one.p999.median]));
    let picture = Rows {
        id: id.to_owned(),
        title: format!("Latency, {heading}"),
        says: table::ranking(
            found.iter().map(|one| (one.contender.name.as_str(), one.p50.median)),
            Unit::Micros,
        ),
        ticks: scale.ticks().into_iter().map(|tick| (scale.at(tick), Unit::Micros.show(tick))).collect(),
        rows: found.iter().map(|one| row(one, &scale)).collect(),
        legend: vec![("dot", "p50"), ("ring", "p99"), ("diamond", "p99.9")],
        guide: None,
    };
    let cells = found.iter().map(|one| {
        let mut row = vec![one.contender.name.clone()];
        for spread in [&one.p50, &one.p99, &one.p999] {
            row.push(table::with_range(Unit::Micros, spread));
        }
        row.push(one.remark.clone().unwrap_or_else(table::none));
        row
    });
    let table =
        table::figures(&format!("Latency, {heading}"), &["Who", "p50", "p99", "p99.9", "remark"], cells);
    let reading = format!(
        "Further left is better; the axis is logarithmic. p99: one answer in a hundred took longer. Medians of the \
         rounds.{reading}"
    );
    figure(heading, &picture.svg(), &reading, &table)
}

fn row<'a>(times: &Times<'a>, scale: &Scale) -> Row<'a> {
    let [p50, p99, p999] = [times.p50, times.p99, times.p999].map(|spread| scale.at(spread.median));
    let (value, marks) = match times.remark {
        Some(_) => ("fell behind".to_owned(), Vec::new()),
        None => (
            Unit::Micros.show(times.p50.median),
            vec![
                Mark::Span { from: p50, to: p999 },
                Mark::Dot { at: p50 },
                Mark::Ring { at: p99 },
                Mark::Diamond { at: p999 },
            ],
        ),
    };
    Row { kind: times.contender.kind, name: &times.contender.name, value, marks }
}

/// The whole distribution at a rate: a small picture for each, with the floor's beside it.
fn distributions(showdown: &Showdown, rate: u32) -> Markup {
    let curves = |one: &Contender| -> Vec<Curve> {
        one.open.iter().filter(|open| open.rate == rate).map(|open| open.latency.curve.clone()).collect()
    };
    let floor = showdown.contenders.first().map(&curves).unwrap_or_default();
    let found: Vec<(&Contender, Vec<Curve>)> = showdown
        .contenders
        .iter()
        .map(|one| (one, curves(one)))
        .filter(|(one, curves)| {
            spread::behind(one, rate).is_none() && curves.iter().any(|curve| !curve.is_empty())
        })
        .collect();
    if found.is_empty() {
        return html! {};
    }
    let scale = Scale::log(found.iter().flat_map(|(_, curves)| curves.iter().flatten().map(|point| point.1)));
    let table = format!("curves-{rate}");
    html! {
        figure.wide {
            h3 { "The whole distribution at " (Unit::PerSecond.show(f64::from(rate))) }
            div.panels {
                @for (at, (one, curves)) in found.iter().enumerate() {
                    @let panel = Panel {
                        id: format!("curve-{rate}-{at}"),
                        class: kind(one.kind).1,
                        name: &one.name,
                        table: &table,
                        scale: &scale,
                        curves,
                        floor: &floor,
                    };
                    (panel.svg())
                }
            }
            figcaption {
                "Upwards: time, logarithmic and the same everywhere. To the right: the share of answers that were \
                 faster. One line a round; the dashed line is the floor's first round. Who fell behind is not drawn."
            }
            details {
                summary { "The figures as a table" }
                (curve::table(&table, &found))
            }
        }
    }
}
