//! Every figure of a contender under its name: for the table of everything, and to compare two runs.

use super::ending::Never;
use super::numbers::Unit;
use super::spread;
use crate::result::{Closed, Contender, Logout, Open};

/// A figure, once for each time it was taken.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Measure {
    /// `p99, 64 connections`
    pub name: String,
    /// What it counts.
    pub unit: Unit,
    /// One for each round or try.
    pub values: Vec<f64>,
    /// What the values do not say: tries without one.
    pub but: Option<String>,
}

/// What was measured of a contender, in an order that is the same for all.
pub(crate) fn of(contender: &Contender) -> Vec<Measure> {
    let mut all = Vec::new();
    for connections in levels(contender.closed.iter().map(|one| one.connections)) {
        let rounds = contender.closed.iter().filter(|one| one.connections == connections);
        closed(&rounds.collect::<Vec<_>>(), &super::chart::throughput::plural(connections), &mut all);
    }
    for rate in levels(contender.open.iter().map(|one| one.rate)) {
        let rounds = contender.open.iter().filter(|one| one.rate == rate);
        open(&rounds.collect::<Vec<_>>(), &Unit::PerSecond.show(f64::from(rate)), &mut all);
    }
    rest(contender, &mut all);
    all.extend(contender.logout.as_ref().into_iter().flat_map(logout));
    all.retain(|measure| spread::Spread::of(measure.values.iter().copied()).is_some());
    all
}

fn levels(values: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut values: Vec<u32> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

fn closed(rounds: &[&Closed], at: &str, all: &mut Vec<Measure>) {
    let mut add = |name: &str, unit, of: &dyn Fn(&Closed) -> Option<f64>| {
        let values = rounds.iter().filter_map(|one| of(one)).collect();
        all.push(Measure { name: format!("{name}, {at}"), unit, values, but: None });
    };
    add("requests per second", Unit::PerSecond, &|one| Some(one.per_second));
    add("p50", Unit::Micros, &|one| Some(one.latency.p50));
    add("p90", Unit::Micros, &|one| Some(one.latency.p90));
    add("p99", Unit::Micros, &|one| Some(one.latency.p99));
    add("p99.9", Unit::Micros, &|one| Some(one.latency.p999));
    add("slowest", Unit::Micros, &|one| Some(one.latency.max));
    add("server CPU per request", Unit::Micros, &|one| Some(one.server_cpu));
    add("database CPU per request", Unit::Micros, &|one| one.database_cpu);
    add("queries per request", Unit::Count, &|one| one.queries);
    add("database connections", Unit::Count, &|one| one.database_connections.map(f64::from));
    add("failed", Unit::Count, &|one| Some(one.failed as f64));
}

fn open(rounds: &[&Open], at: &str, all: &mut Vec<Measure>) {
    let mut add = |name: &str, unit, of: &dyn Fn(&Open) -> f64| {
        let values = rounds.iter().map(|one| of(one)).collect();
        all.push(Measure { name: format!("{name}, {at} due"), unit, values, but: None });
    };
    add("answers per second", Unit::PerSecond, &|one| one.per_second);
    add("p50", Unit::Micros, &|one| one.latency.p50);
    add("p90", Unit::Micros, &|one| one.latency.p90);
    add("p99", Unit::Micros, &|one| one.latency.p99);
    add("p99.9", Unit::Micros, &|one| one.latency.p999);
    add("slowest", Unit::Micros, &|one| one.latency.max);
    add("server CPU per request", Unit::Micros, &|one| one.server_cpu);
    add("failed", Unit::Count, &|one| one.failed as f64);
}

fn rest(contender: &Contender, all: &mut Vec<Measure>) {
    let mut add = |name: &str, unit, values: Vec<f64>| {
        all.push(Measure { name: name.to_owned(), unit, values, but: None })
    };
    add("bytes of a request", Unit::Bytes, contender.bytes.iter().map(|one| one.sent as f64).collect());
    add("bytes of an answer", Unit::Bytes, contender.bytes.iter().map(|one| one.received as f64).collect());
    add("memory", Unit::Bytes, contender.memory.iter().map(|&bytes| bytes as f64).collect());
    let outage = contender.outage.as_ref();
    let answered = outage.iter().map(|one| super::fate::Fate::of(one).answered);
    add("answered in an outage", Unit::Share, answered.collect());
    add("back after an outage", Unit::Millis, outage.iter().filter_map(|one| one.recovery).collect());
    add("logins per second", Unit::PerSecond, contender.logins.clone());
    add("refreshes per second", Unit::PerSecond, contender.refreshes.clone());
}

fn logout(logout: &Logout) -> [Measure; 3] {
    let measure = |name: &str, unit, values, but| Measure { name: name.to_owned(), unit, values, but };
    let bites = logout.bites_after.clone();
    let never = if logout.tries > 0 { vec![f64::from(logout.never())] } else { Vec::new() };
    [
        measure("a logout bites after", Unit::Millis, bites, Never::of(logout).map(Never::long)),
        measure("logouts that never bit", Unit::Count, never, None),
        measure("accepted after a logout", Unit::Count, vec![logout.stale_accepts as f64], None),
    ]
}
