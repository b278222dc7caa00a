//! The model's ages as the types of the verifier, so that the rules under test are the ones that serve.

use std::time::Duration;

use cloakroom_verify::clock::{BootInstant, Clock, ManualClock};
use cloakroom_verify::feed::watermark::{Watermark, Worth};
use cloakroom_verify::lease::{Judgement, Lease};
use cloakroom_verify::revocations::{Revocations, Verdict};
use cloakroom_verify::{Event, KeyId, Revocation, Rv, SessionId, Timestamp, TokenId, UserId};

use super::scenario::Kind;
use super::state::{Answer, Bits, State};

const TICK: Duration = Duration::from_secs(1);
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// Every credential is older than the first revocation.
const MINTED: Rv = Rv::new(1, 0);

/// The verifier's own types, ready to be filled in.
#[derive(Debug)]
pub struct Real {
    bound: Duration,
    kid: KeyId,
}

impl Real {
    /// With a bound of so many ticks.
    pub fn new(bound: u8) -> Self {
        Self { bound: u32::from(bound) * TICK, kid: "key".parse().expect("a key id") }
    }

    /// How old the knowledge is after [`Lease::credit`].
    pub fn credit(&self, fresh: Option<u8>, proves: u8) -> Option<u8> {
        let (lease, clock) = self.lease(fresh);
        lease.credit(before(&clock, proves));
        let age = lease.age(&clock)?;
        (age < self.bound).then_some(u8::try_from(age.as_secs()).expect("ages are small"))
    }

    /// What [`Lease::judge`] says when everything that may happen does so while it reads: `fresh` is what it finds
    /// first, and by the time its table is read all that time has passed and `later` is what it would find.
    pub fn judge(&self, fresh: Option<u8>, later: Option<u8>, dead: bool) -> Judgement {
        let (lease, clock) = self.lease(fresh.map(|_| 0));
        lease.judge(&clock, || {
            clock.advance(u32::from(fresh.unwrap_or(0)) * TICK);
            if let Some(age) = later {
                lease.credit(before(&clock, age));
            }
            if dead { Verdict::Killed } else { Verdict::Live }
        })
    }

    /// Whether a table with these events kills a credential.
    pub fn kills(&self, state: &State, kinds: &[Kind], table: Bits, of: u8) -> bool {
        let revocations = Revocations::new();
        for (by, kind) in (0..).zip(kinds).filter(|(by, _)| table & (1 << by) != 0) {
            let Some(commit) = state.commits[usize::from(by)] else { continue };
            let revocation = match kind {
                Kind::Session => Revocation::SessionRevoked(session(by)),
                Kind::User => Revocation::UserBefore(user(by)),
                Kind::Everything => Revocation::EverythingBefore,
            };
            revocations.apply(&Event { rv: commit.rv, revocation, keep_until: NOW });
        }
        let token = TokenId::from_bytes([of; 16]);
        let verdict = revocations.access_token(&token, Some(&session(of)), &user(of), &self.kid, MINTED);
        verdict == Verdict::Killed
    }

    fn lease(&self, fresh: Option<u8>) -> (Lease, ManualClock) {
        let (lease, clock) = (Lease::new(self.bound), ManualClock::at(NOW));
        if let Some(age) = fresh {
            lease.credit(before(&clock, age));
        }
        (lease, clock)
    }
}

/// What [`Watermark::answered`] says, and where the watermark is then.
pub fn answered(watermark: Option<Rv>, answer: &Answer) -> (Worth, Option<Rv>) {
    let mut known = known(watermark);
    let worth = known.answered(answer.since, answer.head, answer.complete);
    (worth, known.position())
}

/// Where the watermark is after [`Watermark::pushed`].
pub fn pushed(watermark: Option<Rv>, rv: Rv) -> Option<Rv> {
    let mut known = known(watermark);
    known.pushed(rv);
    known.position()
}

/// Where the watermark is after [`Watermark::filled`].
pub fn filled(watermark: Option<Rv>, head: Rv) -> Option<Rv> {
    let mut known = known(watermark);
    known.filled(head);
    known.position()
}

fn known(position: Option<Rv>) -> Watermark {
    let mut watermark = Watermark::default();
    if let Some(position) = position {
        watermark.filled(position);
    }
    watermark
}

fn before(clock: &impl Clock, age: u8) -> BootInstant {
    let back = u64::from(age) * 1_000_000_000;
    BootInstant(clock.boot().0 - back)
}

const fn session(of: u8) -> SessionId {
    SessionId::from_bytes([of + 1; 16])
}

const fn user(of: u8) -> UserId {
    UserId::from_bytes([of + 1; 16])
}
