//! Bytes on the wire and in memory.

use maud::Markup;

use super::figure;
use super::rows::{Mark, Row, Rows};
use crate::report::numbers::Unit;
use crate::report::scale::Scale;
use crate::report::table;
use crate::result::{Bytes, Contender, Showdown};

/// One request and its answer; `None` where it was not counted.
pub(crate) fn wire(showdown: &Showdown) -> Option<Markup> {
    let found: Vec<(&Contender, Bytes)> =
        showdown.contenders.iter().filter_map(|one| Some((one, one.bytes?))).collect();
    let total = |bytes: &Bytes| bytes.sent as f64 + bytes.received as f64;
    let scale = Scale::linear(found.iter().map(|(_, bytes)| total(bytes)));
    if found.is_empty() {
        return None;
    }
    let rows = Rows {
        id: "wire".to_owned(),
        title: "Bytes of one request and its answer".to_owned(),
        says: table::ranking(found.iter().map(|(one, bytes)| (one.name.as_str(), total(bytes))), Unit::Bytes),
        ticks: scale.ticks().into_iter().map(|tick| (scale.at(tick), Unit::Bytes.show(tick))).collect(),
        rows: found
            .iter()
            .map(|(one, bytes)| Row {
                kind: one.kind,
                name: &one.name,
                value: Unit::Bytes.show(total(bytes)),
                marks: vec![
                    Mark::Bar { from: 0.0, to: scale.at(bytes.sent as f64), class: "plain" },
                    Mark::Bar {
                        from: scale.at(bytes.sent as f64),
                        to: scale.at(total(bytes)),
                        class: "received",
                    },
                ],
            })
            .collect(),
        legend: vec![("plain", "request"), ("received", "answer")],
        guide: None,
    };
    let cells = found.iter().map(|(one, bytes)| {
        vec![
            one.name.clone(),
            bytes.sent.to_string(),
            bytes.received.to_string(),
            Unit::Bytes.show(total(bytes)),
        ]
    });
    let table = table::figures("Bytes on the wire", &["Who", "request", "answer", "both"], cells);
    Some(figure(
        "On the wire",
        &rows.svg(),
        "Shorter is better. Heads and bodies of one request and its answer.",
        &table,
    ))
}

/// Resident memory of the server's processes; `None` where it was not read.
pub(crate) fn memory(showdown: &Showdown) -> Option<Markup> {
    let found: Vec<(&Contender, f64)> =
        showdown.contenders.iter().filter_map(|one| Some((one, one.memory? as f64))).collect();
    let scale = Scale::linear(found.iter().map(|(_, bytes)| *bytes));
    if found.is_empty() {
        return None;
    }
    let rows = Rows {
        id: "memory".to_owned(),
        title: "Resident memory of the server after the load".to_owned(),
        says: table::ranking(found.iter().map(|(one, bytes)| (one.name.as_str(), *bytes)), Unit::Bytes),
        ticks: scale.ticks().into_iter().map(|tick| (scale.at(tick), Unit::Bytes.show(tick))).collect(),
        rows: found
            .iter()
            .map(|(one, bytes)| Row {
                kind: one.kind,
                name: &one.name,
                value: Unit::Bytes.show(*bytes),
                marks: vec![Mark::Bar { from: 0.0, to: scale.at(*bytes), class: "plain" }],
            })
            .collect(),
        legend: Vec::new(),
        guide: None,
    };
    let cells = found.iter().map(|(one, bytes)| vec![one.name.clone(), Unit::Bytes.show(*bytes)]);
    let table = table::figures("Resident memory after the load", &["Who", "memory"], cells);
    Some(figure(
        "In memory",
        &rows.svg(),
        "Shorter is better. The server's own processes, without the database's.",
        &table,
    ))
}
