//! Privilege changes: decided and told in SQL, taken up in Redis.

use cloakroom_auth::exchange::{self, ExchangeAsk, ExchangeDecision};
use cloakroom_auth::privilege::{self, PasswordChange, StepUp};
use cloakroom_auth::session::{EndReason, Session};
use cloakroom_auth::store::{Exchanged, Found, PasswordChanged, SteppedUp, Stored};
use cloakroom_verify::{Event, Timestamp};

use super::WithRedis;
use super::decide::{ATTEMPTS, Stand, too_busy};
use super::row::Row;
use crate::ledger::{Change, Facts, What};

/// A change that SQL took.
struct Taken {
    stand: Stand,
    change: Change,
    /// The row after it.
    session: Session,
    event: Event,
}

impl WithRedis {
    pub(super) async fn step_up_alone(&self, step: &StepUp) -> Stored<SteppedUp> {
        for _ in 0..ATTEMPTS {
            let stand = self.stand(step.holder.session).await?;
            let stand = stand.filter(|stand| stand.facts.user.id == step.user);
            let Some(stand) = stand else { return Ok(SteppedUp::Unknown) };
            let Facts { user, as_of, .. } = stand.facts.clone();
            if user.password_hash != step.proved {
                return Ok(SteppedUp::Overtaken);
            }
            if let Err(refusal) = privilege::judge(&stand.session, &user, as_of, &step.holder, step.now) {
                return Ok(SteppedUp::Refused(refusal));
            }
            let renew = |session: &mut Session| session.renew(as_of, step.now);
            let (change, session) = next(&stand, &stand.session, renew);
            let entry = stand.entry(What::Changed(change.clone()), step.now);
            let Some(recorded) = self.0.sql.record(&stand.facts, &entry).await? else { continue };
            let taken = Taken { stand, change, session, event: recorded.event };
            let (session, event) = self.take_up(taken, renew, step.now).await;
            return Ok(SteppedUp::Done(Found { session, user, as_of }, event));
        }
        Err(too_busy())
    }

    pub(super) async fn exchange_alone(&self, ask: &ExchangeAsk) -> Stored<Exchanged> {
        for _ in 0..ATTEMPTS {
            let Some(stand) = self.stand(ask.session).await? else { return Ok(Exchanged::Unknown) };
            let Facts { user, as_of, .. } = stand.facts.clone();
            match exchange::decide(&stand.session, &user, as_of, ask) {
                ExchangeDecision::Exchange => {}
                ExchangeDecision::Same => return Ok(Exchanged::Same(stand.found())),
                ExchangeDecision::NothingToExchange => return Ok(Exchanged::NothingToExchange),
                ExchangeDecision::Refuse(refusal) => return Ok(Exchanged::Refused(refusal)),
            }
            let exchange = |session: &mut Session| session.exchange(as_of, ask);
            let (change, session) = next(&stand, &stand.session, exchange);
            let entry = stand.entry(What::Changed(change.clone()), ask.now);
            let Some(recorded) = self.0.sql.record(&stand.facts, &entry).await? else { continue };
            let taken = Taken { stand, change, session, event: recorded.event };
            let (session, event) = self.take_up(taken, exchange, ask.now).await;
            return Ok(Exchanged::Done(Found { session, user, as_of }, event));
        }
        Err(too_busy())
    }

    /// With a login to keep; without one it is SQL's alone.
    pub(super) async fn change_password_alone(
        &self,
        change_of: &PasswordChange,
        holder: &privilege::Holder,
    ) -> Stored<PasswordChanged> {
        let now = change_of.now;
        for _ in 0..ATTEMPTS {
            let stand = self.stand(holder.session).await?;
            let stand = stand.filter(|stand| stand.facts.user.id == change_of.user);
            let Some(stand) = stand else { return Ok(PasswordChanged::Unknown) };
            let Facts { mut user, as_of, .. } = stand.facts.clone();
            if user.password_hash != change_of.proved {
                return Ok(PasswordChanged::Overtaken);
            }
            if let Err(refusal) = privilege::judge(&stand.session, &user, as_of, holder, now) {
                return Ok(PasswordChanged::Refused(refusal));
            }
            let renew = |session: &mut Session| session.renew(as_of, now);
            let (change, session) = next(&stand, &stand.session, renew);
            let entry = stand.entry(What::Password(change_of.new.clone(), change.clone()), now);
            let Some(recorded) = self.0.sql.record(&stand.facts, &entry).await? else { continue };
            let event = recorded.event;
            user.password_hash = change_of.new.clone();
            user.end_logins(event.rv, EndReason::PasswordChanged, now);
            let taken = Taken { stand, change, session, event: event.clone() };
            let (mut kept, _) = self.take_up(taken, renew, now).await;
            kept.rv = event.rv;
            return Ok(PasswordChanged::Done { user, as_of: recorded.as_of, kept: Some(kept), event });
        }
        Err(too_busy())
    }

    /// Writes the row that SQL says already. Where a refresh was quicker, the change is made again upon what that left:
    /// its token is from before the change, and below the floor.
    ///
    /// Whatever fails here fails safe, and the change is done: a row that did not take it up is read as if it had, and a
    /// row that nobody can tell about any more is a login that is over.
    async fn take_up(
        &self,
        mut taken: Taken,
        change: impl Fn(&mut Session),
        now: Timestamp,
    ) -> (Session, Event) {
        for _ in 0..ATTEMPTS {
            match self.take_up_once(&mut taken, &change, now).await {
                Ok(false) => {}
                Ok(true) => break,
                Err(error) => {
                    tracing::warn!(%error, "a changed login was not written to Redis");
                    break;
                }
            }
        }
        (taken.session, taken.event)
    }

    async fn take_up_once(
        &self,
        taken: &mut Taken,
        change: impl Fn(&mut Session),
        now: Timestamp,
    ) -> Stored<bool> {
        if self.replace(&taken.stand.read, &taken.change.row).await? {
            return Ok(true);
        }
        let Some(read) = self.read(taken.session.id).await? else { return Ok(true) };
        let Some(facts) = self.facts(&read).await? else { return Ok(true) };
        let another = facts.mark.change.as_ref().is_none_or(|last| last.number != taken.change.number);
        if read.row.changes >= taken.change.number || another {
            return Ok(true);
        }
        let quicker = read.row.version != taken.change.base;
        let session = read.row.session.clone();
        taken.stand = Stand { read, facts, session };
        if quicker {
            let (next, session) = next(&taken.stand, &taken.stand.session, change);
            let entry = taken.stand.entry(What::Changed(next.clone()), now);
            if let Some(recorded) = self.0.sql.record(&taken.stand.facts, &entry).await? {
                (taken.change, taken.session, taken.event) = (next, session, recorded.event);
            }
        }
        Ok(false)
    }
}

/// The change of a row that makes this of it.
fn next(stand: &Stand, session: &Session, change: impl Fn(&mut Session)) -> (Change, Session) {
    let mut session = session.clone();
    change(&mut session);
    let (number, base): (i64, &Row) = (stand.changes() + 1, &stand.read.row);
    let row = base.next(number, session.clone()).to_bytes();
    (Change { number, base: base.version, row }, session)
}
