//! The session table.

use async_trait::async_trait;
use cloakroom_verify::{Revocation, SessionId, Timestamp, UserId};

use super::Memory;
use crate::email::EmailKey;
use crate::exchange::{self, ExchangeAsk, ExchangeDecision};
use crate::privilege::{self, StepUp};
use crate::refresh::{self, Ask, Decision};
use crate::session::{EndReason, NewSession, Session};
use crate::store::{Ended, EndedAll, Exchanged, Found, Rotation, Sessions, Started, SteppedUp, Stored};

#[async_trait]
impl Sessions for Memory {
    async fn start(&self, new: NewSession) -> Stored<Started> {
        let mut state = self.lock();
        let NewSession { row, max_per_user } = new;
        if !state.users.get(&row.user).is_some_and(|user| user.admits(row.rv, state.as_of())) {
            return Ok(Started::DeadAtBirth);
        }
        let now = row.created_at;
        let mut others = state.live(row.user, now);
        others.sort_by_key(|session| (session.last_used_at, session.id));
        let too_many = (others.len() + 1).saturating_sub(max_per_user as usize);
        let evicted = others
            .iter()
            .take(too_many)
            .map(|session| state.end(session.id, EndReason::TooMany, now))
            .collect();
        state.sessions.insert(row.id, row);
        Ok(Started::Row { evicted })
    }

    async fn find(&self, id: SessionId) -> Stored<Option<Found>> {
        Ok(self.lock().found(id))
    }

    async fn find_many(&self, ids: &[SessionId]) -> Stored<Vec<Found>> {
        let state = self.lock();
        Ok(ids.iter().filter_map(|id| state.found(*id)).collect())
    }

    async fn touch(&self, uses: &[(SessionId, Timestamp)]) -> Stored<()> {
        let mut state = self.lock();
        for (id, at) in uses {
            let live = |session: &&mut Session| session.revoked.is_none() && *at < session.idle_expires_at();
            if let Some(session) = state.sessions.get_mut(id).filter(live) {
                session.last_used_at = session.last_used_at.max(*at);
            }
        }
        Ok(())
    }

    async fn rotate(&self, ask: &Ask) -> Stored<Rotation> {
        let mut state = self.lock();
        let Some(mut found) = state.found(ask.session) else { return Ok(Rotation::Unknown) };
        Ok(match refresh::decide(&found.session, &found.user, found.as_of, ask) {
            Decision::Rotate { adopt } => {
                found.session.rotate(adopt, found.as_of, ask);
                state.sessions.insert(ask.session, found.session.clone());
                Rotation::Rotated(found)
            }
            Decision::Same { reason } => {
                found.session.answer_again(reason);
                state.sessions.insert(ask.session, found.session.clone());
                Rotation::Same(found, reason)
            }
            Decision::Refuse(refusal) => Rotation::Refused(refusal),
            Decision::Revoke => {
                Rotation::Revoked(state.end(ask.session, EndReason::RefreshTokenReused, ask.now))
            }
        })
    }

    async fn exchange(&self, ask: &ExchangeAsk) -> Stored<Exchanged> {
        let mut state = self.lock();
        let Some(mut found) = state.found(ask.session) else { return Ok(Exchanged::Unknown) };
        Ok(match exchange::decide(&found.session, &found.user, found.as_of, ask) {
            ExchangeDecision::Exchange => {
                found.session.exchange(found.as_of, ask);
                let event = state.append(Revocation::SessionChanged(ask.session), None, ask.now);
                state.sessions.insert(ask.session, found.session.clone());
                Exchanged::Done(found, event)
            }
            ExchangeDecision::Same => Exchanged::Same(found),
            ExchangeDecision::NothingToExchange => Exchanged::NothingToExchange,
            ExchangeDecision::Refuse(refusal) => Exchanged::Refused(refusal),
        })
    }

    async fn step_up(&self, step: &StepUp) -> Stored<SteppedUp> {
        let mut state = self.lock();
        let found = state.found(step.holder.session).filter(|found| found.user.id == step.user);
        let Some(mut found) = found else { return Ok(SteppedUp::Unknown) };
        if found.user.password_hash != step.proved {
            return Ok(SteppedUp::Overtaken);
        }
        if let Err(refusal) =
            privilege::judge(&found.session, &found.user, found.as_of, &step.holder, step.now)
        {
            return Ok(SteppedUp::Refused(refusal));
        }
        found.session.renew(found.as_of, step.now);
        let event = state.append(Revocation::SessionChanged(found.session.id), None, step.now);
        state.sessions.insert(found.session.id, found.session.clone());
        Ok(SteppedUp::Done(found, event))
    }

    async fn list_ended(&self, user: UserId, now: Timestamp, limit: u32) -> Stored<Vec<Found>> {
        let state = self.lock();
        let live = state.live(user, now);
        let of_user = state.sessions.values().filter(|session| session.user == user);
        let mut ended: Vec<_> =
            of_user.filter(|session| live.iter().all(|one| one.id != session.id)).collect();
        ended.sort_by_key(|session| std::cmp::Reverse((session.last_used_at, session.id)));
        Ok(ended.iter().take(limit as usize).filter_map(|session| state.found(session.id)).collect())
    }

    async fn list_sessions(&self, user: UserId, now: Timestamp) -> Stored<Vec<Session>> {
        let mut sessions = self.lock().live(user, now);
        sessions.sort_by_key(|session| std::cmp::Reverse((session.created_at, session.id)));
        Ok(sessions)
    }

    async fn known_address(&self, email: &EmailKey, address: &str) -> Stored<bool> {
        let state = self.lock();
        let Some(user) = state.users.values().find(|user| user.email_key == *email) else { return Ok(false) };
        let from_there =
            |session: &Session| session.user == user.id && session.ip.as_deref() == Some(address);
        Ok(state.sessions.values().any(from_there))
    }

    async fn end(
        &self,
        id: SessionId,
        owner: Option<UserId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Ended> {
        let mut state = self.lock();
        let found = state.found(id).filter(|found| owner.is_none_or(|owner| owner == found.user.id));
        let Some(found) = found else { return Ok(Ended::Unknown) };
        if found.session.has_ended(&found.user, found.as_of) {
            return Ok(Ended::Already);
        }
        Ok(Ended::Now(state.end(id, reason, now)))
    }

    async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Stored<Option<EndedAll>> {
        let mut state = self.lock();
        if !state.users.contains_key(&user) {
            return Ok(None);
        }
        let live = state.live(user, now);
        if keep.is_some_and(|keep| !live.iter().any(|session| session.id == keep)) {
            return Ok(None);
        }
        let event = state.append(Revocation::UserBefore(user), None, now);
        if let Some(user) = state.users.get_mut(&user) {
            user.end_logins(event.rv, reason, now);
        }
        if let Some(kept) = keep.and_then(|keep| state.sessions.get_mut(&keep)) {
            kept.rv = event.rv;
        }
        let sessions = (live.len() - usize::from(keep.is_some())) as u64;
        Ok(Some(EndedAll { sessions, event }))
    }

    async fn purge_sessions(&self, now: Timestamp, limit: u32) -> Stored<u64> {
        let mut state = self.lock();
        let gone = state.sessions.values().filter(|session| session.expires_at < now);
        let gone: Vec<_> = gone.map(|session| session.id).take(limit as usize).collect();
        gone.iter().for_each(|id| drop(state.sessions.remove(id)));
        Ok(gone.len() as u64)
    }
}
