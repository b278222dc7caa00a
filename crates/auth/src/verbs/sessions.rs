//! Listing the logins of a user, and ending some of them.

use cloakroom_verify::{SessionId, Timestamp, UserId};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::Result;
use crate::session::{EndReason, Ending, Session};
use crate::store::{Ended, Found};

/// How many logins that are over are told of.
const ENDED: u32 = 50;

impl Auth {
    /// The live logins of a user, newest first. Logins by `jwt` have no row and are never listed.
    pub async fn sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>> {
        let mut sessions = self.store.list_sessions(user, now).await?;
        for session in &mut sessions {
            if let Some(at) = self.uses.last(session.id) {
                session.last_used_at = session.last_used_at.max(at);
            }
        }
        sessions.retain(|session| now < session.idle_expires_at());
        Ok(sessions)
    }

    /// The logins of a user that are over, with their reasons, the last used first.
    pub async fn ended_sessions(&self, user: UserId, now: Timestamp) -> Result<Vec<(Session, Ending)>> {
        let idle = self.store.list_sessions(user, now).await?;
        let asleep =
            |session: &Session| self.uses.last(session.id).is_none_or(|at| at <= session.last_used_at);
        let mut ended = self.store.list_ended(user, now, ENDED).await?;
        // Idle ones are live to a store, which does not know of all uses.
        let idle = idle.iter().filter(|session| session.idle_expires_at() <= now && asleep(session));
        let idle: Vec<_> = idle.map(|session| session.id).collect();
        if !idle.is_empty() {
            ended.extend(self.store.find_many(&idle).await?);
        }
        ended.sort_by_key(|found| std::cmp::Reverse((found.session.last_used_at, found.session.id)));
        let told = |Found { session, user, as_of }: Found| {
            let ending = session.ending(&user, as_of, now)?;
            Some((session, ending))
        };
        Ok(ended.into_iter().filter_map(told).take(ENDED as usize).collect())
    }

    /// Ends one login of a user. `false`: there is no such login of this user, or it had ended.
    pub async fn end(
        &self,
        user: UserId,
        session: SessionId,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<bool> {
        match self.end_session(session, Some(user), reason, now).await? {
            Ended::Now(_) => Ok(true),
            Ended::Already | Ended::Unknown => Ok(false),
        }
    }

    /// Ends one login, whoever's it is: for an operator.
    pub async fn end_any(&self, session: SessionId, reason: EndReason, now: Timestamp) -> Result<bool> {
        match self.end_session(session, None, reason, now).await? {
            Ended::Now(_) => Ok(true),
            Ended::Already | Ended::Unknown => Ok(false),
        }
    }

    /// Ends every login of a user but `keep`, rowless ones included, by one event. Says how many listed ones
    /// ended; `None`: `keep` is no live login of this user.
    pub async fn end_all(
        &self,
        user: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<Option<u64>> {
        let ended = self.store.end_all(user, keep, reason, now).await?;
        if let Some(ended) = &ended {
            self.learn(&ended.event);
            Audit::SessionsEnded(user, ended.sessions).log();
        }
        Ok(ended.map(|ended| ended.sessions))
    }
}
