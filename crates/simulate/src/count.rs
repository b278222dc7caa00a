//! Which interesting thing a commit was.

use crate::asked::{Asked, Want};
use crate::fact::{Came, Fact};
use crate::play::Play;
use crate::tally::Seen;
use crate::truth::{Due, No, Why};

impl Play<'_> {
    pub(crate) fn count(&mut self, asked: &Asked, due: Due, came: Came, over: bool, stolen: bool) {
        let exchange = matches!(asked.want, Want::Exchange(_));
        let seen = match due {
            Due::Next if exchange => Seen::Exchanged,
            Due::Next => Seen::Rotated,
            Due::Again(Why::SameAttempt) => Seen::SameLost,
            Due::Again(Why::Grace { at_its_end }) => {
                if at_its_end {
                    self.tally.saw(Seen::AtTheGrace);
                }
                Seen::SameGrace
            }
            Due::Again(Why::Life) => Seen::SameStrike,
            Due::Again(Why::SameExchange) => Seen::ExchangeAgain,
            Due::Refused(_) if exchange => Seen::ExchangeRefused,
            Due::Refused(No::Dead) => Seen::DeadRefused,
            Due::Refused(No::Late) => Seen::IdleRefused,
            Due::Refused(No::Kind | No::NothingToExchange) => Seen::WrongKind,
            Due::Refused(No::Floor) => Seen::BelowFloor,
            Due::Refused(No::Duplicate) => Seen::LateDuplicate,
            Due::Revoked => Seen::Reuse,
        };
        self.tally.saw(seen);
        if came == Came::Revoked && !over {
            let alone = !stolen && asked.attempt.is_none();
            self.tally.saw(if stolen { Seen::ReuseAfterTheft } else { Seen::ReuseCareless });
            if alone {
                self.tally.saw(Seen::LivesUsedUp);
            }
        }
    }

    pub(crate) fn count_end(&mut self, want: Want, fact: Fact) {
        let seen = match (want, fact) {
            (Want::LogoutByAccess, _) => Seen::LogoutByAccess,
            (Want::EndOne, _) => Seen::EndOne,
            (_, Fact::EndedAll(Some(_))) => Seen::EndOthers,
            (_, Fact::EndedAll(None)) => Seen::EndAll,
            (_, Fact::Disabled) => Seen::Disabled,
            (_, Fact::RolesChanged) => Seen::RolesChanged,
            (_, _) => Seen::Logout,
        };
        self.tally.saw(seen);
    }
}
