//! The one decision about an exchange: the same login carried by the other kind of token (docs/refresh.md).

use cloakroom_verify::{OpaqueKind, SessionId, Timestamp, Transport};

use crate::feed::AsOf;
use crate::refresh::{AttemptHash, Refusal};
use crate::session::{RowStrategy, Session, Timeouts};
use crate::user::User;

/// What a presented token asks, once its mac was found right.
#[derive(Debug, Clone)]
pub struct ExchangeAsk {
    /// The row it names.
    pub session: SessionId,
    /// The kind that its prefix says.
    pub kind: OpaqueKind,
    /// Its generation.
    pub generation: u32,
    /// The client's attempt.
    pub attempt: Option<AttemptHash>,
    /// The thumbprint of the key that the client proved to hold.
    pub proof: Option<Box<str>>,
    /// The strategy that is wanted.
    pub to: RowStrategy,
    /// How its token shall travel.
    pub transport: Transport,
    /// The timeouts of the strategy that is wanted.
    pub timeouts: Timeouts,
    /// When it is judged.
    pub now: Timestamp,
}

/// What is to be done about an [`ExchangeAsk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExchangeDecision {
    /// Turn the row over; the old token is dead at once.
    Exchange,
    /// It was done for this very attempt: answer with the current token again.
    Same,
    /// The row already has that strategy, and this is its token.
    NothingToExchange,
    /// Refused; the row stays as it is.
    Refuse(Refusal),
}

/// The rule.
pub fn decide(row: &Session, user: &User, as_of: AsOf, ask: &ExchangeAsk) -> ExchangeDecision {
    if let Err(dead) = row.judge(user, as_of, ask.now) {
        return ExchangeDecision::Refuse(Refusal::Dead(dead));
    }
    if row.jkt.is_some() && row.jkt != ask.proof {
        return ExchangeDecision::Refuse(Refusal::MissingProof);
    }
    if ask.kind != row.strategy.kind() {
        // The one token below the floor that is ever answered: the one that this attempt exchanged.
        let repeated = ask.to == row.strategy
            && ask.transport == row.transport
            && row.floor == row.generation
            && ask.generation.checked_add(1) == Some(row.generation)
            && ask.attempt.is_some()
            && row.spent.at(0).is_some_and(|entry| entry.attempt == ask.attempt);
        return if repeated { ExchangeDecision::Same } else { ExchangeDecision::Refuse(Refusal::WrongKind) };
    }
    if ask.generation > row.generation {
        return ExchangeDecision::Refuse(Refusal::FromTheFuture);
    }
    if ask.generation < row.generation {
        return ExchangeDecision::Refuse(Refusal::BelowFloor);
    }
    if ask.to == row.strategy {
        return ExchangeDecision::NothingToExchange;
    }
    ExchangeDecision::Exchange
}

impl Session {
    /// The row after [`ExchangeDecision::Exchange`]. It never ends later than it would have.
    pub fn exchange(&mut self, as_of: AsOf, ask: &ExchangeAsk) {
        self.spend(as_of, ask.attempt, ask.now);
        self.floor = self.generation;
        self.strategy = ask.to;
        self.transport = ask.transport;
        self.idle_timeout = ask.timeouts.idle;
        self.expires_at = self.expires_at.min(self.created_at.after(ask.timeouts.absolute));
        self.last_used_at = self.last_used_at.max(ask.now);
    }
}
