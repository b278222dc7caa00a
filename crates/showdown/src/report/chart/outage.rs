//! What was answered while the database was stopped.

use maud::Markup;

use super::figure;
use super::rows::{Mark, Row, Rows};
use crate::report::fate::Fate;
use crate::report::numbers::Unit;
use crate::report::table;
use crate::result::{Contender, Outage, Showdown};

/// The picture; `None` where no database was stopped.
pub(crate) fn picture(showdown: &Showdown) -> Option<Markup> {
    let found: Vec<(&Contender, &Outage)> =
        showdown.contenders.iter().filter_map(|one| Some((one, one.outage.as_ref()?))).collect();
    if found.is_empty() {
        return None;
    }
    let rows = Rows {
        id: "outage-answers".to_owned(),
        title: "Answers while the database was stopped".to_owned(),
        says: found
            .iter()
            .map(|(one, outage)| format!("{}: {}. ", one.name, Fate::of(outage).long()))
            .collect(),
        ticks: [0.0, 0.25, 0.5, 0.75, 1.0].map(|at| (at * 100.0, Unit::Share.show(at))).to_vec(),
        rows: found.iter().map(|(one, outage)| row(one, outage)).collect(),
        legend: vec![("good", "answered"), ("failed", "outage"), ("wrong", "denied"), ("timeout", "none")],
        guide: None,
    };
    let heads = ["Who", "answered", "outage", "denied", "no answer", "by status", "recovered after"];
    let table = table::figures(
        "While the database was stopped",
        &heads,
        found.iter().map(|(one, outage)| cells(one, outage)),
    );
    Some(figure(
        "Answers while the database was stopped",
        &rows.svg(),
        "Answered: a 2xx. Outage: a 5xx, which a client may try again. Denied: a 4xx, which sends people to \
         the login page for nothing. At the right: the time from the end of the outage to the first answer.",
        &table,
    ))
}

fn row<'a>(contender: &'a Contender, outage: &Outage) -> Row<'a> {
    let fate = Fate::of(outage);
    let mut from = 0.0;
    let mut marks = Vec::new();
    for (share, class) in
        [(fate.answered, "good"), (fate.told, "failed"), (fate.denied, "wrong"), (fate.none, "timeout")]
    {
        let to = from + share * 100.0;
        if share > 0.0 {
            marks.push(Mark::Bar { from, to, class });
        }
        from = to;
    }
    let value = outage.recovery.map_or_else(table::none, |millis| Unit::Millis.show(millis));
    Row { kind: contender.kind, name: &contender.name, value, marks }
}

fn cells(contender: &Contender, outage: &Outage) -> Vec<String> {
    let fate = Fate::of(outage);
    let mut row = vec![contender.name.clone()];
    row.extend([fate.answered, fate.told, fate.denied, fate.none].map(|share| Unit::Share.show(share)));
    let statuses = outage.during.iter().map(|&(status, count)| {
        let status = if status == 0 { "none".to_owned() } else { status.to_string() };
        format!("{status}: {count}")
    });
    row.push(statuses.collect::<Vec<_>>().join(", "));
    row.push(outage.recovery.map_or_else(table::none, |millis| Unit::Millis.show(millis)));
    row
}
