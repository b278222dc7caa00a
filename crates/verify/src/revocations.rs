//! What is known to be dead. Knowledge here only grows until it has expired, so neither order nor repetition of
//! events can hurt; only completeness matters, and that is the [lease](crate::lease)'s business.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::scope::Scope;
use crate::{Event, KeyId, Revocation, Rv, SessionId, Timestamp, TokenId, UserId};

/// The kill table: read without allocation.
#[derive(Default)]
pub struct Revocations {
    sessions: Scope<SessionId>,
    changed: Scope<SessionId>,
    tokens: Scope<TokenId>,
    users: Scope<UserId>,
    claims: Scope<UserId>,
    keys: Scope<KeyId>,
    /// `everything_before`: kept for ever.
    floor: AtomicU64,
}

/// What the table says of a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing known kills it.
    Live,
    /// It is dead.
    Killed,
    /// What is remembered of it may be outdated: ask the authority again.
    Refill,
}

impl Revocations {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns an event. Again is harmless; so is late.
    pub fn apply(&self, event: &Event) {
        let Event { rv, revocation, keep_until } = event;
        match revocation {
            Revocation::SessionRevoked(session) => self.sessions.raise(*session, *rv, *keep_until),
            Revocation::SessionChanged(session) => self.changed.raise(*session, *rv, *keep_until),
            Revocation::TokenRevoked(token) => self.tokens.raise(*token, *rv, *keep_until),
            Revocation::UserBefore(user) => self.users.raise(*user, *rv, *keep_until),
            Revocation::ClaimsBefore(user) => self.claims.raise(*user, *rv, *keep_until),
            Revocation::KeyRevoked(key) => self.keys.raise(key.clone(), *rv, FOR_EVER),
            Revocation::EverythingBefore => {
                self.floor.fetch_max(rv.as_u64(), Ordering::AcqRel);
            }
            // Judged by the server that the key calls, not by verifiers.
            Revocation::ServiceKeyRevoked(_) => {}
        }
    }

    /// Forgets what can kill nothing any more.
    pub fn forget_before(&self, now: Timestamp) {
        self.sessions.forget_before(now);
        self.changed.forget_before(now);
        self.tokens.forget_before(now);
        self.users.forget_before(now);
        self.claims.forget_before(now);
    }

    /// Whether this signing key was revoked: then it is never loaded again.
    pub fn is_key_revoked(&self, kid: &KeyId) -> bool {
        self.keys.newest(kid).is_some()
    }

    /// How many entries it holds.
    pub fn len(&self) -> usize {
        self.sessions.len()
            + self.changed.len()
            + self.tokens.len()
            + self.users.len()
            + self.claims.len()
            + self.keys.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Judges an access token that was minted at `rv`.
    pub fn access_token(
        &self,
        token: &TokenId,
        session: Option<&SessionId>,
        user: &UserId,
        kid: &KeyId,
        rv: Rv,
    ) -> Verdict {
        let killed = rv < self.floor()
            || session.is_some_and(|session| self.sessions.newest(session).is_some())
            || self.tokens.newest(token).is_some()
            || self.users.newest(user).is_some_and(|least| rv < least)
            || self.claims.newest(user).is_some_and(|least| rv < least)
            || self.keys.newest(kid).is_some();
        if killed { Verdict::Killed } else { Verdict::Live }
    }

    /// Judges a remembered session whose row was minted at `rv` and read at `as_of`. A `user_before` may have spared
    /// this row, and a changed row may still be good: both are for the authority to say.
    pub fn session(&self, session: &SessionId, user: &UserId, rv: Rv, as_of: Rv) -> Verdict {
        let newer = |least: Option<Rv>| least.is_some_and(|least| as_of < least);
        if rv < self.floor() || self.sessions.newest(session).is_some() {
            Verdict::Killed
        } else if newer(self.users.newest(user))
            || newer(self.claims.newest(user))
            || newer(self.changed.newest(session))
        {
            Verdict::Refill
        } else {
            Verdict::Live
        }
    }

    /// The least `rv` that survives `everything_before`.
    pub fn floor(&self) -> Rv {
        Rv::from_i64(i64::try_from(self.floor.load(Ordering::Acquire)).unwrap_or(i64::MAX))
            .unwrap_or(Rv::ZERO)
    }
}

impl std::fmt::Debug for Revocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Revocations").field("entries", &self.len()).finish_non_exhaustive()
    }
}

const FOR_EVER: Timestamp = Timestamp::from_millis(i64::MAX);

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: TokenId = TokenId::from_bytes([1; 16]);
    const SESSION: SessionId = SessionId::from_bytes([2; 16]);
    const USER: UserId = UserId::from_bytes([3; 16]);

    fn at(seq: u32, revocation: Revocation) -> Event {
        Event { rv: Rv::new(1, seq), revocation, keep_until: Timestamp::from_seconds(100) }
    }

    fn token(table: &Revocations, rv: u32) -> Verdict {
        table.access_token(&TOKEN, Some(&SESSION), &USER, &"key".parse().unwrap(), Rv::new(1, rv))
    }

    fn session(table: &Revocations, rv: u32, as_of: u32) -> Verdict {
        table.session(&SESSION, &USER, Rv::new(1, rv), Rv::new(1, as_of))
    }

    #[test]
    fn each_kind_kills_exactly_its_access_tokens() {
        let whatever_its_age = [
            Revocation::SessionRevoked(SESSION),
            Revocation::TokenRevoked(TOKEN),
            Revocation::KeyRevoked("key".parse().unwrap()),
        ];
        for revocation in whatever_its_age {
            let table = Revocations::new();
            assert_eq!(token(&table, 9), Verdict::Live);
            table.apply(&at(5, revocation));
            assert_eq!(token(&table, 9), Verdict::Killed);
        }
        let only_older =
            [Revocation::UserBefore(USER), Revocation::ClaimsBefore(USER), Revocation::EverythingBefore];
        for revocation in only_older {
            let table = Revocations::new();
            table.apply(&at(5, revocation));
            assert_eq!(token(&table, 4), Verdict::Killed);
            assert_eq!(token(&table, 5), Verdict::Live);
        }
    }

    #[test]
    fn a_passport_is_killed_or_filled_again() {
        for (revocation, verdict) in [
            (Revocation::SessionRevoked(SESSION), Verdict::Killed),
            (Revocation::EverythingBefore, Verdict::Killed),
            (Revocation::UserBefore(USER), Verdict::Refill),
            (Revocation::ClaimsBefore(USER), Verdict::Refill),
            (Revocation::SessionChanged(SESSION), Verdict::Refill),
            (Revocation::TokenRevoked(TOKEN), Verdict::Live),
        ] {
            let table = Revocations::new();
            table.apply(&at(5, revocation));
            assert_eq!(session(&table, 4, 4), verdict);
        }
        let table = Revocations::new();
        table.apply(&at(5, Revocation::UserBefore(USER)));
        assert_eq!(session(&table, 4, 5), Verdict::Live, "read after the event: the row was spared");
    }

    #[test]
    fn the_newest_wins_in_any_order_and_nothing_is_forgotten_early() {
        let table = Revocations::new();
        table.apply(&at(7, Revocation::UserBefore(USER)));
        table.apply(&at(5, Revocation::UserBefore(USER)));
        assert_eq!(token(&table, 6), Verdict::Killed);
        table.forget_before(Timestamp::from_seconds(100));
        assert_eq!(token(&table, 6), Verdict::Killed);
        table.forget_before(Timestamp::from_seconds(101));
        assert_eq!(token(&table, 6), Verdict::Live);
    }

    #[test]
    fn a_revoked_key_and_everything_before_are_kept_for_ever() {
        let table = Revocations::new();
        table.apply(&at(5, Revocation::KeyRevoked("key".parse().unwrap())));
        table.apply(&at(6, Revocation::EverythingBefore));
        table.forget_before(Timestamp::from_millis(i64::MAX));
        assert_eq!(token(&table, 9), Verdict::Killed);
        assert_eq!(session(&table, 5, 9), Verdict::Killed);
    }
}
