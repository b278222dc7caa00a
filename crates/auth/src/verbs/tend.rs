//! What a server does between requests: writes pending uses, deletes what is spent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_verify::{SessionId, Timestamp, UserId};

use crate::auth::Auth;
use crate::error::Result;
use crate::uses::Uses;

/// Rows that one step of the cleanup deletes at most, so that it never holds the database for long.
const BATCH: u32 = 500;

/// Longer than the pause between two cleanups: who has it keeps it, and who is gone is followed soon.
const CLAIM: Duration = Duration::from_secs(120);

/// What this process has deleted since it began.
#[derive(Debug, Default)]
pub struct PurgeCounts {
    /// Sessions.
    pub sessions: AtomicU64,
    /// Marks.
    pub marks: AtomicU64,
    /// Events.
    pub events: AtomicU64,
}

/// What is deleted once nobody can need it. Each may rest somewhere else, so one says nothing of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// Sessions past their absolute timeout.
    Sessions,
    /// The same, where they were before they moved.
    LeftBehind,
    /// What is known of the end of sessions whose rows are elsewhere.
    Marks,
    /// Events that can kill nothing any more.
    Events,
}

impl Expired {
    /// All of it.
    pub const ALL: [Self; 4] = [Self::Sessions, Self::LeftBehind, Self::Marks, Self::Events];
}

/// Uses that are being written. Dropped before they are, because that failed or because nobody waits any more, they go
/// back: they are not lost with whoever happened to write them.
struct Pending<'u> {
    uses: &'u Uses,
    taken: Vec<(SessionId, Timestamp)>,
}

impl Pending<'_> {
    fn written(mut self) {
        self.taken.clear();
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.uses.put_back(&self.taken);
    }
}

impl Auth {
    /// Writes the uses that are due. What fails stays remembered.
    pub async fn flush_due_uses(&self, now: Timestamp) -> Result<()> {
        self.write_uses(self.uses.take_due(now)).await
    }

    /// Writes all uses: a graceful shutdown loses none.
    pub async fn flush_all_uses(&self) -> Result<()> {
        self.write_uses(self.uses.take_all()).await
    }

    /// Writes the pending use of one session, before anybody calls it idle.
    pub(crate) async fn flush_use(&self, session: SessionId) -> Result<bool> {
        let uses = self.uses.take(session);
        let any = !uses.is_empty();
        self.write_uses(uses).await?;
        Ok(any)
    }

    /// Writes the pending uses of a user whose next login ends another one: which was used least lately is for
    /// the rows to say.
    pub(crate) async fn flush_uses_of(&self, user: UserId, now: Timestamp) -> Result<()> {
        let sessions = self.store.list_sessions(user, now).await?;
        if sessions.len() < usize::try_from(self.settings.max_sessions).unwrap_or(usize::MAX) {
            return Ok(());
        }
        let uses = sessions.iter().flat_map(|row| self.uses.take(row.id)).collect();
        self.write_uses(uses).await
    }

    async fn write_uses(&self, uses: Vec<(SessionId, Timestamp)>) -> Result<()> {
        if uses.is_empty() {
            return Ok(());
        }
        let pending = Pending { uses: &self.uses, taken: uses };
        self.touch(pending.taken.clone()).await?;
        pending.written();
        Ok(())
    }

    /// Writes uses, of each session its first of these before its last: one that was in use all the time is not idle to
    /// the last, and one that was idle is woken by neither.
    pub async fn touch(&self, mut uses: Vec<(SessionId, Timestamp)>) -> Result<()> {
        uses.sort_unstable();
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for of_one in uses.chunk_by(|one, next| one.0 == next.0) {
            if of_one.len() > 1 {
                first.extend(of_one.first());
            }
            last.extend(of_one.last());
        }
        if !first.is_empty() {
            self.store.touch(&first).await?;
        }
        Ok(self.store.touch(&last).await?)
    }

    /// Whether this server cleans up in the next two minutes: one of all that share the database does.
    pub async fn cleans_up(&self, now: Timestamp) -> Result<bool> {
        Ok(self.store.claim_cleanup(now, now.after(CLAIM)).await?)
    }

    /// One bounded step of the cleanup. Whether it left more to do.
    pub async fn purge(&self, what: Expired, now: Timestamp) -> Result<bool> {
        let (store, counts) = (&self.store, &self.purged);
        let (deleted, count) = match what {
            Expired::Sessions => (store.purge_sessions(now, BATCH).await?, &counts.sessions),
            Expired::LeftBehind => (store.purge_left_behind(now, BATCH).await?, &counts.sessions),
            Expired::Marks => (store.purge_marks(now, BATCH).await?, &counts.marks),
            Expired::Events => (store.purge_events(now, BATCH).await?, &counts.events),
        };
        count.fetch_add(deleted, Ordering::Relaxed);
        Ok(deleted >= u64::from(BATCH))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_whose_writing_is_given_up_are_written_later() {
        let (uses, session) = (Uses::default(), SessionId::from_bytes([1; 16]));
        let now = Timestamp::from_seconds(1_800_000_000);
        uses.record(session, now, Duration::from_secs(3600));
        let taken = uses.take_due(now);
        assert_eq!(taken, [(session, now)]);
        drop(Pending { uses: &uses, taken: taken.clone() });
        assert_eq!(uses.take(session), taken);
        Pending { uses: &uses, taken }.written();
        assert_eq!(uses.take(session), []);
    }
}
