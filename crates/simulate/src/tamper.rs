//! Rules broken on purpose between the real code and its store: a harness that does not notice them shows nothing.

use std::time::Duration;

use cloakroom_auth::feed::{AsOf, Sync};
use cloakroom_auth::refresh::Ask;
use cloakroom_auth::store::{Rotation, StoreError, Stored};
use cloakroom_verify::Rv;

/// How a rule is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tamper {
    /// Not at all.
    Not,
    /// The end of the grace is not within it.
    ShortGrace,
    /// The grace hardly ends.
    LongGrace,
    /// One life more than promised.
    MoreLives,
    /// Attempts are ignored.
    IgnoredAttempts,
    /// A store that does not answer is a wrong token.
    OutageIsRefusal,
    /// Access tokens are stamped with a head that is newer than the row they were judged by.
    LateHead,
    /// Events are not learned.
    Deaf,
}

impl Tamper {
    pub(crate) fn ask(self, ask: &Ask) -> Ask {
        let mut ask = ask.clone();
        match self {
            Self::ShortGrace => ask.grace -= Duration::from_millis(1),
            Self::LongGrace => ask.grace *= 1000,
            Self::MoreLives => ask.lives += 1,
            Self::IgnoredAttempts => ask.attempt = None,
            Self::Not | Self::OutageIsRefusal | Self::LateHead | Self::Deaf => {}
        }
        ask
    }

    /// What a rotation returns to the rules, whatever the database did.
    pub(crate) fn rotation(self, rotated: Stored<Rotation>) -> Stored<Rotation> {
        match (self, rotated) {
            (Self::OutageIsRefusal, Err(StoreError(_))) => Ok(Rotation::Unknown),
            (Self::LateHead, Ok(Rotation::Rotated(mut found))) => {
                let head = found.as_of.head();
                let later = Rv::new(head.epoch(), head.seq().saturating_add(1_000_000));
                found.as_of = AsOf::read_with_row(later, found.as_of.floor());
                Ok(Rotation::Rotated(found))
            }
            (_, rotated) => rotated,
        }
    }

    pub(crate) fn sync(self, mut sync: Sync) -> Sync {
        if self == Self::Deaf {
            sync.events.clear();
        }
        sync
    }
}
