//! A row of any table, its key, and its digest: the same in every database that holds the same.

use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use cloakroom_auth::service_key::ServiceKey;
use cloakroom_auth::session::{EndReason, Revoked, Session};
use cloakroom_auth::user::{LoginsEnded, User};
use cloakroom_verify::{Event, Revocation, Strategy, Timestamp};

use crate::mark::{Change, Mark, SessionMark};

/// The tables, in the order in which they are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Revocations.
    Events,
    /// Keys of services.
    ServiceKeys,
    /// Accounts.
    Users,
    /// What ended or changed logins whose rows are in Redis; each names its account.
    Marks,
    /// Logins; each names its account.
    Sessions,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Events, Self::ServiceKeys, Self::Users, Self::Marks, Self::Sessions];
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Events => "events",
            Self::ServiceKeys => "service keys",
            Self::Users => "users",
            Self::Marks => "session marks",
            Self::Sessions => "sessions",
        })
    }
}

/// A row as the rules know it.
#[derive(Debug, Clone)]
pub enum Row {
    /// Of [`Table::Events`].
    Event(Event),
    /// Of [`Table::ServiceKeys`].
    ServiceKey(ServiceKey),
    /// Of [`Table::Users`].
    User(User),
    /// Of [`Table::Marks`].
    Mark(SessionMark),
    /// Of [`Table::Sessions`].
    Session(Session),
}

impl Row {
    /// What rows are ordered by.
    pub fn key(&self) -> u128 {
        match self {
            Self::Event(event) => u128::from(event.rv.as_i64().unsigned_abs()),
            Self::ServiceKey(key) => u128::from_be_bytes(*key.id.as_bytes()),
            Self::User(user) => u128::from_be_bytes(*user.id.as_bytes()),
            Self::Mark(marked) => u128::from_be_bytes(*marked.session.as_bytes()),
            Self::Session(session) => u128::from_be_bytes(*session.id.as_bytes()),
        }
    }

    fn digest(&self) -> u128 {
        let mut digest = Digest(Context::new(&SHA256));
        match self {
            Self::Event(event) => digest.event(event),
            Self::ServiceKey(key) => digest.service_key(key),
            Self::User(user) => digest.user(user),
            Self::Mark(marked) => digest.mark(marked),
            Self::Session(session) => digest.session(session),
        }
        let mut half = [0; 16];
        half.copy_from_slice(&digest.0.finish().as_ref()[..16]);
        u128::from_be_bytes(half)
    }
}

/// How many rows, and the sum of their digests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) rows: u64,
    pub(super) checksum: u128,
}

impl Sum {
    pub(super) fn add(&mut self, row: &Row) {
        self.rows += 1;
        self.checksum = self.checksum.wrapping_add(row.digest());
    }
}

/// Each row is taken apart whole, so that a new column cannot be forgotten here.
struct Digest(Context);

impl Digest {
    /// With its length, so that no two rows run together to the same bytes.
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    fn number(&mut self, number: impl Into<i64>) {
        self.bytes(&number.into().to_be_bytes());
    }

    fn times(&mut self, times: impl IntoIterator<Item = Timestamp>) {
        times.into_iter().for_each(|time| self.number(time.as_millis()));
    }

    fn maybe(&mut self, text: Option<&str>) {
        self.bytes(&[u8::from(text.is_some())]);
        self.bytes(text.unwrap_or_default().as_bytes());
    }

    fn end(&mut self, at: Option<Timestamp>, reason: EndReason) {
        self.bytes(&[u8::from(at.is_some())]);
        self.times(at);
        self.bytes(reason.as_str().as_bytes());
    }

    fn revoked(&mut self, revoked: Option<&Revoked>) {
        if let Some(Revoked { rv, at, reason }) = revoked {
            self.number(rv.as_i64());
            self.end(*at, *reason);
        }
    }

    fn event(&mut self, Event { rv, revocation, keep_until }: &Event) {
        self.number(rv.as_i64());
        self.times([*keep_until]);
        let (kind, key) = kind_and_key(revocation);
        self.bytes(kind.as_bytes());
        self.bytes(key);
    }

    fn service_key(&mut self, key: &ServiceKey) {
        let ServiceKey { id, name, scopes, hash, created_at, revoked_at } = key;
        self.bytes(id.as_bytes());
        self.bytes(name.as_bytes());
        self.bytes(hash);
        self.times([*created_at].into_iter().chain(*revoked_at));
        scopes.iter().for_each(|scope| self.bytes(scope.as_str().as_bytes()));
    }

    fn user(&mut self, user: &User) {
        let User {
            id,
            email,
            email_key,
            name,
            password_hash,
            roles,
            status,
            min_rv,
            logins_ended,
            created_at,
        } = user;
        self.bytes(id.as_bytes());
        for text in [email.as_str(), email_key.as_str(), password_hash.as_str(), status.as_str()] {
            self.bytes(text.as_bytes());
        }
        self.maybe(name.as_deref());
        self.number(min_rv.as_i64());
        self.times([*created_at]);
        if let Some(LoginsEnded { at, reason }) = logins_ended {
            self.end(Some(*at), *reason);
        }
        roles.iter().for_each(|role| self.bytes(role.as_bytes()));
    }

    fn mark(&mut self, marked: &SessionMark) {
        let SessionMark { session, user, mark: Mark { version, rv, change, ended }, until } = marked;
        self.bytes(session.as_bytes());
        self.bytes(user.as_bytes());
        [*version, rv.as_i64()].into_iter().for_each(|number| self.number(number));
        self.times([*until]);
        self.bytes(&[u8::from(change.is_some()), u8::from(ended.is_some())]);
        if let Some(Change { number, base, row }) = change {
            [*number, *base].into_iter().for_each(|number| self.number(number));
            self.bytes(row);
        }
        self.revoked(ended.as_ref());
    }

    fn session(&mut self, session: &Session) {
        let Session {
            id,
            user,
            strategy,
            transport,
            remember,
            secret,
            generation,
            floor,
            spent,
            keyed,
            strikes,
            jkt,
            rv,
            written_epoch,
            device,
            ip,
            user_agent,
            auth_time,
            created_at,
            last_used_at,
            idle_timeout,
            expires_at,
            revoked,
        } = session;
        self.bytes(id.as_bytes());
        self.bytes(user.as_bytes());
        self.bytes(&secret.0);
        self.bytes(Strategy::from(*strategy).to_string().as_bytes());
        self.bytes(transport.as_str().as_bytes());
        self.bytes(&[u8::from(*remember), u8::from(*keyed)]);
        [*generation, *floor, *strikes, *written_epoch].into_iter().for_each(|number| self.number(number));
        self.bytes(&spent.to_blob());
        self.number(rv.as_i64());
        self.bytes(device.as_bytes());
        [jkt.as_deref(), ip.as_deref(), user_agent.as_deref()].into_iter().for_each(|text| self.maybe(text));
        self.times([*auth_time, *created_at, *last_used_at, *expires_at]);
        self.bytes(&idle_timeout.as_millis().to_be_bytes());
        self.revoked(revoked.as_ref());
    }
}

fn kind_and_key(revocation: &Revocation) -> (&'static str, &[u8]) {
    match revocation {
        Revocation::SessionRevoked(id) => ("session_revoked", id.as_bytes()),
        Revocation::TokenRevoked(id) => ("token_revoked", id.as_bytes()),
        Revocation::UserBefore(id) => ("user_before", id.as_bytes()),
        Revocation::EverythingBefore => ("everything_before", &[]),
        Revocation::ClaimsBefore(id) => ("claims_before", id.as_bytes()),
        Revocation::SessionChanged(id) => ("session_changed", id.as_bytes()),
        Revocation::KeyRevoked(id) => ("key_revoked", id.as_str().as_bytes()),
        Revocation::ServiceKeyRevoked(id) => ("service_key_revoked", id.as_bytes()),
    }
}
