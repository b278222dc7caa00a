//! Which sessions a user has, and which are over: hints only. Each is looked at before it counts.

use std::collections::HashMap;

use cloakroom_auth::session::{EndReason, Session};
use cloakroom_auth::store::{Ended, Stored};
use cloakroom_verify::{Event, SessionId, Timestamp, UserId};
use futures_util::future::try_join_all;

use super::decide::Stand;
use super::standing::{Read, Standing, standing};
use super::{WithRedis, scripts};
use crate::words;

/// How many rows are asked for at once.
const AT_ONCE: usize = 256;
/// How many sessions of a user are looked at.
const MOST: u32 = 4096;
/// How many ended ones are remembered when room is made.
const REMEMBERED: usize = 32;

impl WithRedis {
    /// Adds a session to the hints, before its row: a row that no list knows of could not be ended one by one. Tells how
    /// many the user's has now.
    pub(super) async fn index(&self, row: &Session, lives: i64) -> Stored<u64> {
        let score = row.expires_at.as_millis();
        let both = [row.id.as_bytes().as_slice(), row.user.as_bytes()].concat();
        let script = &scripts::INDEX;
        let mut expiry = script.key(self.expiry());
        self.0.link.run::<u64>(expiry.arg(score).arg(both).arg(lives)).await?;
        let mut logins = script.key(self.logins(row.user));
        self.0.link.run(logins.arg(score).arg(row.id.as_bytes()).arg(lives)).await
    }

    fn logins(&self, user: UserId) -> String {
        format!("{}:logins:{{{user}}}", self.0.prefix)
    }

    fn expiry(&self) -> String {
        format!("{}:expiry", self.0.prefix)
    }

    async fn members(&self, key: String, up_to: &str, limit: u32) -> Stored<Vec<Vec<u8>>> {
        self.0.link.run(scripts::MEMBERS.key(key).arg(up_to).arg(limit)).await
    }

    /// The rows that the hints lead to.
    pub(super) async fn rows(&self, user: UserId) -> Stored<Vec<Read>> {
        let ids = self.members(self.logins(user), "+inf", MOST).await?;
        let ids: Vec<_> =
            ids.into_iter().filter_map(|id| Some(SessionId::from_bytes(id.try_into().ok()?))).collect();
        let mut rows = self.read_many(&ids).await?;
        rows.retain(|read| read.row.session.user == user);
        Ok(rows)
    }

    pub(super) async fn read_many(&self, ids: &[SessionId]) -> Stored<Vec<Read>> {
        let mut rows = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            rows.extend(try_join_all(some.iter().map(|id| self.read(*id))).await?.into_iter().flatten());
        }
        Ok(rows)
    }

    /// Those that count, by facts of one snapshot. One that is changed just now is waited for.
    pub(super) async fn judged(&self, rows: Vec<Read>) -> Stored<Vec<Stand>> {
        let of: Vec<_> = rows.iter().map(|read| (read.row.session.id, read.row.session.user)).collect();
        if of.is_empty() {
            return Ok(Vec::new());
        }
        let facts = self.0.sql.facts(&of).await?;
        let mut facts: HashMap<_, _> = facts.into_iter().map(|facts| (facts.session, facts)).collect();
        let (mut judged, mut doubtful) = (Vec::with_capacity(rows.len()), Vec::new());
        for read in rows {
            let Some(facts) = facts.remove(&read.row.session.id) else { continue };
            match standing(&read, &facts.mark) {
                Standing::Row(session) => judged.push(Stand { read, facts, session }),
                Standing::Gone if facts.mark.change.is_none() => {}
                // Perhaps it only was changed between the two reads.
                Standing::Gone | Standing::Unsettled => doubtful.push(read.row.session.id),
            }
        }
        // Side by side: each may have to be waited for.
        for some in doubtful.chunks(AT_ONCE) {
            judged.extend(try_join_all(some.iter().map(|id| self.stand(*id))).await?.into_iter().flatten());
        }
        Ok(judged)
    }

    /// The live sessions of a user.
    pub(super) async fn live(&self, user: UserId, now: Timestamp) -> Stored<Vec<Stand>> {
        let mut all = self.judged(self.rows(user).await?).await?;
        all.retain(|stand| stand.lives(now));
        Ok(all)
    }

    /// Ends the least recently used sessions until there are no more than this many, and forgets those that ended long
    /// ago. Of several logins at once each may count without the others: the cap is no lock.
    pub(super) async fn make_room(&self, new: &Session, at_most: u32) -> Stored<Vec<Event>> {
        let now = new.created_at;
        let (mut live, mut over): (Vec<_>, Vec<_>) =
            self.judged(self.rows(new.user).await?).await?.into_iter().partition(|stand| stand.lives(now));
        live.retain(|stand| stand.session.id != new.id);
        live.sort_by_key(|stand| (stand.session.last_used_at, stand.session.id));
        over.sort_by_key(|stand| std::cmp::Reverse(stand.session.last_used_at));
        let forgotten: Vec<_> = over.iter().skip(REMEMBERED).map(|stand| stand.session.id).collect();
        self.forget(new.user, &forgotten).await?;
        let too_many = (live.len() + 1).saturating_sub(at_most as usize);
        let mut evicted = Vec::new();
        for stand in live.iter().take(too_many) {
            match self.end_alone(stand.session.id, None, EndReason::TooMany, now).await? {
                Ended::Now(event) => evicted.push(event),
                Ended::Already | Ended::Unknown => {}
            }
        }
        Ok(evicted)
    }

    /// Takes rows away, and the hints that lead to them after that.
    async fn forget(&self, user: UserId, ids: &[SessionId]) -> Stored<()> {
        for some in ids.chunks(AT_ONCE) {
            let delete = |id: &SessionId| {
                let key = self.key(*id);
                async move { self.0.link.run::<i64>(scripts::DELETE.key(key).arg(0)).await }
            };
            try_join_all(some.iter().map(delete)).await?;
            let script = &scripts::FORGET;
            let mut forget = script.key(self.logins(user));
            for id in some {
                forget.arg(id.as_bytes());
            }
            self.0.link.run::<i64>(&forget).await?;
        }
        Ok(())
    }

    /// Deletes what is over by its absolute timeout. Redis does so by itself a little later; its clock may differ.
    pub(super) async fn purge(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        let over = self.members(self.expiry(), &format!("({}", now.as_millis()), limit).await?;
        let mut by_user: HashMap<UserId, Vec<SessionId>> = HashMap::new();
        for member in &over {
            if let Some((id, user)) = member.split_first_chunk::<16>()
                && let Ok(user) = user.try_into()
            {
                by_user.entry(UserId::from_bytes(user)).or_default().push(SessionId::from_bytes(*id));
            }
        }
        for (user, ids) in by_user {
            self.forget(user, &ids).await?;
        }
        for some in over.chunks(AT_ONCE) {
            let script = &scripts::FORGET;
            let mut forget = script.key(self.expiry());
            for member in some {
                forget.arg(member);
            }
            self.0.link.run::<i64>(&forget).await?;
        }
        Ok(over.len() as u64)
    }

    /// For how many milliseconds Redis keeps a row: a little longer than it can be good.
    pub(super) fn lives(row: &Session) -> i64 {
        const HOUR: i64 = 3_600_000;
        words::millis(row.expires_at.since(row.created_at)).saturating_add(HOUR)
    }
}
