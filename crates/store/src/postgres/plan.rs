//! What a step tells of, and the end of every step that tells of something (docs/revocation.md): move the head and
//! insert the events, write the returned numbers into the locked rows, commit, nothing else.

use std::time::Duration;

use cloakroom_auth::feed::{self, AsOf};
use cloakroom_auth::session::EndReason;
use cloakroom_verify::{Event, Revocation, Rv, SessionId, Timestamp, UserId};

use super::fault::{Fault, Result};
use super::lineage::head_now;
use super::rows::clock;
use super::step::{COMMIT, Transaction};
use crate::words;

/// The events of a step, in their order, and the rows that get their numbers. Whoever fills it holds the locks of
/// these rows; no two events have one kind and key.
#[derive(Debug, Default)]
pub(super) struct Plan {
    events: Vec<(Revocation, Timestamp, Timestamp)>,
    floor: usize,
    ended: Vec<Ending<SessionId>>,
    swept: Vec<Ending<UserId>>,
    kept: Vec<(usize, SessionId)>,
}

#[derive(Debug)]
struct Ending<Id> {
    event: usize,
    of: Id,
    at: Timestamp,
    reason: EndReason,
}

/// What was told.
#[derive(Debug)]
pub(super) struct Told {
    /// In the order of the plan.
    pub(super) events: Vec<Event>,
    /// The head that they reach.
    pub(super) as_of: AsOf,
}

/// The numbers are taken from the head that this very statement moves: it waits for whoever moves it now, and they
/// wait for this one's commit, so the order of the numbers is the order of the commits. An event is kept by the later of
/// two clocks, the caller's and the database's: by a slow one alone it would be forgotten before what it kills has expired.
const TELL: &str = concat!(
    "WITH h AS (UPDATE feed_head SET head = ",
    head_now!(),
    " + $1, floor = CASE WHEN $2::bigint = 0 THEN floor ELSE ",
    head_now!(),
    " + $2 END, lineage = {LINEAGE} RETURNING head, floor, retention), \
     e AS (INSERT INTO feed_events AS f (rv, kind, key, keep_until) \
     SELECT h.head - $1 + n.number, n.kind, n.key, greatest(n.at_least, h.retention \
     + greatest(n.now, ",
    clock!(),
    ")) FROM h, unnest($3::text[], $4::bytea[], $5::bigint[], $6::bigint[]) WITH ORDINALITY \
     AS n (kind, key, at_least, now, number) \
     ON CONFLICT (kind, key) DO UPDATE SET rv = excluded.rv, \
     keep_until = greatest(f.keep_until, excluded.keep_until) RETURNING rv, keep_until) \
     SELECT e.rv, e.keep_until, h.head, h.floor FROM e, h ORDER BY e.rv"
);
const END: &str = "UPDATE sessions s SET revoked_rv = n.rv, revoked_at = n.at, revoked_reason = n.reason \
     FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[]) AS n (id, rv, at, reason) WHERE s.id = n.id";
const SWEEP: &str = "UPDATE users u SET min_rv = n.rv, logins_ended_at = n.at, logins_ended_reason = n.reason \
     FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[]) AS n (id, rv, at, reason) WHERE u.id = n.id";
const KEEP: &str = "UPDATE sessions s SET rv = n.rv \
     FROM unnest($1::bytea[], $2::bigint[]) AS n (id, rv) WHERE s.id = n.id";

impl Plan {
    /// Tells of something that changes no number of a row. Returns the place among the events.
    pub(super) fn tell(
        &mut self,
        revocation: Revocation,
        at_least: Option<Timestamp>,
        now: Timestamp,
    ) -> usize {
        // Forever, of what is never forgotten; of everything else the statement adds the retention that holds then.
        let forever = feed::keep_until(&revocation, now, Duration::ZERO);
        if revocation == Revocation::EverythingBefore {
            self.floor = self.events.len() + 1;
        }
        self.events.push((revocation, forever.max(at_least.unwrap_or(forever)), now));
        self.events.len() - 1
    }

    /// Ends a session.
    pub(super) fn end(&mut self, of: SessionId, reason: EndReason, at: Timestamp) -> usize {
        let event = self.tell(Revocation::SessionRevoked(of), None, at);
        self.ended.push(Ending { event, of, at, reason });
        event
    }

    /// Kills every login of a user that is older than this.
    pub(super) fn sweep(&mut self, of: UserId, reason: EndReason, at: Timestamp) -> usize {
        let event = self.tell(Revocation::UserBefore(of), None, at);
        self.swept.push(Ending { event, of, at, reason });
        event
    }

    /// Lets a session survive that event.
    pub(super) fn keep(&mut self, session: SessionId, event: usize) {
        self.kept.push((event, session));
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Runs the end of the step.
    pub(super) async fn commit(self, transaction: &Transaction<'_>) -> Result<Told> {
        self.prepare(transaction).await?;
        let told = self.told(transaction).await?;
        self.write(transaction, told).await
    }

    /// The same for a step that was decided by this floor. `None`: everything was revoked since, and a row that is kept
    /// would get a number past that; it was all taken back, and is to be decided again.
    pub(super) async fn commit_by(self, transaction: &Transaction<'_>, floor: Rv) -> Result<Option<Told>> {
        self.prepare(transaction).await?;
        let told = self.told(transaction).await?;
        if told.as_of.floor() != floor && !self.kept.is_empty() {
            transaction.start_over().await?;
            return Ok(None);
        }
        self.write(transaction, told).await.map(Some)
    }

    /// The head is locked from `told` to the commit: everything is made ready before.
    async fn prepare(&self, transaction: &Transaction<'_>) -> Result<()> {
        for sql in [TELL, END, SWEEP, KEEP, COMMIT] {
            transaction.prepare(sql).await?;
        }
        Ok(())
    }

    /// Writes the numbers into the rows, and commits.
    async fn write(self, transaction: &Transaction<'_>, told: Told) -> Result<Told> {
        let number = |event: usize| told.events.get(event).map_or(0, |event| event.rv.as_i64());
        let ended = columns(&self.ended, |id| id.as_bytes().to_vec(), number);
        let swept = columns(&self.swept, |id| id.as_bytes().to_vec(), number);
        let (kept, at): (Vec<_>, Vec<_>) =
            self.kept.iter().map(|(event, id)| (id.as_bytes().to_vec(), number(*event))).unzip();
        let end = [&ended.0 as _, &ended.1 as _, &ended.2 as _, &ended.3 as _];
        let sweep = [&swept.0 as _, &swept.1 as _, &swept.2 as _, &swept.3 as _];
        let keep = [&kept as _, &at as _];
        let mut writes: Vec<(&'static str, super::connect::Values<'_>)> = Vec::new();
        if !ended.0.is_empty() {
            writes.push((END, &end));
        }
        if !swept.0.is_empty() {
            writes.push((SWEEP, &sweep));
        }
        if !kept.is_empty() {
            writes.push((KEEP, &keep));
        }
        transaction.commit_with(&writes).await?;
        Ok(told)
    }

    /// Moves the head and inserts the events; the numbers are still to be written, and all of it to be committed.
    pub(super) async fn told(&self, transaction: &Transaction<'_>) -> Result<Told> {
        let (kinds, keys): (Vec<_>, Vec<_>) =
            self.events.iter().map(|(revocation, ..)| words::kind_and_key(revocation)).unzip();
        let at_least: Vec<_> = self.events.iter().map(|(_, at_least, _)| at_least.as_millis()).collect();
        let now: Vec<_> = self.events.iter().map(|(.., now)| now.as_millis()).collect();
        let (count, floor) = (self.events.len() as i64, self.floor as i64);
        transaction.tells();
        let rows = transaction.rows(TELL, &[&count, &floor, &kinds, &keys, &at_least, &now]).await?;
        if rows.len() != self.events.len() {
            return Err(Fault::Unreadable("the answer of the feed"));
        }
        let rv = |row: &tokio_postgres::Row, column| {
            row.try_get(column)
                .map_err(Fault::from)
                .and_then(|rv| Rv::from_i64(rv).ok_or(Fault::Unreadable("an rv")))
        };
        let mut told = Told { events: Vec::new(), as_of: AsOf::read_with_row(Rv::ZERO, Rv::ZERO) };
        for (row, (revocation, ..)) in rows.iter().zip(&self.events) {
            let keep_until = Timestamp::from_millis(row.try_get(1)?);
            told.events.push(Event { rv: rv(row, 0)?, revocation: revocation.clone(), keep_until });
            told.as_of = AsOf::read_with_row(rv(row, 2)?, rv(row, 3)?);
        }
        Ok(told)
    }
}

type Written = (Vec<Vec<u8>>, Vec<i64>, Vec<i64>, Vec<&'static str>);

fn columns<Id>(
    endings: &[Ending<Id>],
    bytes: impl Fn(&Id) -> Vec<u8>,
    number: impl Fn(usize) -> i64,
) -> Written {
    let mut columns = Written::default();
    for ending in endings {
        columns.0.push(bytes(&ending.of));
        columns.1.push(number(ending.event));
        columns.2.push(ending.at.as_millis());
        columns.3.push(ending.reason.as_str());
    }
    columns
}

impl Told {
    /// The event at this place.
    pub(super) fn event(&self, place: usize) -> Result<Event> {
        self.events.get(place).cloned().ok_or(Fault::Unreadable("the answer of the feed"))
    }
}
