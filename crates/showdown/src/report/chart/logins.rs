//! Logins and refreshes a second.

use maud::Markup;

use super::{figure, rates};
use crate::report::spread::Spread;
use crate::report::table;
use crate::result::{Contender, Showdown};

/// Logins; `None` where nobody logged in.
pub(crate) fn logins(showdown: &Showdown) -> Option<Markup> {
    let reading =
        "Longer is better. A login hashes the password, on purpose slowly, and that is what it costs.";
    picture(showdown, "Logins", reading, |one| &one.logins)
}

/// Refreshes; `None` where there were none.
pub(crate) fn refreshes(showdown: &Showdown) -> Option<Markup> {
    let reading = "Longer is better. A refresh hands out a new access token and replaces the refresh token.";
    picture(showdown, "Refreshes", reading, |one| &one.refreshes)
}

fn picture(
    showdown: &Showdown,
    what: &str,
    reading: &str,
    of: impl Fn(&Contender) -> &Vec<f64>,
) -> Option<Markup> {
    let found: Vec<(&Contender, Spread)> = showdown
        .contenders
        .iter()
        .filter_map(|one| Some((one, Spread::of(of(one).iter().copied())?)))
        .collect();
    if found.is_empty() {
        return None;
    }
    let title = format!("{what} per second");
    let picture = rates::bars(format!("{}-rate", what.to_lowercase()), title.clone(), &found);
    let cells = found.iter().map(|(one, spread)| rates::row(one, spread));
    Some(figure(&title, &picture, reading, &table::figures(&title, &rates::HEADS, cells)))
}
