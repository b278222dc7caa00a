//! What several rounds say together: the middle, and how far apart they were.

use serde::Serialize;

use crate::result::{Closed, Contender, Open, Showdown};

/// The smallest, the middle and the largest of several figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// The smallest.
    pub min: f64,
    /// The middle one; of an even number the mean of the middle two.
    pub median: f64,
    /// The largest.
    pub max: f64,
    /// How many there were.
    pub count: usize,
}

impl Spread {
    /// Of these, as far as they are numbers; `None` without one.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        let middle = values.len() / 2;
        let median = if values.len().is_multiple_of(2) {
            f64::midpoint(values[middle - 1], values[middle])
        } else {
            values[middle]
        };
        Some(Self { min, median, max, count: values.len() })
    }

    /// Whether some figure could belong to both: then the two are not known to differ.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.min <= other.max && other.min <= self.max
    }

    /// Whether there is more than one figure in it.
    pub(crate) fn varies(&self) -> bool {
        self.min.total_cmp(&self.max).is_ne()
    }

    /// How far the ends lie apart, as a share of the median; `None` where that is nothing.
    pub(crate) fn width(&self) -> Option<f64> {
        let width = (self.max - self.min) / self.median;
        (self.median > 0.0 && width.is_finite()).then_some(width)
    }

    /// How many times `base` this is, median by median; `None` where `base` is nothing.
    pub fn ratio_to(&self, base: &Self) -> Option<f64> {
        let ratio = self.median / base.median;
        (base.median > 0.0 && ratio.is_finite()).then_some(ratio)
    }
}

/// A figure of the closed loop over its rounds.
pub(crate) fn closed(
    contender: &Contender,
    connections: u32,
    figure: impl Fn(&Closed) -> f64,
) -> Option<Spread> {
    Spread::of(contender.closed.iter().filter(|one| one.connections == connections).map(figure))
}

/// A figure of the closed loop that not everybody has.
pub(crate) fn closed_some(
    contender: &Contender,
    connections: u32,
    figure: impl Fn(&Closed) -> Option<f64>,
) -> Option<Spread> {
    Spread::of(contender.closed.iter().filter(|one| one.connections == connections).filter_map(figure))
}

/// A figure of the open loop over its rounds.
pub(crate) fn open(contender: &Contender, rate: u32, figure: impl Fn(&Open) -> f64) -> Option<Spread> {
    Spread::of(contender.open.iter().filter(|one| one.rate == rate).map(figure))
}

/// What came of a rate, where that was clearly less than what was due.
pub(crate) fn behind(contender: &Contender, rate: u32) -> Option<Spread> {
    open(contender, rate, |one| one.per_second).filter(|came| came.median < f64::from(rate) * 0.95)
}

/// CPU of server and database together for one request, in microseconds.
pub(crate) fn cpu(contender: &Contender, connections: u32) -> Option<Spread> {
    closed(contender, connections, |one| one.server_cpu + one.database_cpu.unwrap_or(0.0))
}

/// The connections at which the floor answers most: what "under load" means. CPU per request is compared at equal
/// connections only, since a lonely request also pays for waking a process that sleeps.
pub(crate) fn busiest(showdown: &Showdown) -> Option<u32> {
    let floor = showdown.contenders.first()?;
    connections(showdown)
        .into_iter()
        .filter_map(|level| Some((level, closed(floor, level, |one| one.per_second)?.median)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(level, _)| level)
}

/// The numbers of connections that were measured, from small to large.
pub(crate) fn connections(showdown: &Showdown) -> Vec<u32> {
    sorted(showdown.contenders.iter().flat_map(|one| &one.closed).map(|closed| closed.connections))
}

/// The rates that were measured, from small to large.
pub(crate) fn rates(showdown: &Showdown) -> Vec<u32> {
    sorted(showdown.contenders.iter().flat_map(|one| &one.open).map(|open| open.rate))
}

fn sorted(values: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut values: Vec<u32> = values.collect();
    values.sort_unstable();
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_ends() {
        let odd = Spread::of([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.min, odd.median, odd.max, odd.count), (1.0, 2.0, 3.0, 3));
        assert_eq!(Spread::of([4.0, 1.0]).unwrap().median, 2.5);
        assert_eq!(Spread::of([f64::NAN, 7.0, f64::INFINITY]).unwrap().count, 1);
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn ranges_that_touch_are_not_known_to_differ() {
        let of = |min, max| Spread::of([min, max]).unwrap();
        assert!(of(1.0, 2.0).overlaps(&of(2.0, 3.0)));
        assert!(of(1.0, 9.0).overlaps(&of(4.0, 5.0)));
        assert!(!of(1.0, 2.0).overlaps(&of(2.1, 3.0)));
        assert!(!of(2.1, 3.0).overlaps(&of(1.0, 2.0)));
    }

    #[test]
    fn nothing_is_no_base() {
        let of = |value| Spread::of([value]).unwrap();
        assert_eq!(of(3.0).ratio_to(&of(2.0)), Some(1.5));
        assert_eq!(of(3.0).ratio_to(&of(0.0)), None);
    }
}
