//! The model's row as the types of the rules, so that the functions under test are the ones that serve.

use std::time::Duration;

use cloakroom_auth::email::Email;
use cloakroom_auth::feed::AsOf;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::privilege::{self, PasswordChange};
use cloakroom_auth::refresh::{self, Ask, AttemptHash, Decision, SameReason, Spent};
use cloakroom_auth::session::{EndReason, Revoked, RowSecret, RowStrategy, Session};
use cloakroom_auth::user::{Status, User};
use cloakroom_verify::revocations::{Revocations, Verdict};
use cloakroom_verify::{
    Event, OpaqueKind, Revocation, Roles, Rv, SessionId, Timestamp, TokenId, Transport, UserId,
};

use super::state::{Attempt, Feed, Request, Row, SpentRow, State};

const EPOCH: u32 = 7;
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
const TICK: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);
const SESSION: SessionId = SessionId::from_bytes([2; 16]);
const KEY: &str = "thumbprint";

/// What a statement saw of the feed and the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    /// The head.
    pub head: u8,
    /// The floor.
    pub floor: u8,
    /// The user's least position.
    pub min_rv: u8,
}

impl From<Feed> for Seen {
    fn from(feed: Feed) -> Self {
        Self { head: feed.head, floor: feed.floor, min_rv: feed.min_rv }
    }
}

/// What one statement saw.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facts {
    /// The row.
    pub row: Row,
    /// The user and the feed.
    pub seen: Seen,
}

impl Facts {
    /// What one sees that begins now.
    pub fn of(state: &State) -> Self {
        Self { row: state.row.clone(), seen: state.feed.into() }
    }
}

/// A request as a server sees it.
#[derive(Debug, Clone, Copy)]
pub struct Presented {
    /// The token and the attempt.
    pub request: Request,
    /// Whether the key was proved with it.
    pub proved: bool,
    /// How many ticks ago it was asked.
    pub asked: u8,
    /// How many ticks the clock of this server is behind.
    pub behind: u8,
    /// For a flaw: the last moment of the grace no longer counts.
    pub grace_exclusive: bool,
}

/// The rules' own types, ready to be filled in.
#[derive(Debug)]
pub struct Real {
    /// The grace in ticks.
    pub grace: u8,
    lives: u8,
    session: Session,
    user: User,
    attempts: Vec<[AttemptHash; 2]>,
}

impl Real {
    /// A session of one user. Attempts are hashed once, by the rule's own function.
    pub fn new(grace: u8, lives: u8, bound: bool) -> Self {
        let text = |text| refresh::Attempt::parse(text).expect("it has 16 visible characters");
        let (client, thief) = (text("of-the-client-00"), text("of-the-thief-000"));
        let hashes = |generation| [&client, &thief].map(|text| AttemptHash::of(SESSION, generation, text));
        let email = Email::parse("alice@example.com").expect("an email");
        let user = User {
            id: UserId::from_bytes([1; 16]),
            email: String::new(),
            email_key: email.key,
            name: None,
            password_hash: PhcString::from_store(String::new()),
            roles: Roles::default(),
            status: Status::Active,
            min_rv: Rv::ZERO,
            logins_ended: None,
            created_at: NOW,
        };
        let session = Session {
            id: SESSION,
            user: user.id,
            strategy: RowStrategy::Hybrid,
            transport: Transport::Body,
            remember: false,
            secret: RowSecret([3; 16]),
            generation: 0,
            floor: 0,
            spent: Spent::default(),
            keyed: false,
            strikes: 0,
            jkt: bound.then(|| KEY.into()),
            rv: Rv::ZERO,
            written_epoch: EPOCH,
            device: String::new(),
            ip: None,
            user_agent: None,
            auth_time: NOW,
            created_at: NOW,
            last_used_at: NOW,
            idle_timeout: DAY,
            expires_at: NOW.after(30 * DAY),
            revoked: None,
        };
        Self { grace, lives, session, user, attempts: (0..16).map(hashes).collect() }
    }

    /// What [`refresh::decide`] says.
    pub fn decide(&self, row: &Row, seen: Seen, presented: Presented) -> Decision {
        let mut user = self.user.clone();
        user.min_rv = rv(seen.min_rv);
        refresh::decide(&self.session(row), &user, as_of(seen), &self.ask(presented))
    }

    /// What [`Session::rotate`] makes of the row.
    pub fn rotate(&self, row: &Row, seen: Seen, presented: Presented) -> Row {
        let mut session = self.session(row);
        session.rotate(false, as_of(seen), &self.ask(presented));
        self.row(&session)
    }

    /// What [`Session::answer_again`] makes of the row.
    pub fn answer_again(&self, row: &Row, reason: SameReason) -> Row {
        let mut session = self.session(row);
        session.answer_again(reason);
        Row { confirmed: row.confirmed, ..self.row(&session) }
    }

    /// Whether a verifier that knows all of the feed accepts an access token of this `rv`.
    pub fn usable(&self, feed: Feed, stamp: u8) -> bool {
        let table = Revocations::new();
        let tell = |seq, revocation| {
            table.apply(&Event { rv: rv(seq), revocation, keep_until: NOW.after(DAY) });
        };
        if feed.ended {
            tell(feed.head, Revocation::SessionRevoked(SESSION));
        }
        tell(feed.min_rv, Revocation::UserBefore(self.user.id));
        tell(feed.floor, Revocation::EverythingBefore);
        let (token, key) = (TokenId::from_bytes([4; 16]), "key".parse().expect("a key id"));
        table.access_token(&token, Some(&SESSION), &self.user.id, &key, rv(stamp)) == Verdict::Live
    }

    /// Whether [`Session::judge`] finds the row good.
    pub fn is_good(&self, row: &Row, seen: Seen) -> bool {
        let mut user = self.user.clone();
        user.min_rv = rv(seen.min_rv);
        self.session(row).judge(&user, as_of(seen), NOW).is_ok()
    }

    /// Whether [`privilege::judge_caller`] lets a caller without a row change the password: `seen` with its
    /// credential, and what the transaction sees `now`.
    pub fn may_change_password(&self, seen: Seen, now: Seen) -> bool {
        let mut user = self.user.clone();
        let (proved, new) = (user.password_hash.clone(), user.password_hash.clone());
        let change = PasswordChange { user: user.id, proved, new, as_of: as_of(seen), keep: None, now: NOW };
        user.min_rv = rv(now.min_rv);
        privilege::judge_caller(&user, as_of(now), &change).is_ok()
    }

    fn ask(&self, presented: Presented) -> Ask {
        let Presented { request, proved, asked, behind, grace_exclusive } = presented;
        let grace = u32::from(self.grace) * TICK;
        Ask {
            session: SESSION,
            kind: OpaqueKind::Refresh,
            generation: request.generation.into(),
            attempt: request.attempt.map(|attempt| self.hash(attempt, request.generation)),
            proof: proved.then(|| KEY.into()),
            now: NOW.before(u32::from(asked + behind) * TICK),
            grace: if grace_exclusive { grace - Duration::from_millis(1) } else { grace },
            lives: self.lives.into(),
        }
    }

    fn session(&self, row: &Row) -> Session {
        let mut session = self.session.clone();
        session.generation = row.generation.into();
        session.floor = row.floor.into();
        session.spent = self.spent(&row.spent);
        session.keyed = row.keyed;
        session.strikes = row.strikes.into();
        session.rv = rv(row.rv);
        session.revoked = row.revoked.map(|seq| Revoked { rv: rv(seq), at: None, reason: EndReason::Logout });
        session.last_used_at = if row.idle { NOW.before(2 * DAY) } else { NOW };
        session
    }

    /// In the form in which a store keeps it: there is no other way to write one.
    fn spent(&self, entries: &[SpentRow]) -> Spent {
        let mut blob = Vec::with_capacity(41 * entries.len());
        for entry in entries {
            blob.push(u8::from(entry.attempt.is_some()));
            let hash =
                entry.attempt.map_or([0; 32], |(attempt, generation)| self.hash(attempt, generation).0);
            blob.extend_from_slice(&hash);
            let at = NOW.as_millis() - i64::from(entry.age) * 1000;
            blob.extend_from_slice(&at.to_be_bytes());
        }
        Spent::from_blob(&blob).expect("the blob of a store")
    }

    fn row(&self, session: &Session) -> Row {
        let small = |number: u32| u8::try_from(number).expect("the bounds of a scenario are small");
        let spent = (0..).map_while(|back| session.spent.at(back)).map(|entry| SpentRow {
            attempt: entry.attempt.map(|hash| self.attempt(hash)),
            age: i8::try_from((NOW.as_millis() - entry.at.as_millis()) / 1000).expect("ages are capped"),
        });
        Row {
            generation: small(session.generation),
            floor: small(session.floor),
            spent: spent.collect(),
            keyed: session.keyed,
            strikes: small(session.strikes),
            rv: small(session.rv.seq()),
            revoked: session.revoked.as_ref().map(|revoked| small(revoked.rv.seq())),
            idle: session.last_used_at < NOW.before(DAY),
            confirmed: false,
        }
    }

    fn hash(&self, attempt: Attempt, generation: u8) -> AttemptHash {
        self.attempts[usize::from(generation)][attempt as usize]
    }

    fn attempt(&self, hash: AttemptHash) -> (Attempt, u8) {
        let of = |attempt| {
            (0_u8..)
                .zip(&self.attempts)
                .find(|(_, hashes)| hashes[attempt as usize] == hash)
                .map(|(generation, _)| (attempt, generation))
        };
        of(Attempt::OfClient).or_else(|| of(Attempt::OfThief)).expect("only these are ever sent")
    }
}

const fn rv(seq: u8) -> Rv {
    // Nothing has a number yet: below every epoch, as in a new database.
    if seq == 0 { Rv::ZERO } else { Rv::new(EPOCH, seq as u32) }
}

fn as_of(seen: Seen) -> AsOf {
    AsOf::read_with_row(rv(seen.head), rv(seen.floor))
}
