//! Turning a session into a hybrid pair and back, without a new login.

use cloakroom_verify::{OpaqueToken, Strategy, Timestamp, Transport};

use crate::audit::Audit;
use crate::auth::Auth;
use crate::error::Result;
use crate::exchange::ExchangeAsk;
use crate::gate::Login;
use crate::grant::Grant;
use crate::refresh::{Attempt, AttemptHash};
use crate::session::RowStrategy;
use crate::store::Exchanged;

/// What came of an exchange.
#[derive(Debug)]
pub enum Exchange {
    /// The credentials of the other strategy.
    Granted(Grant),
    /// Not between these strategies, or not in this deployment.
    StrategyNotAllowed,
    /// The token is unknown, expired, revoked or was exchanged already.
    InvalidToken,
}

impl Auth {
    /// Judges a session or refresh token and hands out the other kind for the same row. The old token is dead at
    /// once; only a repeat with the same attempt gets the same answer again.
    pub async fn exchange(
        &self,
        presented: &str,
        to: Strategy,
        transport: Transport,
        attempt: Option<&Attempt>,
        now: Timestamp,
    ) -> Result<Exchange> {
        let to = match to {
            Strategy::Session => RowStrategy::Session,
            Strategy::Hybrid => RowStrategy::Hybrid,
            Strategy::Jwt => return Ok(Exchange::StrategyNotAllowed),
        };
        if !self.settings.allows(to.into()) {
            return Ok(Exchange::StrategyNotAllowed);
        }
        let Some(token) = OpaqueToken::parse(presented) else { return Ok(Exchange::InvalidToken) };
        let Some(found) = self.authentic(&token, now).await? else { return Ok(Exchange::InvalidToken) };
        if to == RowStrategy::Hybrid {
            self.signer()?;
            self.check_size(&found.user)?;
        }
        let _turn = self.gate.pass(Login::Session(token.session)).await?;
        self.flush_use(token.session).await?;
        let ask = ExchangeAsk {
            session: token.session,
            kind: token.kind,
            generation: token.generation,
            attempt: attempt.map(|attempt| AttemptHash::of(token.session, token.generation, attempt)),
            proof: None,
            to,
            transport,
            timeouts: self.settings.timeouts(to, found.session.remember),
            now,
        };
        match self.store.exchange(&ask).await? {
            Exchanged::Done(found, event) => {
                self.learn(&event);
                Audit::Exchanged(token.session, to.into()).log();
                self.renewed(found, now).map(Exchange::Granted)
            }
            Exchanged::Same(found) => self.renewed(found, now).map(Exchange::Granted),
            Exchanged::NothingToExchange => Ok(Exchange::StrategyNotAllowed),
            Exchanged::Refused(refusal) => {
                Audit::Refused(token.session, refusal).log();
                Ok(Exchange::InvalidToken)
            }
            Exchanged::Unknown => Ok(Exchange::InvalidToken),
        }
    }
}
