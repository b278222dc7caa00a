//! What is made, and what races with it.

use super::state::From;
use crate::feed::flaw::Flaw;

/// A run of the model.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// What it is about.
    pub name: &'static str,
    /// What is wrong on purpose.
    pub flaw: Option<Flaw>,
    /// What credentials are made from, as often as can be.
    pub from: &'static [From],
    /// How many are in the making at once.
    pub at_once: usize,
    /// The revocations that may happen, each once.
    pub races: &'static [Race],
}

/// A revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Race {
    /// Every login of the user is ended.
    User,
    /// Every login of everyone is ended.
    Everything,
    /// The password changes where the row is, which is kept.
    KeepRow,
    /// The row is ended.
    Row,
    /// The token without a row is revoked.
    Token,
}

const RACES: &[Race] = &[Race::User, Race::Everything, Race::KeepRow, Race::Row, Race::Token];

impl Scenario {
    /// The real rules.
    pub fn real(large: bool) -> Vec<Self> {
        let at_once = if large { 3 } else { 2 };
        let all = &[From::Login, From::Refresh, From::Token, From::NewPassword];
        let run = |name, from| Self { name, flaw: None, from, at_once, races: RACES };
        vec![
            run("logins that hash", &[From::Login]),
            run("refreshes and a kept row", &[From::Refresh, From::Token]),
            run("tokens without a row", &[From::Token, From::NewPassword]),
            Self { at_once: at_once - 1, ..run("everything at once", all) },
        ]
    }

    /// Sets what is wrong on purpose.
    #[must_use]
    pub fn with_flaw(self, flaw: Flaw) -> Self {
        Self { flaw: Some(flaw), ..self }
    }

    /// Whether this is what is wrong.
    pub fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}
