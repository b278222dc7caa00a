//! Sessions seen before: what lets a session check do without I/O.
//!
//! A passport is only as good as the revocations that are looked up at each *use* of it, so filling one while its
//! session is being ended is harmless.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use aws_lc_rs::{constant_time, digest};
use quick_cache::sync::Cache;

use crate::address::AddressGroup;
use crate::authenticate::{Authority, Fill, Found, Outage};
use crate::clock::Clock;
use crate::flights::Flights;
use crate::strangers::Strangers;
use crate::{OpaqueToken, SessionId, Timestamp};

/// How many sessions are remembered.
const REMEMBERED: usize = 50_000;
/// How many unknown tokens are remembered, and for how long.
const UNKNOWN: usize = 10_000;
const UNKNOWN_FOR_MILLIS: i64 = 2_000;

/// The remembered sessions.
pub(crate) struct Passports {
    known: Cache<SessionId, Arc<Passport>>,
    /// By a digest of the whole token: what the authority definitely does not know.
    unknown: Cache<[u8; 32], Timestamp>,
    /// Questions that are under way, by the same digest.
    asking: Flights<[u8; 32], Answer>,
    strangers: Strangers,
}

/// What the authority said: a session, none, or nothing.
type Answer = Result<Option<Arc<Passport>>, Outage>;

/// A session as the authority last told of it.
pub(crate) struct Passport {
    pub(crate) fill: Fill,
    last_used: AtomicI64,
    /// The last use that the authority was told of.
    reported: AtomicI64,
    ended: AtomicBool,
}

/// What a passport says of a token, revocations aside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    /// Only the authority can tell.
    AskAgain,
    /// It ended by its absolute timeout.
    Expired,
    /// It rested for too long as far as we know: only the authority can tell.
    Idle,
    /// The authority was asked and said so.
    Ended,
}

impl Passports {
    pub(crate) fn new() -> Self {
        Self {
            known: Cache::new(REMEMBERED),
            unknown: Cache::new(UNKNOWN),
            asking: Flights::new(),
            strangers: Strangers::default(),
        }
    }

    pub(crate) fn find(&self, session: &SessionId) -> Option<Arc<Passport>> {
        self.known.get(session)
    }

    /// Asks the authority, once for all who show the same token at this moment: when a well-used passport lapses,
    /// the store gets one question and not thousands. What nobody knows is charged to `source`; of one that has shown too
    /// much of it nothing more is asked, and that is no answer about the token.
    pub(crate) async fn ask(
        &self,
        source: Option<AddressGroup>,
        text: &str,
        token: &OpaqueToken,
        authority: &impl Authority,
        clock: &impl Clock,
    ) -> Answer {
        // By the whole token: an answer about one mac says nothing of another.
        let digest = digest_of(text);
        if self.is_unknown(&digest, clock.wall()) {
            return Ok(None);
        }
        let charged = self.strangers.charge(source, clock.boot()).ok_or(Outage)?;
        let ask = async {
            match authority.session(token).await {
                Ok(Found::Valid(fill)) => Ok(Some(self.remember(token.session, fill))),
                Ok(Found::Unknown) => {
                    // A wrong mac never evicts the passport of the right one.
                    self.remember_unknown(digest, clock.wall());
                    Ok(None)
                }
                Err(Outage) => Err(Outage),
            }
        };
        let answer = self.asking.once(&digest, ask).await;
        if !matches!(answer, Ok(None)) {
            charged.refund();
        }
        answer
    }

    pub(crate) fn forget(&self, session: &SessionId) {
        self.known.remove(session);
    }

    fn remember(&self, session: SessionId, fill: Fill) -> Arc<Passport> {
        let last_used = AtomicI64::new(fill.last_used_at.as_millis());
        let passport = Arc::new(Passport {
            fill,
            last_used,
            reported: AtomicI64::new(i64::MIN),
            ended: AtomicBool::new(false),
        });
        self.known.insert(session, Arc::clone(&passport));
        passport
    }

    fn is_unknown(&self, digest: &[u8; 32], now: Timestamp) -> bool {
        self.unknown.get(digest).is_some_and(|until| now < until)
    }

    fn remember_unknown(&self, digest: [u8; 32], now: Timestamp) {
        let until = Timestamp::from_millis(now.as_millis().saturating_add(UNKNOWN_FOR_MILLIS));
        self.unknown.insert(digest, until);
    }
}

impl Passport {
    /// Whether it is of this very token.
    pub(crate) fn is_of(&self, token: &OpaqueToken) -> bool {
        let same_mac = constant_time::verify_slices_are_equal(&self.fill.mac, &token.mac).is_ok();
        same_mac && token.generation == self.fill.generation
    }

    pub(crate) fn standing(&self, token: &OpaqueToken, now: Timestamp) -> Standing {
        if !self.is_of(token) {
            return Standing::AskAgain;
        }
        if self.ended.load(Ordering::Relaxed) {
            return Standing::Ended;
        }
        if now >= self.fill.expires_at {
            return Standing::Expired;
        }
        let last_used = Timestamp::from_millis(self.last_used.load(Ordering::Relaxed));
        if now >= last_used.after(self.fill.idle_timeout) {
            return Standing::Idle;
        }
        if now >= self.fill.fill_until {
            return Standing::AskAgain;
        }
        Standing::Good
    }

    /// It was idle, and the authority knew no better: it stays so, even if a late report of a use elsewhere would now
    /// make the authority say otherwise.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Notes a use. True when the authority should be told: seldom enough to cost nothing, often enough that
    /// no idle timeout suffers.
    pub(crate) fn used(&self, now: Timestamp) -> bool {
        let millis = now.as_millis();
        self.last_used.fetch_max(millis, Ordering::Relaxed);
        let reported = self.reported.load(Ordering::Relaxed);
        let step = i64::try_from(self.fill.idle_timeout.as_millis() / 100).unwrap_or(i64::MAX);
        millis >= reported.saturating_add(step)
            && self.reported.compare_exchange(reported, millis, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

fn digest_of(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}
