//! The session table.

use std::cmp::Reverse;

use async_trait::async_trait;
use cloakroom_auth::check_row::CheckRow;
use cloakroom_auth::email::EmailKey;
use cloakroom_auth::exchange::ExchangeAsk;
use cloakroom_auth::privilege::StepUp;
use cloakroom_auth::refresh::Ask;
use cloakroom_auth::session::{EndReason, NewSession, Session};
use cloakroom_auth::store::{
    Ended, EndedAll, Exchanged, Found, Remains, Rotation, Sessions, Started, SteppedUp, StoreError, Stored,
    Trouble,
};
use cloakroom_verify::{SessionId, Timestamp, UserId};
use futures_util::future::try_join_all;

use super::row::Row;
use super::standing::Read;
use super::{WithRedis, scripts};

/// How many uses are written at once.
const AT_ONCE: usize = 256;

#[async_trait]
impl Sessions for WithRedis {
    /// A row whose user is swept between the look at SQL and the write is dead all the same: it is judged at each use,
    /// and its `rv` is from before.
    async fn start(&self, new: NewSession) -> Stored<Started> {
        let NewSession { row, max_per_user } = new;
        let welcome =
            self.0.sql.by_id(row.user).await?.is_some_and(|(user, as_of)| user.admits(row.rv, as_of));
        if !welcome {
            return Ok(Started::DeadAtBirth);
        }
        let lives = Self::lives(&row);
        let count = self.index(&row, lives).await?;
        let bytes = Row { version: 0, changes: 0, session: row.clone() }.to_bytes();
        let script = &scripts::INSERT;
        let mut insert = script.key(self.key(row.id));
        let inserted: bool = self.0.link.run(insert.arg(bytes).arg(lives)).await?;
        if !inserted {
            return Err(StoreError::new("a session has this id already"));
        }
        let evicted =
            if count > max_per_user.into() { self.make_room(&row, max_per_user).await? } else { Vec::new() };
        Ok(Started::Row { evicted })
    }

    async fn find(&self, id: SessionId) -> Stored<Option<Found>> {
        // What a step of this process decides just now is waited for, as a database's lock would.
        drop(self.turn(id).await?);
        Ok(self.stand(id).await?.map(|stand| stand.found()))
    }

    async fn find_many(&self, ids: &[SessionId]) -> Stored<Vec<Found>> {
        let judged = self.judged(self.read_many(ids).await?).await?;
        Ok(judged.into_iter().map(|stand| stand.found()).collect())
    }

    /// Nobody's turn is waited for: one step that takes long must not keep up all those who share the next query.
    async fn for_check(&self, ids: &[SessionId]) -> Stored<Vec<CheckRow>> {
        Ok(match ids {
            [alone] => self.stand(*alone).await?.map(|stand| stand.found().into()).into_iter().collect(),
            several => self.find_many(several).await?.into_iter().map(CheckRow::from).collect(),
        })
    }

    async fn remains(&self, id: SessionId) -> Stored<Option<Remains>> {
        let read = self.read(id).await?;
        Ok(read.map(|Read { row: Row { session, .. }, .. }| Remains {
            user: session.user,
            secret: session.secret,
        }))
    }

    async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Stored<()> {
        for some in uses.chunks(AT_ONCE) {
            let touch = |(id, at): &(SessionId, Timestamp)| {
                let (key, at) = (self.key(*id), at.as_millis());
                async move { self.0.link.run::<bool>(scripts::TOUCH.key(key).arg(at)).await }
            };
            try_join_all(some.iter().map(touch)).await?;
        }
        Ok(())
    }

    async fn rotate(&self, ask: &Ask) -> Stored<Rotation> {
        let (this, ask) = (self.clone(), ask.clone());
        self.alone(ask.session, async move { this.rotate_alone(&ask).await }).await
    }

    async fn exchange(&self, ask: &ExchangeAsk) -> Stored<Exchanged> {
        let (this, ask) = (self.clone(), ask.clone());
        self.alone(ask.session, async move { this.exchange_alone(&ask).await }).await
    }

    async fn step_up(&self, step: &StepUp) -> Stored<SteppedUp> {
        let (this, step) = (self.clone(), step.clone());
        self.alone(step.holder.session, async move { this.step_up_alone(&step).await }).await
    }

    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Stored<Vec<Session>> {
        let mut live: Vec<_> = self.live(user, now).await?.into_iter().map(|stand| stand.session).collect();
        live.sort_by_key(|session| Reverse((session.created_at, session.id)));
        Ok(live)
    }

    async fn list_ended(&self, user: UserId, now: Timestamp, limit: u32) -> Stored<Vec<Found>> {
        let mut over = self.judged(self.rows(user).await?).await?;
        over.retain(|stand| !stand.lives(now));
        over.sort_by_key(|stand| Reverse((stand.session.last_used_at, stand.session.id)));
        Ok(over.into_iter().take(limit as usize).map(|stand| stand.found()).collect())
    }

    /// Of rows that Redis lost nobody knows: then an address is new once more, and its logins count as such.
    async fn known_address(&self, email: &EmailKey, address: &str) -> Stored<bool> {
        let Some((user, _)) = self.0.sql.by_email(email).await? else { return Ok(false) };
        let rows = self.rows(user.id).await?;
        Ok(rows.iter().any(|read| read.row.session.ip.as_deref() == Some(address)))
    }

    async fn end(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Ended> {
        let this = self.clone();
        self.alone(id, async move { this.end_alone(id, owner, reason, now).await }).await
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Option<EndedAll>> {
        let this = self.clone();
        if let Some(keep) = keep {
            return self.alone(keep, async move { this.keep_alone(user, keep, reason, now).await }).await;
        }
        // Redis is asked only to tell how many they are: where it does not answer, they end all the same.
        let live = self.live(user, now).await.map_or(0, |live| live.len() as u64);
        let ended = self.0.sql.end_logins(user, reason, now).await?;
        Ok(ended.map(|event| EndedAll { sessions: live, event }))
    }

    async fn purge_sessions(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        let now = self.0.sql.earlier(now).await?;
        self.purge(now, limit).await
    }

    async fn purge_left_behind(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        self.0.sql.purge_left_behind(now, limit).await
    }

    async fn look(&self) -> Option<Trouble> {
        self.look_now().await
    }

    fn trouble(&self) -> Option<Trouble> {
        self.0.last_look.get()
    }
}
