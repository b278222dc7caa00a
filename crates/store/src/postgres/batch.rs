//! A batch of revocations in one transaction, as if one came after the other: lock users by id, then sessions by id;
//! read; decide; tell.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cloakroom_auth::feed::says_nothing_twice;
use cloakroom_auth::session::EndReason;
use cloakroom_auth::store::{Changed, Ended, EndedAll, Found};
use cloakroom_auth::user::{Status, User};
use cloakroom_verify::{Event, Revocation, Rv, SessionId, Timestamp, UserId};

use super::coalesce::{Answer, Wish};
use super::fault::{Fault, Result};
use super::feed;
use super::plan::{Plan, Told};
use super::pool::Pool;
use super::rows::{self, head_columns, session_columns, user_columns};
use super::step::{Transaction, try_transaction};
use crate::words;

const LOCK_USERS: &str = "SELECT 1 FROM users WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE";
const LOCK_SESSIONS: &str = "SELECT 1 FROM sessions WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE";
const LOCK_HEAD: &str = "SELECT 1 FROM feed_head FOR UPDATE";
const DISABLE: &str = "UPDATE users SET status = 'disabled' WHERE id = ANY ($1)";
const USERS: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", ",
    head_columns!(),
    " FROM users u, feed_head h WHERE u.id = ANY ($1)"
);
const SESSIONS: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", ",
    user_columns!(),
    ", ",
    head_columns!(),
    " FROM sessions s, users u, feed_head h WHERE s.id = ANY ($1) AND u.id = s.user_id"
);
/// As in `sessions`, for users and times of their own.
const LIVE: &str = "SELECT s.user_id, s.id FROM unnest($1::bytea[], $2::bigint[]) AS n (id, now), sessions s, users u, \
     feed_head h WHERE u.id = n.id AND s.user_id = u.id AND s.revoked_rv IS NULL \
     AND s.rv >= greatest(u.min_rv, h.floor) AND s.expires_at > n.now";

/// Does them all, or none.
pub(super) async fn write(pool: &Arc<Pool>, wishes: &[Wish]) -> Result<Vec<Answer>> {
    try_transaction!(pool, transaction => {
        loop {
            if let Some(answers) = try_write(transaction, wishes).await? {
                break Ok(answers);
            }
        }
    })
}

/// `None`: everything was revoked meanwhile, and a row that is kept is to be judged again.
async fn try_write(transaction: &Transaction<'_>, wishes: &[Wish]) -> Result<Option<Vec<Answer>>> {
    let mut batch = Batch::read(transaction, wishes).await?;
    let decided: Vec<_> = wishes.iter().map(|wish| batch.decide(wish)).collect();
    if !batch.disabled.is_empty() {
        transaction.execute(DISABLE, &[&batch.disabled]).await?;
    }
    let decided = tell_once(transaction, &mut batch.plan, decided).await?;
    let told = if batch.plan.is_empty() {
        None
    } else {
        let Some(told) = batch.plan.commit_by(transaction, batch.floor).await? else { return Ok(None) };
        Some(told)
    };
    decided.into_iter().map(|decided| decided.answer(told.as_ref())).collect::<Result<_>>().map(Some)
}

/// What the rows say, and what earlier wishes of the batch changed about it.
struct Batch {
    users: HashMap<UserId, User>,
    sessions: HashMap<SessionId, Found>,
    live: HashMap<UserId, HashSet<SessionId>>,
    /// Users whose logins end in this batch, and the one that is kept.
    swept: HashMap<UserId, Option<SessionId>>,
    ended: HashSet<SessionId>,
    disabled: Vec<Vec<u8>>,
    /// What the users were read with; zero where there are none, and nothing is kept.
    floor: Rv,
    plan: Plan,
}

/// An answer, once the numbers are known.
enum Decided {
    Ready(Answer),
    Ended(usize),
    EndedAll {
        sessions: u64,
        event: usize,
    },
    Disabled {
        user: User,
        event: usize,
        now: Timestamp,
    },
    Appended(usize),
    /// Only where nobody told it before.
    Once {
        revocation: Revocation,
        keep_at_least: Option<Timestamp>,
        now: Timestamp,
    },
}

impl Batch {
    async fn read(transaction: &Transaction<'_>, wishes: &[Wish]) -> Result<Self> {
        let (mut users, mut nows, mut sessions) = (Vec::new(), Vec::new(), Vec::new());
        for wish in wishes {
            match wish {
                Wish::End { session, .. } => sessions.push(session.as_bytes().to_vec()),
                Wish::EndAll { user, keep, now, .. } => {
                    users.push(user.as_bytes().to_vec());
                    nows.push(now.as_millis());
                    sessions.extend(keep.map(|keep| keep.as_bytes().to_vec()));
                }
                Wish::Disable { user, now } => {
                    users.push(user.as_bytes().to_vec());
                    nows.push(now.as_millis());
                }
                Wish::Append { .. } => {}
            }
        }
        let mut batch = Self {
            users: HashMap::new(),
            sessions: HashMap::new(),
            live: HashMap::new(),
            swept: HashMap::new(),
            ended: HashSet::new(),
            disabled: Vec::new(),
            floor: Rv::ZERO,
            plan: Plan::default(),
        };
        if users.is_empty() && sessions.is_empty() {
            return Ok(batch);
        }
        let [_, _, found_users, found_sessions, live] = transaction
            .pipeline([
                (LOCK_USERS, &[&users]),
                (LOCK_SESSIONS, &[&sessions]),
                (USERS, &[&users]),
                (SESSIONS, &[&sessions]),
                (LIVE, &[&users, &nows]),
            ])
            .await?;
        for row in &found_users {
            let (user, as_of) = rows::user_as_of(row)?;
            batch.floor = as_of.floor();
            batch.users.insert(user.id, user);
        }
        for row in &found_sessions {
            let found = rows::found(row)?;
            batch.sessions.insert(found.session.id, found);
        }
        for row in &live {
            let id = |bytes: &[u8]| <[u8; 16]>::try_from(bytes).map_err(|_| Fault::Unreadable("an id"));
            let (user, session) = (id(row.try_get(0)?)?, id(row.try_get(1)?)?);
            let live = batch.live.entry(UserId::from_bytes(user)).or_default();
            live.insert(SessionId::from_bytes(session));
        }
        Ok(batch)
    }

    fn decide(&mut self, wish: &Wish) -> Decided {
        match wish {
            Wish::End { session, owner, reason, now } => self.end(*session, *owner, *reason, *now),
            Wish::EndAll { user, keep, reason, now } => self.end_all(*user, *keep, *reason, *now),
            Wish::Disable { user, now } => self.disable(*user, *now),
            Wish::Append { revocation, keep_at_least, now } if says_nothing_twice(revocation) => {
                let (revocation, keep_at_least, now) = (revocation.clone(), *keep_at_least, *now);
                Decided::Once { revocation, keep_at_least, now }
            }
            Wish::Append { revocation, keep_at_least, now } => {
                Decided::Appended(self.plan.tell(revocation.clone(), *keep_at_least, *now))
            }
        }
    }

    fn end(&mut self, id: SessionId, owner: Option<UserId>, reason: EndReason, now: Timestamp) -> Decided {
        let found = self.sessions.get(&id).filter(|found| owner.is_none_or(|owner| owner == found.user.id));
        let Some(found) = found else { return Decided::Ready(Answer::Ended(Ended::Unknown)) };
        let swept = self.swept.get(&found.user.id).is_some_and(|kept| *kept != Some(id));
        if swept || found.session.has_ended(&found.user, found.as_of) {
            return Decided::Ready(Answer::Ended(Ended::Already));
        }
        self.ended.insert(id);
        Decided::Ended(self.plan.end(id, reason, now))
    }

    fn end_all(
        &mut self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Decided {
        let mut live = self.live.get(&user).cloned().unwrap_or_default();
        live.retain(|session| !self.ended.contains(session));
        if !self.users.contains_key(&user) || keep.is_some_and(|keep| !live.contains(&keep)) {
            return Decided::Ready(Answer::EndedAll(None));
        }
        let event = self.plan.sweep(user, reason, now);
        if let Some(keep) = keep {
            self.plan.keep(keep, event);
        }
        self.swept.insert(user, keep);
        Decided::EndedAll { sessions: (live.len() - usize::from(keep.is_some())) as u64, event }
    }

    fn disable(&mut self, id: UserId, now: Timestamp) -> Decided {
        let Some(mut user) = self.users.get(&id).cloned() else {
            return Decided::Ready(Answer::Changed(None));
        };
        match user.status {
            Status::Disabled => Decided::Ready(Answer::Changed(Some(Changed { user, event: None }))),
            Status::Active => {
                user.status = Status::Disabled;
                self.disabled.push(id.as_bytes().to_vec());
                self.swept.insert(id, None);
                Decided::Disabled { user, event: self.plan.sweep(id, EndReason::UserDisabled, now), now }
            }
        }
    }
}

/// Looks for what says nothing twice under the lock of the head: before, another could be telling it just now, and a
/// number that was taken for nothing would be a gap.
async fn tell_once(
    transaction: &Transaction<'_>,
    plan: &mut Plan,
    decided: Vec<Decided>,
) -> Result<Vec<Decided>> {
    let (kinds, keys): (Vec<_>, Vec<_>) = decided
        .iter()
        .filter_map(|decided| {
            let Decided::Once { revocation, .. } = decided else { return None };
            Some(words::kind_and_key(revocation))
        })
        .unzip();
    if kinds.is_empty() {
        return Ok(decided);
    }
    let [_, told] = transaction.pipeline([(LOCK_HEAD, &[]), (feed::TOLD, &[&kinds, &keys])]).await?;
    let told: Vec<Event> = told.iter().map(|row| rows::event(row, 0)).collect::<Result<_>>()?;
    let once = |decided| {
        let Decided::Once { revocation, keep_at_least, now } = decided else { return decided };
        match told.iter().find(|event| event.revocation == revocation) {
            Some(event) => Decided::Ready(Answer::Event(event.clone())),
            None => Decided::Appended(plan.tell(revocation, keep_at_least, now)),
        }
    };
    Ok(decided.into_iter().map(once).collect())
}

impl Decided {
    fn answer(self, told: Option<&Told>) -> Result<Answer> {
        let event = |place| told.ok_or(Fault::Unreadable("the answer of the feed"))?.event(place);
        Ok(match self {
            Self::Ready(answer) => answer,
            Self::Ended(place) => Answer::Ended(Ended::Now(event(place)?)),
            Self::EndedAll { sessions, event: place } => {
                Answer::EndedAll(Some(EndedAll { sessions, event: event(place)? }))
            }
            Self::Disabled { mut user, event: place, now } => {
                let event = event(place)?;
                user.end_logins(event.rv, EndReason::UserDisabled, now);
                Answer::Changed(Some(Changed { user, event: Some(event) }))
            }
            Self::Appended(place) => Answer::Event(event(place)?),
            Self::Once { .. } => return Err(Fault::Unreadable("a revocation that nobody decided")),
        })
    }
}
