//! How long a login is good for after its logout was acknowledged.

use maud::Markup;

use super::figure;
use super::rows::{Mark, Row, Rows};
use crate::report::ending::{Ending, Never};
use crate::report::numbers::Unit;
use crate::report::scale::Scale;
use crate::report::table;
use crate::result::{Contender, Logout, Showdown};

/// Where the axis is labelled, in milliseconds: people know no "10,000 s".
const LABELS: [f64; 15] =
    [0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 10e3, 60e3, 600e3, 3600e3, 36_000e3, 864e5, 864e6, 864e7];

/// The picture; `None` where nobody was logged out.
pub(crate) fn picture(showdown: &Showdown) -> Option<Markup> {
    let found: Vec<(&Contender, &Logout)> =
        showdown.contenders.iter().filter_map(|one| Some((one, one.logout.as_ref()?))).collect();
    if found.is_empty() {
        return None;
    }
    let scale = Scale::log(found.iter().flat_map(|(_, logout)| {
        logout.bites_after.iter().copied().chain(given_up(logout)).chain(logout.bound).chain(logout.expiry)
    }));
    let rows = Rows {
        id: "logout-times".to_owned(),
        title: "Time until a logout bites, on a logarithmic axis".to_owned(),
        says: found
            .iter()
            .map(|(one, logout)| format!("{}: {}. ", one.name, Ending::of(logout).long()))
            .collect(),
        ticks: ticks(&scale),
        rows: found.iter().map(|(one, logout)| row(one, logout, &scale)).collect(),
        legend: legend(found.iter().any(|(_, logout)| given_up(logout).is_some())),
        guide: None,
    };
    let heads =
        ["Who", "median", "worst", "tries", "never bit", "waited", "promised", "expiry", "accepted after it"];
    let table = table::figures(
        "Time until a logout bites",
        &heads,
        found.iter().map(|(one, logout)| cells(one, logout)),
    );
    Some(figure(
        "From the acknowledgement of a logout to the first refusal",
        &rows.svg(),
        "Further left is better; the axis is logarithmic. At the right: the median, or where a line is dashed the time \
         after which the login expires, since nothing else ends it. A ring stands where the wait for a refusal was given \
         up.",
        &table,
    ))
}

fn legend(given_up: bool) -> Vec<(&'static str, &'static str)> {
    let tries = if given_up { vec![("dot", "a try"), ("ring", "never")] } else { vec![("dot", "a try")] };
    [tries, vec![("limit", "promised bound"), ("diamond", "its expiry")]].concat()
}

fn ticks(scale: &Scale) -> Vec<(f64, String)> {
    let Scale::Log { min, max } = *scale else { return Vec::new() };
    let inside: Vec<f64> = LABELS.into_iter().filter(|&at| at >= min * 0.999 && at <= max * 1.001).collect();
    let inside = if inside.len() < 2 { scale.ticks() } else { inside };
    let every = inside.len().div_ceil(6).max(1);
    inside.into_iter().step_by(every).map(|at| (scale.at(at), Unit::Millis.show(at))).collect()
}

fn row<'a>(contender: &'a Contender, logout: &Logout, scale: &Scale) -> Row<'a> {
    let mut marks = Vec::new();
    if let (Some(expiry), true) = (logout.expiry, logout.bites_after.is_empty()) {
        marks.push(Mark::Dashes { from: 0.0, to: scale.at(expiry) });
    }
    marks.extend(logout.expiry.map(|expiry| Mark::Diamond { at: scale.at(expiry) }));
    // At once is nowhere on a logarithmic axis.
    marks.extend(logout.bound.filter(|&bound| bound > 0.0).map(|bound| Mark::Tick { at: scale.at(bound) }));
    marks.extend(given_up(logout).map(|wait| Mark::Ring { at: scale.at(wait) }));
    marks.extend(logout.bites_after.iter().map(|&after| Mark::Dot { at: scale.at(after) }));
    Row { kind: contender.kind, name: &contender.name, value: Ending::of(logout).short(), marks }
}

/// Where tries were given up. A line with dashes says it already.
fn given_up(logout: &Logout) -> Option<f64> {
    let dashed = logout.expiry.is_some() && logout.bites_after.is_empty();
    (logout.never() > 0 && !dashed).then_some(logout.wait)
}

fn cells(contender: &Contender, logout: &Logout) -> Vec<String> {
    let spread = crate::report::spread::Spread::of(logout.bites_after.iter().copied());
    let millis = |value: Option<f64>| value.map_or_else(table::none, |value| Unit::Millis.show(value));
    vec![
        contender.name.clone(),
        millis(spread.map(|spread| spread.median)),
        millis(spread.map(|spread| spread.max)),
        if logout.tries == 0 { table::none() } else { logout.tries.to_string() },
        Never::of(logout).map_or_else(|| "0".to_owned(), Never::share),
        if logout.tries == 0 { table::none() } else { Unit::Millis.show(logout.wait) },
        logout
            .bound
            .filter(|&bound| bound <= 0.0)
            .map_or_else(|| millis(logout.bound), |_| "at once".to_owned()),
        millis(logout.expiry),
        logout.stale_accepts.to_string(),
    ]
}
