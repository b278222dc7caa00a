//! The real rule, the rules that it was chosen over, and what must not be got wrong about it.

use cloakroom_auth::refresh::{Decision, Refusal, SameReason};
use cloakroom_auth::session::Dead;

use super::real::{Presented, Real, Seen};
use super::state::Row;

/// How a server judges a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Each token once; again is theft.
    Strict,
    /// The parent again within a grace.
    Grace,
    /// The parent again, always.
    ParentAlways,
    /// The parent again, until its child was used.
    Confirmed,
    /// The real one: the parent again with the attempt that spent it.
    Attempt,
    /// The real one, for a row that is bound to a key.
    KeyBound,
}

/// The rows of the table.
pub const RULES: &[Rule] =
    &[Rule::Strict, Rule::Grace, Rule::ParentAlways, Rule::Confirmed, Rule::Attempt, Rule::KeyBound];

impl Rule {
    /// Its name in the table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict one-time use",
            Self::Grace => "grace window, same child",
            Self::ParentAlways => "parent always accepted",
            Self::Confirmed => "confirmed on first use of the child",
            Self::Attempt => "attempt id",
            Self::KeyBound => "key-bound",
        }
    }
}

/// A mistake in the real rule, or in how a store applies it, that some invariant must refute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// Any generation rotates.
    GenerationUnchecked,
    /// A row that was ended is good.
    RevokedUnchecked,
    /// The key that a row is bound to is not asked for.
    KeyUnchecked,
    /// One snapshot for the lock and for what is decided by: whoever waits for the row decides by an older one.
    ReadBeforeTheLock,
    /// A row that its batch could not lock is judged with the others.
    SkippedDecided,
    /// A batch has two of one session, which are judged by the same row.
    TwoOfOneSession,
    /// Whose session is to be ended by what the batch read, it is ended without asking the rule again.
    DecidedOnce,
    /// A transaction outlives the answer that it is not done.
    DoneLate,
    /// The head that stamps the access token is read at the commit.
    HeadReadLate,
    /// Head and floor are not read with the row: the server remembers them.
    HeadRemembered,
    /// `<` for `<=` at the grace.
    GraceExclusive,
    /// The revocation is written after the transaction that decided it.
    RevokedLater,
    /// The mac is checked after the write.
    MacAfterWrite,
    /// An attempt is answered again wherever in the ring it is found.
    RingPositionIgnored,
    /// An attempt is compared with the parent's whatever its generation.
    RingOfTheParent,
    /// A rotation gives the lives back.
    StrikesReset,
    /// A client that once sent an attempt may leave it out.
    KeyedIgnored,
    /// A generation from before a privilege change is judged like any other.
    NoFloor,
    /// The floor and the user's `min_rv` are not asked for.
    OutdatedUnchecked,
    /// A store that failed is told as `invalid_grant`.
    FailureIsRefusal,
    /// The client's: a tab makes an attempt of its own.
    TabsApart,
    /// The client's: the attempt stays when the child is stored, and is sent with that too.
    AttemptKept,
}

/// All of them.
pub const FLAWS: &[Flaw] = &[
    Flaw::GenerationUnchecked,
    Flaw::RevokedUnchecked,
    Flaw::KeyUnchecked,
    Flaw::ReadBeforeTheLock,
    Flaw::SkippedDecided,
    Flaw::TwoOfOneSession,
    Flaw::DecidedOnce,
    Flaw::DoneLate,
    Flaw::HeadReadLate,
    Flaw::HeadRemembered,
    Flaw::GraceExclusive,
    Flaw::RevokedLater,
    Flaw::MacAfterWrite,
    Flaw::RingPositionIgnored,
    Flaw::RingOfTheParent,
    Flaw::StrikesReset,
    Flaw::KeyedIgnored,
    Flaw::NoFloor,
    Flaw::OutdatedUnchecked,
    Flaw::FailureIsRefusal,
    Flaw::TabsApart,
    Flaw::AttemptKept,
];

impl Flaw {
    /// What is wrong.
    pub const fn words(self) -> &'static str {
        match self {
            Self::GenerationUnchecked => "any generation rotates",
            Self::RevokedUnchecked => "an ended row is good",
            Self::KeyUnchecked => "the key binding is ignored",
            Self::ReadBeforeTheLock => "the row is read before its lock is waited for",
            Self::SkippedDecided => "a row that was skipped is judged with the batch",
            Self::TwoOfOneSession => "two of one session in a batch",
            Self::DecidedOnce => "ended alone by what the batch had decided",
            Self::DoneLate => "done after the client was told that it is not",
            Self::HeadReadLate => "the head is read at the commit",
            Self::HeadRemembered => "the head is remembered, not read with the row",
            Self::GraceExclusive => "`<` for `<=` at the grace",
            Self::RevokedLater => "revoking outside the transaction",
            Self::MacAfterWrite => "the mac is checked after the write",
            Self::RingPositionIgnored => "the ring position is ignored",
            Self::RingOfTheParent => "the ring is read as if all were the parent",
            Self::StrikesReset => "strikes are reset",
            Self::KeyedIgnored => "`keyed` is ignored",
            Self::NoFloor => "no floor on generations",
            Self::OutdatedUnchecked => "no floor on `rv`, nor `min_rv`",
            Self::FailureIsRefusal => "a failure is told as invalid_grant",
            Self::TabsApart => "client: a tab makes an attempt of its own",
            Self::AttemptKept => "client: the attempt is kept for the child",
        }
    }

    /// The scenario that refutes it soonest.
    pub const fn scenario(self) -> &'static str {
        match self {
            Self::ReadBeforeTheLock
            | Self::SkippedDecided
            | Self::TwoOfOneSession
            | Self::HeadReadLate
            | Self::HeadRemembered => "revocations, in batches and alone",
            Self::DecidedOnce => "theft and revocations, in batches and alone",
            Self::DoneLate => "no attempts, in batches and alone",
            Self::KeyUnchecked => "bound to a key, in batches and alone",
            Self::GenerationUnchecked
            | Self::MacAfterWrite
            | Self::RingOfTheParent
            | Self::FailureIsRefusal
            | Self::TabsApart => "tabs and late duplicates",
            Self::GraceExclusive
            | Self::RevokedLater
            | Self::RingPositionIgnored
            | Self::KeyedIgnored
            | Self::AttemptKept => "theft",
            Self::StrikesReset => "no attempts, theft",
            Self::RevokedUnchecked | Self::NoFloor | Self::OutdatedUnchecked => "revocations, one writer",
        }
    }
}

/// Judges under the row lock.
pub fn decide(
    rule: Rule,
    flaw: Option<Flaw>,
    real: &Real,
    row: &Row,
    seen: Seen,
    ask: Presented,
) -> Decision {
    match rule {
        Rule::Attempt | Rule::KeyBound => decide_really(flaw, real, row, seen, ask),
        Rule::Strict => replaced(row, ask, |_| false),
        Rule::Grace => replaced(row, ask, |age| age <= real.grace.cast_signed()),
        Rule::ParentAlways => replaced(row, ask, |_| true),
        Rule::Confirmed => replaced(row, ask, |_| !row.confirmed),
    }
}

/// A rule that knows the current token and, under some condition on its age, the parent.
fn replaced(row: &Row, ask: Presented, parent_is_good: impl Fn(i8) -> bool) -> Decision {
    let again = Decision::Same { reason: SameReason::Grace };
    match row.spent.first() {
        _ if row.revoked.is_some() => Decision::Refuse(Refusal::Dead(Dead::Revoked)),
        _ if ask.request.generation == row.generation => Decision::Rotate { adopt: false },
        Some(parent) if ask.request.generation + 1 == row.generation && parent_is_good(parent.age) => again,
        Some(_) | None => Decision::Revoke,
    }
}

/// The rule of `cloakroom-auth` itself; a flaw changes what goes in or what comes out.
fn decide_really(flaw: Option<Flaw>, real: &Real, row: &Row, seen: Seen, ask: Presented) -> Decision {
    let mut row = row.clone();
    let (mut seen, mut ask) = (seen, ask);
    let Some(flaw) = flaw else { return real.decide(&row, seen, ask) };
    match flaw {
        Flaw::GenerationUnchecked => row.generation = ask.request.generation,
        Flaw::RevokedUnchecked => row.revoked = None,
        Flaw::KeyUnchecked => ask.proved = true,
        Flaw::GraceExclusive => ask.grace_exclusive = true,
        Flaw::KeyedIgnored => row.keyed = false,
        Flaw::NoFloor => row.floor = 0,
        Flaw::OutdatedUnchecked => (seen.min_rv, seen.floor) = (0, 0),
        Flaw::RingPositionIgnored => {
            let mine = ask.request.attempt.map(|attempt| (attempt, ask.request.generation));
            let found = mine.is_some() && row.spent.iter().any(|entry| entry.attempt == mine);
            if found && row.revoked.is_none() {
                return Decision::Same { reason: SameReason::LostResponse };
            }
        }
        Flaw::RingOfTheParent => {
            let parent = row.spent.first().copied();
            row.spent.iter_mut().for_each(|entry| *entry = parent.unwrap_or(*entry));
        }
        Flaw::ReadBeforeTheLock
        | Flaw::SkippedDecided
        | Flaw::TwoOfOneSession
        | Flaw::DecidedOnce
        | Flaw::DoneLate
        | Flaw::HeadReadLate
        | Flaw::HeadRemembered
        | Flaw::RevokedLater
        | Flaw::MacAfterWrite
        | Flaw::StrikesReset
        | Flaw::FailureIsRefusal
        | Flaw::TabsApart
        | Flaw::AttemptKept => {}
    }
    real.decide(&row, seen, ask)
}
