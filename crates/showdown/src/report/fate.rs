//! What became of requests during an outage, in shares and in words.

use super::numbers::Unit;
use crate::result::Outage;

/// Shares of all requests, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fate {
    /// 2xx.
    pub answered: f64,
    /// 5xx: true, and may be tried again.
    pub told: f64,
    /// Any other status: says of the login what is not true.
    pub denied: f64,
    /// No answer in time.
    pub none: f64,
    /// How many there were.
    pub requests: u64,
}

impl Fate {
    /// Of what was measured.
    pub(crate) fn of(outage: &Outage) -> Self {
        let count = |of: &dyn Fn(u16) -> bool| {
            outage
                .during
                .iter()
                .filter(|&&(status, _)| of(status))
                .fold(0, |sum: u64, one| sum.saturating_add(one.1))
        };
        let requests = count(&|_| true);
        let share =
            |of: &dyn Fn(u16) -> bool| if requests == 0 { 0.0 } else { count(of) as f64 / requests as f64 };
        Self {
            answered: share(&|status| (200..300).contains(&status)),
            told: share(&|status| (500..600).contains(&status)),
            denied: share(&|status| {
                status != 0 && !(200..300).contains(&status) && !(500..600).contains(&status)
            }),
            none: share(&|status| status == 0),
            requests,
        }
    }

    /// `12 % answered, 88 % told of the outage`
    pub(crate) fn long(&self) -> String {
        let parts = [
            (self.answered, "answered"),
            (self.told, "told of the outage"),
            (self.denied, "told that the login is not good"),
            (self.none, "without an answer"),
        ];
        let said = parts.into_iter().filter(|(share, _)| *share > 0.0);
        let said: Vec<String> =
            said.map(|(share, what)| format!("{} {what}", Unit::Share.show(share))).collect();
        if said.is_empty() { "nothing was asked".to_owned() } else { said.join(", ") }
    }
}
