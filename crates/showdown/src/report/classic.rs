//! The rows of the table that every article on sessions and JWTs has, with what was measured and nothing else.

use super::ending::Ending;
use super::fate::Fate;
use super::numbers::{Unit, times};
use super::spread::{self, Spread};
use crate::result::{Contender, Showdown};

/// A figure, and what stands small below it.
pub(super) struct Cell {
    pub(super) figure: String,
    pub(super) remark: Option<String>,
}

/// Who is asked, and what is found.
pub(super) type Of<'a> = Box<dyn Fn(&Contender) -> Option<Cell> + 'a>;

/// The rows from top to bottom.
pub(super) fn rows(showdown: &Showdown) -> Vec<(String, Of<'_>)> {
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
        Ending::Bites { after, never: None, promise } => promise
            .short()
            .or_else(|| (after.count > 1).then(|| format!("{} at worst", Unit::Millis.show(after.max)))),
        Ending::Bites { after, never: Some(_), promise } => {
            let promise = promise.short().map_or_else(String::new, |promise| format!("; {promise}"));
            Some(format!("else after {}{promise}", Unit::Millis.show(after.median)))
        }
        Ending::Expires { after } => {
            return Some(Cell {
                figure: "at its expiry".to_owned(),
                remark: Some(Unit::Millis.show(*after)),
            });
        }
        Ending::Unseen { never, promise } => never.map(|never| never.short()).or_else(|| promise.short()),
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
