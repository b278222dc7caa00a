//! The steps that decide: read the row, read the facts, ask the rule, write where both are still the same.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_auth::refresh::{self, Ask, Decision, SameReason};
use cloakroom_auth::session::{EndReason, Session};
use cloakroom_auth::store::{Ended, EndedAll, Found, Rotation, StoreError, Stored};
use cloakroom_auth::token;
use cloakroom_verify::{SessionId, Timestamp, UserId};
use tokio::sync::OwnedMutexGuard;
use tokio::time::{sleep, timeout};

use super::row::Row;
use super::standing::{Read, Standing, standing};
use super::{WithRedis, scripts};
use crate::ledger::{Entry, Facts, What};

/// How often a step is tried when others are in its way.
pub(super) const ATTEMPTS: u32 = 10;
/// How long a step takes at most; what it waits for before it begins counts by itself.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long a mark outlives its session: clocks differ.
const DAY: Duration = Duration::from_secs(86_400);

/// A row that counts, with what it was judged by.
pub(super) struct Stand {
    pub(super) read: Read,
    pub(super) facts: Facts,
    /// As it stands now.
    pub(super) session: Session,
}

impl Stand {
    pub(super) fn found(self) -> Found {
        Found { session: self.session, user: self.facts.user, as_of: self.facts.as_of }
    }

    pub(super) fn lives(&self, now: Timestamp) -> bool {
        self.session.may_live(&self.facts.user, self.facts.as_of, now)
    }

    /// How many privilege changes there were.
    pub(super) fn changes(&self) -> i64 {
        self.facts.mark.change.as_ref().map_or(0, |change| change.number).max(self.read.row.changes)
    }

    pub(super) fn entry(&self, what: What, now: Timestamp) -> Entry {
        // The row in Redis may say a later end than the one that an exchange has shortened.
        let until = self.session.expires_at.max(self.read.row.session.expires_at).after(DAY);
        Entry { what, until, now }
    }
}

impl WithRedis {
    /// Runs a step that decides, whether its caller waits or not, one at a time for each session. One that takes too long is
    /// cut off wherever it is: what SQL says already holds, whether Redis heard of it or not.
    pub(super) async fn alone<T: Send + 'static>(
        &self,
        id: SessionId,
        step: impl Future<Output = Stored<T>> + Send + 'static,
    ) -> Stored<T> {
        let turn = self.turn(id).await?;
        let run = async move {
            let done = timeout(PATIENCE, step).await;
            drop(turn);
            done.unwrap_or_else(|_| Err(StoreError::new("a step took too long")))
        };
        tokio::spawn(run).await.map_err(StoreError::new)?
    }

    /// Waits until no step of this process decides about this session.
    pub(super) async fn turn(&self, id: SessionId) -> Stored<OwnedMutexGuard<()>> {
        let [.., high, low] = *id.as_bytes();
        let stripe = usize::from(u16::from_be_bytes([high, low])) % self.0.stripes.len();
        let stripe = self.0.stripes.get(stripe).map(Arc::clone).unwrap_or_default();
        timeout(PATIENCE, stripe.lock_owned())
            .await
            .map_err(|_| StoreError::new("too many steps wait for one session"))
    }

    pub(super) fn key(&self, id: SessionId) -> String {
        format!("{}:{{{id}}}", self.0.prefix)
    }

    /// The row as Redis has it.
    pub(super) async fn read(&self, id: SessionId) -> Stored<Option<Read>> {
        type Told = (String, Option<Vec<u8>>, Option<String>, Option<i64>);
        let (life, bytes, written, used): Told = self.0.link.run(&scripts::READ.key(self.key(id))).await?;
        let Some(bytes) = bytes else { return Ok(None) };
        let mut row = Row::from_bytes(&bytes)
            .filter(|row| row.session.id == id)
            .ok_or_else(|| StoreError::new("a row in Redis that this version does not write"))?;
        if let Some(used) = used.map(Timestamp::from_millis) {
            row.session.last_used_at = row.session.last_used_at.max(used);
        }
        Ok(Some(Read { bytes, of_this_life: written.is_some_and(|written| written == life), life, row }))
    }

    /// What SQL knows of a row that was read before. Of a user who is gone there is nothing.
    pub(super) async fn facts(&self, read: &Read) -> Stored<Option<Facts>> {
        Ok(self.0.sql.facts(&[(read.row.session.id, read.row.session.user)]).await?.pop())
    }

    /// Writes the row where it is what was read, in the life that it was read in.
    pub(super) async fn replace(&self, read: &Read, bytes: &[u8]) -> Stored<bool> {
        let script = &scripts::REPLACE;
        let mut ask = script.key(self.key(read.row.session.id));
        self.0.link.run(ask.arg(&read.bytes).arg(bytes).arg(&read.life)).await
    }

    /// The row that counts.
    pub(super) async fn stand(&self, id: SessionId) -> Stored<Option<Stand>> {
        for attempt in 0..ATTEMPTS {
            let Some(read) = self.read(id).await? else { return Ok(None) };
            let Some(facts) = self.facts(&read).await? else { return Ok(None) };
            match standing(&read, &facts.mark) {
                Standing::Row(session) => return Ok(Some(Stand { read, facts, session })),
                // The facts may be newer than the row, which was read before them; then they are not the next time.
                Standing::Gone if attempt > 0 || facts.mark.change.is_none() => return Ok(None),
                Standing::Gone | Standing::Unsettled => pause(attempt).await,
            }
        }
        Ok(None)
    }

    pub(super) async fn rotate_alone(&self, ask: &Ask) -> Stored<Rotation> {
        for attempt in 0..ATTEMPTS {
            let Some(mut stand) = self.stand(ask.session).await? else { return Ok(Rotation::Unknown) };
            let (user, as_of) = (&stand.facts.user, stand.facts.as_of);
            let same = match refresh::decide(&stand.session, user, as_of, ask) {
                Decision::Rotate { adopt } => {
                    stand.session.rotate(adopt, as_of, ask);
                    None
                }
                Decision::Same { reason } => {
                    stand.session.answer_again(reason);
                    match reason {
                        SameReason::Strike => Some(reason),
                        SameReason::LostResponse | SameReason::Grace | SameReason::BoundKey => {
                            return Ok(Rotation::Same(stand.found(), reason));
                        }
                    }
                }
                Decision::Refuse(refusal) => return Ok(Rotation::Refused(refusal)),
                Decision::Revoke => {
                    let entry = stand.entry(What::Ended(EndReason::RefreshTokenReused), ask.now);
                    match self.0.sql.record(&stand.facts, &entry).await? {
                        Some(recorded) => return Ok(Rotation::Revoked(recorded.event)),
                        None => continue,
                    }
                }
            };
            let next = stand.read.row.next(stand.changes(), stand.session.clone());
            if self.replace(&stand.read, &next.to_bytes()).await? {
                return Ok(match same {
                    Some(reason) => Rotation::Same(stand.found(), reason),
                    None => Rotation::Rotated(stand.found()),
                });
            }
            pause(attempt).await;
        }
        Err(too_busy())
    }

    /// By SQL alone: what Redis has of it is judged by that from now on.
    pub(super) async fn end_alone(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Ended> {
        for _ in 0..ATTEMPTS {
            // A row that does not count can be ended all the same: its access tokens may live.
            let Some(read) = self.read(id).await? else { return Ok(Ended::Unknown) };
            let Some(facts) = self.facts(&read).await? else { return Ok(Ended::Unknown) };
            if owner.is_some_and(|owner| owner != facts.user.id) {
                return Ok(Ended::Unknown);
            }
            let session = match standing(&read, &facts.mark) {
                Standing::Row(session) => session,
                Standing::Unsettled | Standing::Gone => {
                    let mut session = read.row.session.clone();
                    session.rv = session.rv.max(facts.mark.rv);
                    session
                }
            };
            let stand = Stand { read, facts, session };
            if stand.session.has_ended(&stand.facts.user, stand.facts.as_of) {
                return Ok(Ended::Already);
            }
            let entry = stand.entry(What::Ended(reason), now);
            if let Some(recorded) = self.0.sql.record(&stand.facts, &entry).await? {
                return Ok(Ended::Now(recorded.event));
            }
        }
        Err(too_busy())
    }

    /// Ends every login of the user but this one.
    pub(super) async fn keep_alone(
        &self,
        user: UserId,
        keep: SessionId,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Option<EndedAll>> {
        for _ in 0..ATTEMPTS {
            let live = self.live(user, now).await?;
            let Some(stand) = self.stand(keep).await? else { return Ok(None) };
            if stand.facts.user.id != user || !stand.lives(now) {
                return Ok(None);
            }
            let entry = stand.entry(What::Kept(reason), now);
            if let Some(recorded) = self.0.sql.record(&stand.facts, &entry).await? {
                let sessions = live.iter().filter(|other| other.session.id != keep).count() as u64;
                return Ok(Some(EndedAll { sessions, event: recorded.event }));
            }
        }
        Err(too_busy())
    }
}

pub(super) fn too_busy() -> StoreError {
    StoreError::new("others changed the session again and again")
}

/// Two that met shall not meet again.
pub(super) async fn pause(attempt: u32) {
    let [random] = token::random::<1>();
    sleep(Duration::from_millis(2 << attempt.min(6)) * (u32::from(random) + 128) / 256).await;
}
