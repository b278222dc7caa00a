//! What a store must do, and which losses are harmless.
//!
//! A store keeps rows and applies decisions; it never decides. Each method is one atomic step. The contract
//! suite in `cloakroom-store/tests/contract.rs` runs on every store and proves each sentence here.
//!
//! Order inside every revoking step (docs/revocation.md): lock users by id, then sessions by id; move the head
//! and insert the events; write the returned number into the locked rows; commit, nothing else. So the order
//! of the numbers is the order of the commits, without gaps.

use std::time::Duration;

use async_trait::async_trait;
use cloakroom_verify::{Event, Revocation, Roles, Rv, ServiceKeyId, SessionId, Timestamp, UserId};

use crate::check_row::CheckRow;
use crate::email::EmailKey;
use crate::exchange::ExchangeAsk;
use crate::feed::{AsOf, Sync};
use crate::password::PhcString;
use crate::privilege::{PasswordChange, StepUp};
use crate::refresh::{Ask, Refusal, SameReason};
use crate::service_key::ServiceKey;
use crate::session::{EndReason, NewSession, Session};
use crate::user::{NewUser, Status, User};

/// The store did not answer, or answered nonsense. Opaque: a caller can only say "unavailable".
#[derive(Debug, thiserror::Error)]
#[error("the store is unavailable: {0}")]
pub struct StoreError(#[source] pub Box<dyn std::error::Error + Send + std::marker::Sync>);

impl StoreError {
    /// Wraps a driver's error or a sentence.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + std::marker::Sync>>) -> Self {
        Self(source.into())
    }
}

/// The answer of a store.
pub type Stored<T> = Result<T, StoreError>;

/// Everything that the rules need of a database.
pub trait Store: Users + Sessions + Feed + ServiceKeys {}
impl<T: Users + Sessions + Feed + ServiceKeys> Store for T {}

/// The user table.
#[async_trait]
pub trait Users: Send + std::marker::Sync + 'static {
    /// Adds an account in the status it asks for, unless its canonical email is taken: of two at once exactly one
    /// succeeds. A taken id is an error.
    async fn add(&self, user: NewUser) -> Stored<Added>;

    /// The account of an email, with the head read in the same statement.
    async fn by_email(&self, email: &EmailKey) -> Stored<Option<(User, AsOf)>>;

    /// The account with this id, with the head read in the same statement.
    async fn by_id(&self, id: UserId) -> Stored<Option<(User, AsOf)>>;

    /// Replaces the hash iff it is still `old` (a password change must win). Losing this write is harmless.
    async fn raise_hash(&self, id: UserId, old: &PhcString, new: PhcString) -> Stored<bool>;

    /// Accounts whose canonical email contains `query`, in the order of their ids, after `after`, at most `limit`.
    async fn list_users(&self, query: &str, after: Option<UserId>, limit: u32) -> Stored<Vec<User>>;

    /// Enables or disables. Disabling appends `user_before` and raises `min_rv` in the same step; doing what is
    /// done already appends nothing. `None`: no such user.
    async fn set_status(&self, id: UserId, status: Status, now: Timestamp) -> Stored<Option<Changed>>;

    /// Replaces the password hash and ends every login but the kept one, in one step and by one `user_before` S: the
    /// hash and `min_rv` = S; the kept row, if [`privilege::judge`](crate::privilege::judge) keeps it under its lock, is
    /// [renewed](Session::renew) with `rv` = S. Nothing changes where the hash is not the proved one any more.
    async fn change_password(&self, change: &PasswordChange) -> Stored<PasswordChanged>;

    /// Sets the roles and appends `claims_before`; the same roles again append nothing. `None`: no such user.
    async fn set_roles(&self, id: UserId, roles: Roles, now: Timestamp) -> Stored<Option<Changed>>;

    /// Many were added: a store that plans by the sizes of its tables learns them anew. Losing this is harmless.
    async fn settle(&self) {}
}

/// What came of adding an account.
#[derive(Debug)]
pub enum Added {
    /// It is there.
    User(User),
    /// Another account has the email.
    EmailTaken,
}

/// A changed account, and the event that told of it, if there was anything to tell.
#[derive(Debug)]
pub struct Changed {
    /// The account as it stands now.
    pub user: User,
    /// What was appended to the feed.
    pub event: Option<Event>,
}

/// The session table.
#[async_trait]
pub trait Sessions: Send + std::marker::Sync + 'static {
    /// Inserts the row only where its user is active and `row.rv >= greatest(min_rv, floor)` at commit.
    async fn start(&self, new: NewSession) -> Stored<Started>;

    /// The row, its user and the head, read in one statement.
    async fn find(&self, id: SessionId) -> Stored<Option<Found>>;

    /// The same for several rows at once, of one snapshot, in any order; rows that are not there are left out.
    async fn find_many(&self, ids: &[SessionId]) -> Stored<Vec<Found>>;

    /// The same, only as much of each as a check of a session token judges.
    async fn for_check(&self, ids: &[SessionId]) -> Stored<Vec<CheckRow>> {
        Ok(match ids {
            [alone] => self.find(*alone).await?.map(CheckRow::from).into_iter().collect(),
            several => self.find_many(several).await?.into_iter().map(CheckRow::from).collect(),
        })
    }

    /// `last_used_at = greatest(last_used_at, at)`, for real uses only, and only where the row was live at that time: a
    /// session that was idle stays so, whoever tells of a use. (Where ends are kept elsewhere, that of a row which was
    /// ended may move: it gives nothing back.) Losing some is harmless: the session then ends earlier, never later. A row
    /// that is not there is skipped.
    async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Stored<()>;

    /// Judges with [`refresh::decide`](crate::refresh::decide) under the row lock and applies the decision in the
    /// same step. A row's `rv` for minting is the head of *this* step. An error means that nothing was decided.
    async fn rotate(&self, ask: &Ask) -> Stored<Rotation>;

    /// The same for [`exchange::decide`](crate::exchange::decide); an exchange appends `session_changed`.
    async fn exchange(&self, ask: &ExchangeAsk) -> Stored<Exchanged>;

    /// The same for [`privilege::judge`](crate::privilege::judge): [renews](Session::renew) the row and appends
    /// `session_changed`. Nothing changes where the user's hash is not the proved one any more.
    async fn step_up(&self, step: &StepUp) -> Stored<SteppedUp>;

    /// The sessions of a user at `now`, newest first: not ended, not past `expires_at`, not outdated. Idle ones are
    /// among them, since the caller may know of uses that are not written yet.
    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Stored<Vec<Session>>;

    /// The other sessions of a user that rows remember, the last used first: ended, expired, outdated. Of more than
    /// `limit`, it is those that were ended or used last.
    async fn list_ended(&self, user: UserId, now: Timestamp, limit: u32) -> Stored<Vec<Found>>;

    /// Whether this user ever logged in from this address, as far as rows remember.
    async fn known_address(&self, email: &EmailKey, address: &str) -> Stored<bool>;

    /// Ends one session (of `owner`, if given) and appends `session_revoked`. Ending it again says `Already`.
    async fn end(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Ended>;

    /// Ends every login of the user but `keep`, rowless ones included, by one `user_before`; `keep` gets the new
    /// number as its `rv`, and the user remembers the reason. `None`: no such user, or `keep` is no live session of this user.
    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Option<EndedAll>>;

    /// Deletes at most `limit` sessions that ended by their absolute timeout before `now`, by index; where the store has a
    /// clock of its own, also before that one: by a clock that is ahead, rows would go that others still need.
    async fn purge_sessions(&self, now: Timestamp, limit: u32) -> Stored<u64>;

    /// The same of the rows that sessions left behind in a database when they moved out of it.
    async fn purge_left_behind(&self, _now: Timestamp, _limit: u32) -> Stored<u64> {
        Ok(0)
    }

    /// Looks whether sessions can be read and written now, where they are not with everything else, and remembers what
    /// it finds. Where they are, the feed and [`takes_writes`](Feed::takes_writes) tell.
    async fn look(&self) -> Option<Trouble> {
        None
    }

    /// What the last look found, without asking.
    fn trouble(&self) -> Option<Trouble> {
        None
    }
}

/// Why logins cannot be kept, where they are kept elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody can be asked.
    #[error("the store of sessions does not answer")]
    NoAnswer,
    /// Checks of sessions may go on; nobody can log in.
    #[error("the store of sessions takes no writes")]
    NoWrites,
}

/// How far a claim of [`Feed::claim_cleanup`] can reach.
pub const LONGEST_CLAIM: Duration = Duration::from_secs(3600);

/// A session with the user and the head it was read with.
#[derive(Debug, Clone)]
pub struct Found {
    /// The row.
    pub session: Session,
    /// Whose it is.
    pub user: User,
    /// The head of the same statement.
    pub as_of: AsOf,
}

/// What came of starting a session.
#[derive(Debug)]
pub enum Started {
    /// The row is there. Sessions that were ended to make room, oldest use first, are told of by these events.
    Row {
        /// `session_revoked` for each ended one.
        evicted: Vec<Event>,
    },
    /// The user was disabled or logged out everywhere since the password was checked.
    DeadAtBirth,
}

/// What came of a refresh.
#[derive(Debug)]
pub enum Rotation {
    /// The next generation is current.
    Rotated(Found),
    /// The current generation is answered again.
    Same(Found, SameReason),
    /// Nothing changed.
    Refused(Refusal),
    /// The session was ended in this step.
    Revoked(Event),
    /// There is no such row.
    Unknown,
}

/// What came of an exchange.
#[derive(Debug)]
pub enum Exchanged {
    /// The row carries the other kind of token now.
    Done(Found, Event),
    /// It did already, by this very attempt.
    Same(Found),
    /// The token already is of the wanted kind.
    NothingToExchange,
    /// Nothing changed.
    Refused(Refusal),
    /// There is no such row.
    Unknown,
}

/// What came of changing a password.
#[derive(Debug)]
pub enum PasswordChanged {
    /// It is changed, and every other login ended.
    Done {
        /// The account as it stands now.
        user: User,
        /// The head of this step: the event's own number.
        as_of: AsOf,
        /// The login that lives on.
        kept: Option<Session>,
        /// The `user_before`.
        event: Event,
    },
    /// The login that was to be kept is no good; nothing changed.
    Refused(Refusal),
    /// The password was changed meanwhile; nothing changed.
    Overtaken,
    /// There is no such user, or no such row of this user.
    Unknown,
}

/// What came of proving the password again.
#[derive(Debug)]
pub enum SteppedUp {
    /// The next generation is current, with a new `auth_time`.
    Done(Found, Event),
    /// The login is no good; nothing changed.
    Refused(Refusal),
    /// The password was changed meanwhile; nothing changed.
    Overtaken,
    /// There is no such row of this user.
    Unknown,
}

/// What came of ending a session.
#[derive(Debug)]
pub enum Ended {
    /// It ended now.
    Now(Event),
    /// It had ended before, by itself or with all logins of its user.
    Already,
    /// There is no such session (of this owner).
    Unknown,
}

/// What came of ending the logins of a user.
#[derive(Debug)]
pub struct EndedAll {
    /// How many listed sessions this ended.
    pub sessions: u64,
    /// The `user_before`.
    pub event: Event,
}

/// The feed and its head.
#[async_trait]
pub trait Feed: Send + std::marker::Sync + 'static {
    /// Appends a revocation that changes no row but the feed's own: `TokenRevoked`, `KeyRevoked`,
    /// `EverythingBefore` (which raises the floor in the same step), `ServiceKeyRevoked`, and `SessionRevoked` of a
    /// session whose row is lost. Where repeating says nothing the stored event is returned. `keep_at_least` lengthens
    /// how long it is kept (a token's own `exp`).
    async fn append(
        &self,
        revocation: Revocation,
        keep_at_least: Option<Timestamp>,
        now: Timestamp,
    ) -> Stored<Event>;

    /// Head, floor and the live events after `since`, in ONE statement, on a connection without an open transaction.
    async fn read_since(&self, since: Option<Rv>) -> Stored<Sync>;

    /// Which of these the feed tells of, now.
    async fn told(&self, revocations: &[Revocation]) -> Stored<Vec<Event>>;

    /// Announces how long events of this server must be kept. It is raised at once, and lowered only after the
    /// longer one has run out, by every clock.
    async fn retain(&self, duration: Duration, now: Timestamp) -> Stored<()>;

    /// Whether the caller cleans up until then: of all who ask while nobody has it, exactly one. A claim that reaches
    /// further than an hour was made by a clock that is wrong, and counts for nothing.
    async fn claim_cleanup(&self, now: Timestamp, until: Timestamp) -> Stored<bool>;

    /// Deletes at most `limit` events that can kill nothing any more, by the earlier clock, as
    /// [`purge_sessions`](Sessions::purge_sessions).
    async fn purge_events(&self, now: Timestamp, limit: u32) -> Stored<u64>;

    /// The same of what the database keeps of sessions whose rows are elsewhere, whether any are now or not.
    async fn purge_marks(&self, _now: Timestamp, _limit: u32) -> Stored<u64> {
        Ok(0)
    }

    /// Whether it takes what is written, as far as it knows without asking: `false` once a write failed because it takes
    /// none, until one is taken again, which the store finds out by itself or by the next `announce`.
    fn takes_writes(&self) -> bool {
        true
    }

    /// Announces a process that vouches to verifiers, whose answers are trusted for `bound` at most, and which has been there
    /// for the time `up`. Again and again: one that was not heard of for [`REMEMBERED`](crate::node::REMEMBERED) is
    /// forgotten. Tells what time it is by the store's own clock, where that is not this machine's.
    async fn announce(&self, node: &[u8; 16], bound: Duration, up: Duration) -> Stored<Option<Timestamp>>;

    /// The process vouches for nothing any more from now on. Where one serves after the other there is nobody to tell.
    async fn leave(&self, _node: &[u8; 16]) -> Stored<()> {
        Ok(())
    }

    /// The longest bound of the other processes that can have vouched for something that is still trusted; `None`: there
    /// is no such process. Where one serves after the other, those before this one had ended when it began, `up` ago.
    async fn others(&self, node: &[u8; 16], up: Duration) -> Stored<Option<Duration>>;

    /// Resolves when another process may have told the feed of something. It may do so for nothing, late or never.
    async fn rung(&self) {
        std::future::pending::<()>().await;
    }

    /// From now on no head is read that could be one of a primary which another has followed: each read commits
    /// something, too. `false`: this store does not offer it.
    fn fence(&self) -> bool {
        false
    }

    /// Whether it is so.
    fn is_fenced(&self) -> bool {
        false
    }
}

/// The service keys.
#[async_trait]
pub trait ServiceKeys: Send + std::marker::Sync + 'static {
    /// Adds a key, unless one that is not revoked has its name: of two at once exactly one succeeds.
    async fn add_service_key(&self, key: ServiceKey) -> Stored<bool>;

    /// The key with this id, revoked or not.
    async fn service_key(&self, id: ServiceKeyId) -> Stored<Option<ServiceKey>>;

    /// All keys in the order of their ids, revoked ones too.
    async fn list_service_keys(&self) -> Stored<Vec<ServiceKey>>;

    /// Revokes the key of this name and appends `service_key_revoked`. `None`: no key that is not revoked has it.
    async fn revoke_service_key(&self, name: &str, now: Timestamp) -> Stored<Option<Event>>;
}
