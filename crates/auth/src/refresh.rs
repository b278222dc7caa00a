//! The one decision about a refresh token: who is honest, who is late, who is a thief (docs/refresh.md).
//!
//! [`decide`] is pure. A store calls it under the row lock with the facts it read there, and writes what
//! [`Decision`] says in the same transaction; it never decides by itself.

use std::time::Duration;

use aws_lc_rs::digest;
use cloakroom_verify::{OpaqueKind, SessionId, Timestamp};

use crate::feed::AsOf;
use crate::session::{Dead, RowStrategy, Session};
use crate::user::User;

/// How many spent generations a row remembers.
pub const REMEMBERED: usize = 4;
/// How far ahead of its row a token may be after the database lost its tail.
const LOST_TAIL: u32 = 64;

/// What a presented token asks, once its mac was found right. The mac comes first: nothing is written for a forgery.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The row it names.
    pub session: SessionId,
    /// The kind that its prefix says.
    pub kind: OpaqueKind,
    /// Its generation.
    pub generation: u32,
    /// The client's attempt, hashed with the row and the generation.
    pub attempt: Option<AttemptHash>,
    /// The thumbprint of the key that the client proved to hold.
    pub proof: Option<Box<str>>,
    /// When it is judged.
    pub now: Timestamp,
    /// How long a spent token is answered without any proof of honesty.
    pub grace: Duration,
    /// How often a client that sends no attempts is forgiven after the grace.
    pub lives: u32,
}

/// What a client that wants to be believed sends with each refresh: 16 to 64 visible ASCII characters. Secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt(Box<str>);

/// The text is no attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an attempt has 16 to 64 visible ASCII characters")]
pub struct InvalidAttempt;

impl Attempt {
    /// Reads what the client sent.
    pub fn parse(text: &str) -> Result<Self, InvalidAttempt> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (16..=64).contains(&text.len()) { Ok(Self(text.into())) } else { Err(InvalidAttempt) }
    }
}

/// `SHA-256(session || generation || attempt)`: the attempt itself is a secret and is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptHash(pub [u8; 32]);

impl AttemptHash {
    /// Hashes what the client sent.
    pub fn of(session: SessionId, generation: u32, attempt: &Attempt) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(session.as_bytes());
        context.update(&generation.to_be_bytes());
        context.update(attempt.0.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }
}

/// The last spent generations of a row, the parent first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent(Vec<SpentEntry>);

/// One spent generation: by which attempt, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpentEntry {
    /// The attempt that spent it, if the client sent one.
    pub attempt: Option<AttemptHash>,
    /// When it was spent.
    pub at: Timestamp,
}

impl Spent {
    /// The entry of the generation `back` steps before the parent.
    pub fn at(&self, back: u32) -> Option<&SpentEntry> {
        self.0.get(usize::try_from(back).ok()?)
    }

    fn push(&mut self, entry: SpentEntry) {
        self.0.insert(0, entry);
        self.0.truncate(REMEMBERED);
    }

    /// As one blob: 41 bytes an entry (a flag, the hash or zeros, milliseconds as big endian).
    pub fn to_blob(&self) -> Vec<u8> {
        let mut blob = Vec::with_capacity(self.0.len() * 41);
        for entry in &self.0 {
            blob.push(u8::from(entry.attempt.is_some()));
            blob.extend_from_slice(&entry.attempt.map_or([0; 32], |hash| hash.0));
            blob.extend_from_slice(&entry.at.as_millis().to_be_bytes());
        }
        blob
    }

    /// Reads that blob; `None` if it is not one.
    pub fn from_blob(blob: &[u8]) -> Option<Self> {
        let (entries, rest) = blob.as_chunks::<41>();
        if !rest.is_empty() || entries.len() > REMEMBERED {
            return None;
        }
        let read = |entry: &[u8; 41]| {
            let (flag, rest) = entry.split_first()?;
            let (hash, at) = rest.split_first_chunk::<32>()?;
            let attempt = match flag {
                0 => None,
                1 => Some(AttemptHash(*hash)),
                _ => return None,
            };
            let at = Timestamp::from_millis(i64::from_be_bytes(at.try_into().ok()?));
            Some(SpentEntry { attempt, at })
        };
        entries.iter().map(read).collect::<Option<Vec<_>>>().map(Self)
    }
}

/// What is to be done about an [`Ask`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Spend this generation and answer with the next. `adopt`: the database lost its tail; believe the token's.
    Rotate {
        /// Whether the row first jumps to the token's generation.
        adopt: bool,
    },
    /// Answer with the current generation again; nothing moves.
    Same {
        /// Why it is believed to be honest.
        reason: SameReason,
    },
    /// `invalid_grant`; the row stays as it is.
    Refuse(Refusal),
    /// A spent token came back: end the session.
    Revoke,
}

/// Why a spent token is answered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameReason {
    /// The same attempt: the answer was lost.
    LostResponse,
    /// Within the grace: tabs and stragglers.
    Grace,
    /// The key it is bound to was proved.
    BoundKey,
    /// A client without attempts has a life left; it costs one.
    Strike,
}

/// Why a token is refused without ending its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The row carries the other kind of token by now.
    WrongKind,
    /// The row is no longer good.
    Dead(Dead),
    /// The row is bound to a key that was not proved.
    MissingProof,
    /// A generation that was never given out.
    FromTheFuture,
    /// From before a privilege change.
    BelowFloor,
    /// A duplicate of an old request, delivered late.
    LateDuplicate,
}

/// The rule. The order of its tests is part of it.
pub fn decide(row: &Session, user: &User, as_of: AsOf, ask: &Ask) -> Decision {
    if ask.kind != row.strategy.kind() {
        return Decision::Refuse(Refusal::WrongKind);
    }
    match row.strategy {
        RowStrategy::Hybrid => {}
        // A session token is never rotated by use.
        RowStrategy::Session => return Decision::Refuse(Refusal::WrongKind),
    }
    if let Err(dead) = row.judge(user, as_of, ask.now) {
        return Decision::Refuse(Refusal::Dead(dead));
    }
    let bound = row.jkt.is_some();
    if bound && row.jkt != ask.proof {
        // Never a revocation: else anyone who holds a stolen, useless token could log its owner out.
        return Decision::Refuse(Refusal::MissingProof);
    }
    if ask.generation > row.generation {
        let lost_tail =
            row.written_epoch < as_of.head().epoch() && ask.generation - row.generation <= LOST_TAIL;
        return if lost_tail {
            Decision::Rotate { adopt: true }
        } else {
            Decision::Refuse(Refusal::FromTheFuture)
        };
    }
    if ask.generation == row.generation {
        return Decision::Rotate { adopt: false };
    }
    if ask.generation < row.floor {
        return Decision::Refuse(Refusal::BelowFloor);
    }
    if bound {
        return Decision::Same { reason: SameReason::BoundKey };
    }
    let back = row.generation - 1 - ask.generation;
    let entry = row.spent.at(back);
    let same_attempt = ask.attempt.is_some() && entry.is_some_and(|entry| entry.attempt == ask.attempt);
    if same_attempt && back == 0 {
        return Decision::Same { reason: SameReason::LostResponse };
    }
    if same_attempt {
        return Decision::Refuse(Refusal::LateDuplicate);
    }
    // A differing clock between servers counts a negative age as zero (`since` saturates).
    if entry.is_some_and(|entry| ask.now.since(entry.at) <= ask.grace) {
        return Decision::Same { reason: SameReason::Grace };
    }
    if ask.attempt.is_none() && !row.keyed && back == 0 && row.strikes < ask.lives {
        return Decision::Same { reason: SameReason::Strike };
    }
    Decision::Revoke
}

impl Session {
    /// The row after [`Decision::Rotate`]. Strikes, floor and `expires_at` never change here, and `rv` only when
    /// the row adopts a generation that a lost tail had given out.
    pub fn rotate(&mut self, adopt: bool, as_of: AsOf, ask: &Ask) {
        if adopt {
            self.generation = ask.generation;
            self.rv = as_of.head();
            // The ring counts back from the generation: after a jump its entries would stand for others.
            self.spent = Spent::default();
        }
        self.spend(as_of, ask.attempt, ask.now);
        self.last_used_at = self.last_used_at.max(ask.now);
    }

    /// The row after [`Decision::Same`]: no generation, no expiry moves, so there is neither fork nor orphan.
    pub fn answer_again(&mut self, reason: SameReason) {
        match reason {
            SameReason::Strike => self.strikes = self.strikes.saturating_add(1),
            SameReason::LostResponse | SameReason::Grace | SameReason::BoundKey => {}
        }
    }

    pub(crate) fn spend(&mut self, as_of: AsOf, attempt: Option<AttemptHash>, now: Timestamp) {
        self.generation = self.generation.saturating_add(1);
        self.spent.push(SpentEntry { attempt, at: now });
        self.keyed |= attempt.is_some();
        self.written_epoch = as_of.head().epoch();
    }
}
