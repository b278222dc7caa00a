//! The table that every article on sessions and JWTs has, with what was measured in it and nothing else.

use maud::{Markup, html};

use super::chart::kind;
use super::ending::Ending;
use super::fate::Fate;
use super::numbers::{Unit, times};
use super::spread::{self, Spread};
use crate::result::{Contender, Kind, Showdown};

/// A figure, and what stands small below it.
struct Cell {
    figure: String,
    remark: Option<String>,
}

type Of<'a> = Box<dyn Fn(&Contender) -> Option<Cell> + 'a>;

/// The table; `None` where neither a classic design nor Cloakroom was measured.
pub(crate) fn table(showdown: &Showdown) -> Option<Markup> {
    let of = |kind: Kind| showdown.contenders.iter().filter(move |one| one.kind == kind);
    let columns: Vec<&Contender> = of(Kind::Classic).chain(of(Kind::Cloakroom)).collect();
    if columns.is_empty() {
        return None;
    }
    let rows = rows(showdown);
    Some(html! {
        div.scroll tabindex="0" role="region" aria-label="The comparison" {
            // Roles, since the rows become blocks on narrow screens and some browsers then forget what they were.
            table.matrix role="table" {
                caption { "What each design costs and what it gives, as measured in this run" }
                thead role="rowgroup" {
                    tr.kinds role="row" {
                        td role="cell" {}
                        @for group in columns.chunk_by(|one, next| one.kind == next.kind) {
                            @for one in &group[..1] {
                                th role="columnheader" scope="colgroup" colspan=(group.len()) class=(kind(one.kind).1) {
                                    (kind(one.kind).0)
                                }
                            }
                        }
                    }
                    tr role="row" {
                        td role="cell" {}
                        @for one in &columns {
                            th role="columnheader" scope="col" class=(kind(one.kind).1) { (one.name) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for (name, of) in &rows {
                        @let cells: Vec<Option<Cell>> = columns.iter().map(|one| of(one)).collect();
                        @if cells.iter().any(Option::is_some) {
                            tr role="row" {
                                th role="rowheader" scope="row" { (name) }
                                @for (one, cell) in columns.iter().zip(&cells) {
                                    td role="cell" class={ (kind(one.kind).1) @if cell.is_none() { " empty" } } data-who=(who(one)) { (show(cell.as_ref())) }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// Where the heads are out of sight, a name says whose it is.
fn who(one: &Contender) -> String {
    match one.kind {
        Kind::Cloakroom if !one.name.contains("Cloakroom") => format!("Cloakroom: {}", one.name),
        Kind::Cloakroom | Kind::Floor | Kind::Classic | Kind::Peer => one.name.clone(),
    }
}

fn show(cell: Option<&Cell>) -> Markup {
    html! {
        @match cell {
            Some(Cell { figure, remark }) => div {
                (figure)
                @if let Some(remark) = remark { small { (remark) } }
            },
            None => div { "–" },
        }
    }
}

fn rows(showdown: &Showdown) -> Vec<(String, Of<'_>)> {
    let mut rows: Vec<(String, Of<'_>)> = Vec::new();
    if let Some(&alone) = spread::connections(showdown).first() {
        rows.push((
            format!("Latency, {}", connections(alone)),
            Box::new(move |one| {
                Some(latency(
                    &spread::closed(one, alone, |closed| closed.latency.p50)?,
                    &spread::closed(one, alone, |closed| closed.latency.p99)?,
                ))
            }),
        ));
    }
    if let Some(&rate) = spread::rates(showdown).last() {
        rows.push((
            format!("Latency at {}", Unit::PerSecond.show(f64::from(rate))),
            Box::new(move |one| at_rate(one, rate)),
        ));
    }
    if let Some(busy) = spread::busiest(showdown) {
        rows.extend(under_load(showdown, busy));
    }
    rows.push(("Bytes of a request and its answer".to_owned(), Box::new(bytes)));
    rows.push((
        "Memory of the server".to_owned(),
        Box::new(|one| Some(plain(Unit::Bytes.show(one.memory? as f64)))),
    ));
    rows.push(("A logout bites after".to_owned(), Box::new(logout)));
    rows.push(("Accepted after a logout".to_owned(), Box::new(stale)));
    rows.push(("While the database is stopped".to_owned(), Box::new(outage)));
    rows.push((
        "Logins per second".to_owned(),
        Box::new(|one| Some(ranged(Unit::PerSecond, &Spread::of(one.logins.iter().copied())?))),
    ));
    rows.push((
        "Refreshes per second".to_owned(),
        Box::new(|one| Some(ranged(Unit::PerSecond, &Spread::of(one.refreshes.iter().copied())?))),
    ));
    rows
}

fn under_load(showdown: &Showdown, busy: u32) -> Vec<(String, Of<'_>)> {
    let floor =
        showdown.contenders.first().and_then(|floor| spread::closed(floor, busy, |closed| closed.server_cpu));
    vec![
        (
            format!("Requests per second, {}", connections(busy)),
            Box::new(move |one| {
                Some(ranged(Unit::PerSecond, &spread::closed(one, busy, |closed| closed.per_second)?))
            }),
        ),
        (
            "Server CPU per request".to_owned(),
            Box::new(move |one| {
                let cpu = spread::closed(one, busy, |closed| closed.server_cpu)?;
                let ratio = floor.as_ref().and_then(|floor| cpu.ratio_to(floor));
                let remark = ratio.map(|ratio| format!("{} the floor", times(ratio)));
                Some(Cell { figure: Unit::Micros.show(cpu.median), remark })
            }),
        ),
        (
            "Database CPU per request".to_owned(),
            Box::new(move |one| {
                Some(ranged(Unit::Micros, &spread::closed_some(one, busy, |closed| closed.database_cpu)?))
            }),
        ),
        (
            "Database queries per request".to_owned(),
            Box::new(move |one| {
                Some(plain(Unit::Count.show(spread::closed_some(one, busy, |closed| closed.queries)?.median)))
            }),
        ),
        (
            "Database connections".to_owned(),
            Box::new(move |one| {
                let open =
                    spread::closed_some(one, busy, |closed| closed.database_connections.map(f64::from))?;
                Some(plain(Unit::Count.show(open.max)))
            }),
        ),
    ]
}

fn at_rate(one: &Contender, rate: u32) -> Option<Cell> {
    if let Some(came) = spread::behind(one, rate) {
        let remark = Some(format!("{} came", Unit::PerSecond.show(came.median)));
        return Some(Cell { figure: "falls behind".to_owned(), remark });
    }
    let of =
        |figure: fn(&crate::result::Latency) -> f64| spread::open(one, rate, |open| figure(&open.latency));
    Some(latency(&of(|one| one.p50)?, &of(|one| one.p99)?))
}

fn latency(p50: &Spread, p99: &Spread) -> Cell {
    Cell {
        figure: Unit::Micros.show(p50.median),
        remark: Some(format!("p99 {}", Unit::Micros.show(p99.median))),
    }
}

fn bytes(one: &Contender) -> Option<Cell> {
    let bytes = one.bytes?;
    let remark = Some(format!("{} + {}", bytes.sent, bytes.received));
    Some(Cell { figure: Unit::Bytes.show(bytes.sent as f64 + bytes.received as f64), remark })
}

fn logout(one: &Contender) -> Option<Cell> {
    let ending = Ending::of(one.logout.as_ref()?);
    let remark = match &ending {
        Ending::Bites { after, bound: None, .. } => {
            (after.count > 1).then(|| format!("{} at worst", Unit::Millis.show(after.max)))
        }
        Ending::Bites { bound: Some(bound), late: 0, .. } => {
            Some(format!("promised {}", Unit::Millis.show(*bound)))
        }
        Ending::Bites { bound: Some(bound), late, .. } => {
            Some(format!("promised {}, missed {late} times", Unit::Millis.show(*bound)))
        }
        Ending::Expires { after } => {
            return Some(Cell {
                figure: "at its expiry".to_owned(),
                remark: Some(Unit::Millis.show(*after)),
            });
        }
        Ending::Unseen => None,
    };
    Some(Cell { figure: ending.short(), remark })
}

fn stale(one: &Contender) -> Option<Cell> {
    let logout = one.logout.as_ref()?;
    Some(plain(format!("{} requests", Unit::Count.show(logout.stale_accepts as f64))))
}

fn outage(one: &Contender) -> Option<Cell> {
    let outage = one.outage.as_ref()?;
    let remark = outage.recovery.map(|millis| format!("back after {}", Unit::Millis.show(millis)));
    Some(Cell { figure: Fate::of(outage).long(), remark })
}

fn plain(figure: String) -> Cell {
    Cell { figure, remark: None }
}

fn ranged(unit: Unit, spread: &Spread) -> Cell {
    Cell { figure: unit.show(spread.median), remark: unit.range(spread) }
}

fn connections(count: u32) -> String {
    super::chart::throughput::plural(count)
}
