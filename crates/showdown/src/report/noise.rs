//! How noisy the machine was, as far as a run can tell: what else ran before it, and how far its rounds lie apart.

use super::chart::throughput::plural;
use super::numbers::Unit;
use super::spread::{self, Spread};
use crate::result::{Closed, Contender, Kind, Showdown};

/// In sentences.
pub(crate) fn noise(showdown: &Showdown) -> String {
    let machine = &showdown.machine;
    let load = format!("A load of {:.2} on {} before it began.", machine.load_before, cores(machine.cores));
    let Some(busy) = spread::busiest(showdown) else { return load };
    let said: Vec<String> = [
        ("requests per second", apart(showdown, busy, |one| one.per_second)),
        ("CPU per request", apart(showdown, busy, |one| one.server_cpu)),
    ]
    .into_iter()
    .filter_map(|(what, apart)| Some(format!("{what} {}", apart?)))
    .collect();
    if said.is_empty() {
        return format!("{load} How far rounds lie apart is not known: there was one.");
    }
    format!("{load} The rounds lie apart, at {}: {}.", plural(busy), said.join("; "))
}

/// `1 core`
pub(crate) fn cores(count: u32) -> String {
    if count == 1 { "1 core".to_owned() } else { format!("{count} cores") }
}

/// By how many percent of the median; `None` where there was one round.
fn apart(showdown: &Showdown, busy: u32, figure: fn(&Closed) -> f64) -> Option<String> {
    let of = |one: &Contender| {
        let spread = spread::closed(one, busy, figure).filter(|spread| spread.count > 1)?;
        spread.width()
    };
    let floor = showdown.contenders.first().filter(|one| one.kind == Kind::Floor).and_then(of);
    let mut all: Vec<(f64, &str)> =
        showdown.contenders.iter().filter_map(|one| Some((of(one)?, one.name.as_str()))).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (most, who) = *all.last()?;
    let middle = Spread::of(all.iter().map(|one| one.0))?.median;
    let show = |width: f64| Unit::Share.show(width);
    let floor = floor.map_or_else(String::new, |floor| format!("of the floor by {}, ", show(floor)));
    Some(format!("{floor}of the median contender by {}, at most by {} (“{who}”)", show(middle), show(most)))
}
